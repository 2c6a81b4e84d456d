"""The record: one layout for the journal, for stream blocks and for recovery.

        0       4       8     9     10      12      16      24      32      40
        │ size  │ check │kind │flags│subject│header │ owner │ seq   │time_ns│ subject header payload
        │ u32   │ u32   │ u8  │ u8  │ u16   │ u32   │ u64   │ u64   │ i64   │

`size` counts from its own first byte to the end of the payload, padding excluded; records start at
multiples of 8. `check` is CRC-32C of everything but itself, masked with the epoch of the file: a
record left over from a segment's earlier life never passes, and a payload that looks like a record
passes only if its author knows the store's secret. A size of 0 ends a scan (pre-zeroed).
All numbers little endian. The full format is in `docs/internals/store-format.md`.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from isthmus.core.message cimport Span

cdef enum:
    RECORD_HEAD = 40
    RECORD_MAX = 0x40000000     # 1 GiB: a larger size is damage
    RECORD_FLAGS_END = 32       # flags in use are below (docs/internals/store-format.md)

cdef enum RecordKind:
    RECORD_MESSAGE = 1          # a message of stream `owner`
    RECORD_REMOVE = 2           # message `seq` of `owner` is gone; above last_seq: never stored
    RECORD_PURGE = 3            # everything below `seq` is gone; `subject`, if any, is a pattern
    RECORD_ACK = 4              # consumer state: delivery, acknowledgement, … (payload says which)
    RECORD_STREAM = 5           # stream created or changed: subject name, header account, payload
    RECORD_CONSUMER = 6         # consumer created or changed: subject name, seq stream, payload
    RECORD_DELETE = 7           # stream or consumer `owner` is gone
    # begins a group: `owner` is its lsn; below lsn `seq` all is released, below lsn `time_ns` not
    # needed any more
    RECORD_COMMIT = 8
    RECORD_META = 9             # a file of its own: what the store is, what a stream is
    RECORD_KIND_END = 10


cdef struct Record:
    uint8_t kind
    uint8_t flags
    uint32_t crc                # of this content, before masking; 0: not computed yet
    uint64_t owner              # store-wide number of the stream or consumer
    uint64_t seq
    int64_t time_ns
    Span subject                # at most 65535 bytes
    Span header
    Span payload


# bytes the record occupies, padding included
cdef Py_ssize_t record_size(const Record* record) noexcept nogil
# remembers the checksum in `record`, so that a second copy of it costs no second pass
cdef void record_write(char* to, Record* record, uint32_t epoch) noexcept nogil
# the same without a checksum: for memory that nobody writes out
cdef void record_print(char* to, const Record* record) noexcept nogil
# bytes occupied (padding included), 0 at the end (zeros or too short), -1 if damaged
cdef Py_ssize_t record_read(
    const char* data, Py_ssize_t available, uint32_t epoch, Record* out
) noexcept nogil
# the same without looking at the checksum: for memory that this process filled itself
cdef Py_ssize_t record_view(const char* data, Py_ssize_t available, Record* out) noexcept nogil
# where the next sound record stands, looking from a damaged one at `at` on; -1: nowhere
cdef Py_ssize_t record_resync(
    const char* data, Py_ssize_t at, Py_ssize_t size, uint32_t epoch
) noexcept nogil
# the epoch of a file: `what` is a segment's number, or a stream's with the top bit set
cdef uint32_t epoch_of(uint64_t secret, uint64_t what) noexcept nogil
cdef uint32_t crc32c(uint32_t crc, const char* data, Py_ssize_t size) noexcept nogil


cdef class Entry:
    """One record as Python values, copied: for what happens rarely."""

    cdef readonly int kind
    cdef readonly int flags
    cdef readonly uint64_t owner
    cdef readonly uint64_t seq
    cdef readonly int64_t time_ns
    cdef readonly bytes subject
    cdef readonly bytes header
    cdef readonly bytes payload


cdef Entry entry_of(const Record* record)
