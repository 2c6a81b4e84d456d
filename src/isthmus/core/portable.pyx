# cython: boundscheck=False, wraparound=False, cdivision=True
"""Messages on their way out of one store and into another one: records that belong to no stream.

        a block of stream 12      →  portable records      →  the log of stream 31
        owner 12, its own epoch      owner 0, epoch 0         owner 31, its own epoch

Owns the two steps, each bounded by its caller. Knows no archive and no file. Invariant: a record is
copied only if its checksum says that it is one, and gets a new one from what was checked; what is
admitted has a greater sequence than all before it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from isthmus.core.block cimport Block
from isthmus.core.buffer cimport Buffer
from isthmus.core.effort cimport REMOVE_NS, spend
from isthmus.core.message cimport Span
from isthmus.core.segment cimport (
    RECORD_FLAGS_END, RECORD_HEAD, RECORD_MAX, RECORD_MESSAGE, Record, record_read, record_resync,
    record_size, record_view, record_write
)
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree

from isthmus.base.errors import StoreError


def held(StreamLog log not None) -> dict:
    """Views of the blocks that no file holds in full, by their first sequence.

    A view keeps its bytes, whatever happens to the block; only erasing a message reaches them.
    """
    cdef Py_ssize_t at
    cdef Block* block
    cdef dict out = {}
    for at in range(log.start, log.end):
        block = log.blocks[at]
        if block.written < block.size:
            out[block.first_seq] = memoryview(<Buffer> block.buffer)[:block.size]
    return out


cdef class Packer:
    """Takes the messages out of a block, as it was at some moment, a part at a time.

    `data` are the bytes of a block of `log`, `gone` the bits of what was removed by then;
    `left_out` may grow meanwhile.
    """

    cdef object data                # owned: what `view` shows
    cdef const unsigned char[::1] view
    cdef bytes gone
    cdef set left_out
    cdef uint64_t owner
    cdef uint64_t first_seq
    cdef uint64_t span
    cdef uint32_t epoch
    cdef bint plain
    cdef Py_ssize_t at
    cdef uint64_t before
    cdef readonly Py_ssize_t messages
    cdef readonly list damage       # (offset, last sequence before it)

    def __init__(
        self, StreamLog log not None, data not None, *, uint64_t first_seq, uint64_t span,
        bytes gone not None, set left_out not None,
    ):
        self.data = data
        if len(data):
            self.view = data
        self.gone = gone
        self.left_out = left_out
        self.owner = log.number
        self.first_seq = first_seq
        self.span = span
        self.epoch = log.epoch
        self.plain = log.memory                     # without checksums
        self.damage = []

    def part(self, Py_ssize_t wanted) -> bytes:
        """About `wanted` bytes of portable records, one at least; nothing: that was all."""
        cdef Py_ssize_t size = len(self.data)
        cdef const char* raw = <const char*> &self.view[0] if size else NULL
        cdef Py_ssize_t begin = self.at
        cdef Py_ssize_t occupied
        cdef Record record
        cdef list out = []
        cdef Py_ssize_t collected = 0
        while self.at < size and (collected == 0 or self.at - begin < wanted):
            occupied = self._read(raw, size, &record)
            if occupied <= 0:
                self.damage.append((self.at, self.before))
                self.at = record_resync(raw, self.at, size, self.epoch)
                if self.plain or self.at < 0:
                    self.at = size
                continue
            self.at += occupied
            self.before = record.seq
            if not self._wanted(record.seq):
                continue
            out.append(_portable(&record))
            collected += occupied
            self.messages += 1
        return b"".join(out)

    cdef Py_ssize_t _read(self, const char* raw, Py_ssize_t size, Record* out) noexcept:
        cdef Py_ssize_t occupied
        if self.plain:
            occupied = record_view(raw + self.at, size - self.at, out)
        else:
            occupied = record_read(raw + self.at, size - self.at, self.epoch, out)
        if occupied > 0 and (
            out.owner != self.owner or out.seq <= self.before or out.seq < self.first_seq
            or out.seq - self.first_seq >= self.span
        ):
            return -1
        return occupied

    cdef bint _wanted(self, uint64_t seq) except -1:
        cdef uint64_t place = seq - self.first_seq
        cdef const unsigned char* bits = <const unsigned char*> PyBytes_AS_STRING(self.gone)
        if <Py_ssize_t> (place >> 3) < len(self.gone) and bits[place >> 3] >> (place & 7) & 1:
            return False
        return not self.left_out or seq not in self.left_out


cdef bytes _portable(Record* record):
    cdef bytes out = PyBytes_FromStringAndSize(NULL, record_size(record))
    record.owner = 0
    record.crc = 0
    record_write(PyBytes_AS_STRING(out), record, 0)
    return out


def admit(
    bytes data not None, Py_ssize_t at, StreamLog log not None, SubjectTree tree not None,
    Py_ssize_t limit,
) -> int:
    """Add up to `limit` portable records from `at` on to `log`; where the next one begins.

    A record that is not all there yet is left. Raises `StoreError` for what is no message, or not
    one that may follow.
    """
    cdef const char* raw = PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = len(data)
    cdef Py_ssize_t _count, occupied
    cdef uint32_t length
    cdef Record record
    for _count in range(limit):
        if size - at < RECORD_HEAD:
            break
        memcpy(&length, raw + at, 4)
        if length < RECORD_HEAD or length > RECORD_MAX:
            raise StoreError(f"no record of a message behind sequence {log.last_seq}")
        if <Py_ssize_t> ((length + 7) & ~<uint32_t> 7) > size - at:
            break
        occupied = record_read(raw + at, size - at, 0, &record)
        if (
            occupied <= 0 or record.kind != RECORD_MESSAGE or record.flags >= RECORD_FLAGS_END
            or record.time_ns < 0 or not _fit(record.subject)
        ):
            raise StoreError(f"the record of a message behind sequence {log.last_seq} is damaged")
        if record.seq <= log.last_seq or record.seq >= <uint64_t> -2:
            raise StoreError(f"sequence {record.seq} does not follow {log.last_seq}")
        record.owner = log.number
        record.crc = 0
        log.append(&record)
        tree.add(record.subject, record.seq)
        spend(REMOVE_NS)                            # adding costs about what removing does
        at += occupied
    return at


cdef bint _fit(Span subject) noexcept:
    """Can it be printed in a protocol line?"""
    cdef Py_ssize_t at
    if subject.size == 0:
        return False
    for at in range(subject.size):
        if subject.data[at] in (0, 9, 10, 13, 32):
            return False
    return True
