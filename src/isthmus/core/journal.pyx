# cython: boundscheck=False, wraparound=False, cdivision=True
"""The journal's hot half: collect records, release what waited; see `journal.pxd` for the picture.

Owns the bytes that are not on disk yet and the queue of what waits for them. Knows no files: its
owner takes, writes, syncs, releases. Invariant: durable_lsn <= taken_lsn <= end_lsn; nothing is
released before its lsn is durable, nothing at all after a failure; entries leave in the order in
which they were held.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from isthmus.core.buffer cimport Buffer, new_buffer
from isthmus.core.message cimport Span, span, span_of
from isthmus.core.segment cimport (
    RECORD_COMMIT, RECORD_HEAD, Record, epoch_of, record_size, record_write
)
from isthmus.core.turn cimport Chore, Turn

from isthmus.base.errors import StoreError

cdef enum:
    FORMAT_VERSION = 1
    SEGMENT_PAYLOAD = 32        # of the RECORD_COMMIT that begins a segment
    ARENA_BYTES = 524288
    SPARE_MAX = 3
    SHELF_BYTES = 65536


cdef struct Held:               # the reply's bytes follow, padded to 8
    uint64_t lsn
    PyObject* holder
    uint64_t seq
    uint32_t note
    uint32_t size


cdef struct Shelf:              # entries follow
    Shelf* next
    size_t start
    size_t end
    size_t capacity


cdef inline size_t _held_size(size_t reply_size) noexcept nogil:
    return sizeof(Held) + ((reply_size + 7) & ~<size_t> 7)


cdef class Holder(Chore):
    """Whoever waits for durability."""

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        raise NotImplementedError(type(self).__name__)


cdef class Notice(Holder):
    """Calls a Python function: `call(seq, reply, note, turn)`. For what happens rarely."""

    def __init__(self, call):
        self.call = call

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        self.call(seq, reply.data[:reply.size], note, turn)
        return 0


cdef class Journal(Chore):
    """An empty journal that goes on at `start_lsn`, the beginning of a segment.

    `previous_end` is where the records before it end (what lies between does not count).
    """

    def __init__(
        self,
        owner,
        *,
        uint64_t secret,
        uint64_t segment_bytes,
        uint64_t start_lsn,
        uint64_t previous_end=0,
        uint64_t pending_max=64 << 20,
    ):
        assert segment_bytes % 8 == 0
        assert segment_bytes > RECORD_HEAD * 4 + SEGMENT_PAYLOAD
        assert start_lsn > 0
        assert start_lsn % segment_bytes == 0
        assert previous_end <= start_lsn
        self.owner = owner
        self.secret = secret
        self.segment_bytes = segment_bytes
        # beside the record its segment holds a head, and room for the next group's RECORD_COMMIT
        self.record_max = segment_bytes - RECORD_HEAD * 2 - SEGMENT_PAYLOAD
        self.pending_max = pending_max
        self.segment_next = start_lsn
        self.end_lsn = self.taken_lsn = self.durable_lsn = previous_end or start_lsn
        self.oldest_lsn = start_lsn
        self.next_number = 1
        self.reason = ""
        self.pieces = []
        self.full = []
        self.spare = []

    def __dealloc__(self):
        self._drop_held()
        free(self.spare_shelf)

    # --- appending ---

    cdef uint64_t append(self, Record* record, Turn turn) except 0:
        """Take `record`; the lsn behind it."""
        cdef Py_ssize_t size = record_size(record)
        if self.failed:
            return self.end_lsn
        if size > self.record_max:
            raise StoreError(f"record of {size} bytes: at most {self.record_max}")
        if not self.collecting:
            if self.end_lsn + RECORD_HEAD > self.segment_end:
                self._next_segment()
            else:
                self._commit(False)
        if self.end_lsn + size > self.segment_end:
            self._next_segment()
        self._put(record)
        if self.end_lsn - self.durable_lsn > self.pending_max >> 1:
            self.refusing = self.end_lsn - self.durable_lsn > self.pending_max
            if turn is not None:
                turn.stalled = True
        if turn is not None:
            turn.later(self)
        return self.end_lsn

    cdef int _put(self, Record* record) except -1:
        """Print the record where `end_lsn` is."""
        cdef Py_ssize_t size = record_size(record)
        cdef Buffer arena = self.arena
        if arena is None or arena.used + size > arena.capacity:
            self._end_piece()
            if arena is not None:
                self.full.append((self.end_lsn, arena))
            if self.spare and size <= ARENA_BYTES:
                arena = self.spare.pop()
                arena.used = 0
            else:
                arena = new_buffer(max(<Py_ssize_t> ARENA_BYTES, size))
            self.arena = arena
            self.piece_start = 0
            self.piece_lsn = self.end_lsn
        record_write(arena.data + arena.used, record, self.epoch)
        arena.used += size
        self.end_lsn += size
        return 0

    cdef int _end_piece(self) except -1:
        """What stands in the arena is a piece of the group; the next begins behind it."""
        cdef Buffer arena = self.arena
        if arena is None:
            return 0
        if arena.used > self.piece_start:
            self.pieces.append((self.piece_lsn, memoryview(arena)[self.piece_start:arena.used]))
        self.piece_start = arena.used
        self.piece_lsn = self.end_lsn
        return 0

    cdef int _next_segment(self) except -1:
        """Leave the rest of the segment unused and begin the next."""
        self._end_piece()
        self._commit(True)
        return 0

    cdef int _commit(self, bint begins_segment) except -1:
        """Print the RECORD_COMMIT of a group or a segment."""
        cdef Record record
        cdef SegmentHead head
        cdef uint64_t released = self.taken_lsn  # all that was taken is released before this is
        memset(&record, 0, sizeof(Record))
        if begins_segment:
            head.version = FORMAT_VERSION
            head.reserved = 0
            head.previous_end = self.end_lsn
            head.oldest_lsn = self.oldest_lsn
            head.next_number = self.next_number
            record.payload = span(<char*> &head, SEGMENT_PAYLOAD)
            self.end_lsn = self.segment_next
            self.piece_lsn = self.end_lsn
            self.segment_next += self.segment_bytes
            self.segment_end = self.segment_next
            self.epoch = epoch_of(self.secret, self.end_lsn // self.segment_bytes)
        record.kind = RECORD_COMMIT
        record.owner = self.end_lsn
        record.seq = released
        record.time_ns = <int64_t> self.oldest_lsn
        self.collecting = True
        self._put(&record)
        return 0

    cdef int settle(self, Turn turn) except -1:
        """Tell the owner, once per turn, that there is something to take."""
        if self.end_lsn > self.taken_lsn and not self.failed:
            self.owner.appended(turn)
        return 0

    # --- holding and releasing ---

    cdef Shelf* _shelf(self, size_t size) except NULL:
        """A shelf with room for `size` bytes at its end."""
        cdef Shelf* shelf = self.last_shelf
        cdef size_t capacity = SHELF_BYTES - sizeof(Shelf)
        if shelf != NULL and shelf.capacity - shelf.end >= size:
            return shelf
        if self.spare_shelf != NULL and self.spare_shelf.capacity >= size:
            shelf = self.spare_shelf
            self.spare_shelf = NULL
        else:
            capacity = max(capacity, size)
            shelf = <Shelf*> malloc(sizeof(Shelf) + capacity)
            if shelf == NULL:
                raise MemoryError()
            shelf.capacity = capacity
        shelf.next = NULL
        shelf.start = shelf.end = 0
        if self.last_shelf == NULL:
            self.first_shelf = shelf
        else:
            self.last_shelf.next = shelf
        self.last_shelf = shelf
        return shelf

    cdef int hold(
        self, uint64_t lsn, Holder holder, uint64_t seq, Span reply, uint32_t note
    ) except -1:
        """Remember to tell `holder` when everything below `lsn` is released."""
        cdef size_t size = _held_size(reply.size)
        cdef Shelf* shelf
        cdef Held* held
        if self.failed:
            return 0
        assert self.durable_lsn < lsn <= self.end_lsn
        shelf = self._shelf(size)
        held = <Held*> (<char*> (shelf + 1) + shelf.end)
        held.lsn = lsn
        held.holder = <PyObject*> holder
        held.seq = seq
        held.note = note
        held.size = <uint32_t> reply.size
        if reply.size:
            memcpy(held + 1, reply.data, reply.size)
        shelf.end += size
        self.waited_lsn = lsn
        Py_INCREF(holder)
        self.held_count += 1
        return 0

    cpdef int release(self, uint64_t durable_lsn, Turn turn) except -1:
        """Everything below `durable_lsn` is on disk: tell whoever waits for it."""
        cdef Shelf* shelf
        cdef Held* held
        cdef Holder holder
        if self.failed:
            return 0
        assert self.durable_lsn <= durable_lsn <= self.taken_lsn
        self.durable_lsn = durable_lsn
        self.refusing = self.end_lsn - durable_lsn > self.pending_max
        while self.full and <uint64_t> self.full[0][0] <= durable_lsn:
            if len(self.spare) < SPARE_MAX and (<Buffer> self.full[0][1]).capacity == ARENA_BYTES:
                self.spare.append(self.full[0][1])
            del self.full[0]
        if self.spare and self.end_lsn == durable_lsn:
            self.spare.clear()  # nothing is under way: what a burst needed goes back to the system
        if self.releasing:
            return 0
        self.releasing = True
        try:
            while self.first_shelf != NULL:
                shelf = self.first_shelf
                if shelf.start == shelf.end:
                    if shelf.next == NULL:
                        shelf.start = shelf.end = 0
                        break
                    self.first_shelf = shelf.next
                    free(self.spare_shelf)
                    self.spare_shelf = shelf
                    continue
                held = <Held*> (<char*> (shelf + 1) + shelf.start)
                if held.lsn > self.durable_lsn:
                    break
                shelf.start += _held_size(held.size)
                self.held_count -= 1
                holder = <Holder> held.holder
                Py_DECREF(holder)
                holder.durable(
                    held.seq, span(<const char*> (held + 1), held.size), held.note, turn
                )
        finally:
            self.releasing = False
        return 0

    cdef void _drop_held(self) noexcept:
        cdef Shelf* shelf
        cdef Held* held
        while self.first_shelf != NULL:
            shelf = self.first_shelf
            while shelf.start < shelf.end:
                held = <Held*> (<char*> (shelf + 1) + shelf.start)
                shelf.start += _held_size(held.size)
                Py_DECREF(<object> held.holder)
            self.first_shelf = shelf.next
            free(shelf)
        self.last_shelf = NULL
        self.held_count = 0

    # --- for the owner ---

    def take(self) -> list:
        """The group that has collected: `(lsn, bytes-like)` pieces in order, each in one segment.

        Until they are released no other group may be written.
        """
        self._end_piece()
        pieces = self.pieces
        self.pieces = []
        self.collecting = False
        self.taken_lsn = self.end_lsn
        return pieces

    def mark(self) -> tuple[int, bytes]:
        """`(lsn, bytes)` of a record that says: everything taken so far is released.

        It goes where the next group will begin, and is overwritten by it. No bytes: no room there.
        """
        cdef Record record
        cdef bytes out
        if self.taken_lsn + RECORD_HEAD > self.segment_end or self.collecting:
            return self.taken_lsn, b""
        memset(&record, 0, sizeof(Record))
        record.kind = RECORD_COMMIT
        record.owner = record.seq = self.taken_lsn
        record.time_ns = <int64_t> self.oldest_lsn
        out = bytes(RECORD_HEAD)
        record_write(<char*> out, &record, self.epoch)
        return self.taken_lsn, out

    def fail(self, str reason not None) -> None:
        """Stop for good: refuse everything, release nothing."""
        if self.failed:
            return
        self.failed = self.refusing = True
        self.reason = reason
        self.pieces = []
        self.full = []
        self.spare = []
        self.arena = None
        if not self.releasing:
            self._drop_held()

    def write(
        self,
        Turn turn,
        int kind,
        uint64_t owner,
        uint64_t seq=0,
        int64_t time_ns=0,
        *,
        bytes subject not None=b"",
        bytes header not None=b"",
        bytes payload not None=b"",
    ) -> int:
        """Append a rare record; the lsn behind it."""
        cdef Record record
        memset(&record, 0, sizeof(Record))
        if len(subject) > 0xFFFF:
            raise StoreError(f"subject of {len(subject)} bytes: a record holds 65535")
        record.kind = kind
        record.owner = owner
        record.seq = seq
        record.time_ns = time_ns
        record.subject = span_of(subject)
        record.header = span_of(header)
        record.payload = span_of(payload)
        return self.append(&record, turn)

    def when_durable(
        self, uint64_t lsn, call, uint64_t seq=0, bytes reply not None=b"", uint32_t note=0
    ) -> None:
        """Call `call(seq, reply, note, turn)` when everything below `lsn` is released."""
        self.hold(lsn, Notice(call), seq, span_of(reply), note)
