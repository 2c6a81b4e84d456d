"""The record: one layout for the journal, for stream blocks and for recovery.

        0        4        8     9     10       12       16       24       32       40
        │ size   │ check  │kind │flags│subject │header  │ owner  │ seq    │ time_ns│ subject header payload │ pad
        │ u32    │ u32    │ u8  │ u8  │ u16    │ u32    │ u64    │ u64    │ i64    │                        │ to 8

`size` counts from its own first byte to the end of the payload, padding excluded; records start at
multiples of 8. `check` is CRC-32C of everything behind it, seeded with the epoch of the file, so a
record left over from a segment's earlier life never passes. A size of 0 ends a scan (pre-zeroed).
All numbers little endian. The full format is in `docs/internals/store-format.md`.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from isthmus.core.message cimport Span

cdef enum:
    RECORD_HEAD = 40

cdef enum RecordKind:
    RECORD_MESSAGE = 1          # a message of stream `owner`
    RECORD_REMOVE = 2           # message `seq` of stream `owner` is gone
    RECORD_PURGE = 3            # everything below `seq` is gone (payload may narrow it)
    RECORD_ACK = 4              # consumer state: delivery, acknowledgement, … (payload says which)
    RECORD_STREAM = 5           # configuration of a stream, created or changed (payload: JSON)
    RECORD_CONSUMER = 6         # the same of a consumer
    RECORD_DELETE = 7           # a stream or consumer is gone


cdef struct Record:
    uint8_t kind
    uint8_t flags
    uint64_t owner              # store-wide number of the stream or consumer
    uint64_t seq
    int64_t time_ns
    Span subject
    Span header
    Span payload


cdef Py_ssize_t record_size(const Record* record) noexcept nogil
cdef void record_write(char* to, const Record* record, uint32_t epoch) noexcept nogil
# bytes occupied (padding included), 0 at the end (zeros or too short), -1 if damaged
cdef Py_ssize_t record_read(
    const char* data, Py_ssize_t available, uint32_t epoch, Record* out
) noexcept nogil
