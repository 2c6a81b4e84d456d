# cython: boundscheck=False, wraparound=False, cdivision=True
"""When single messages expire: a heap of times, and the removal of what is due.

A message with a TTL of its own says so in its record's flags (stored.pxd), so that after a restart
those with a TTL are found without reading headers of all the others.

        heap    (at, seq) ── earliest on top         one entry per message with a TTL
        expire  top due? ─► remove the message, or leave the last one of its subject to a marker
        max_age needs no heap: the log is in order of time (`expire_by_age`)

Owns the heap of one stream.
Knows no header but the two that tell a delete marker from other messages. Invariant: every stored
message with a TTL has an entry; an entry whose message is gone is dropped when its time comes, or
when such entries outnumber the messages.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp

from isthmus.core.message cimport Span, span, span_of
from isthmus.core.segment cimport Record
from isthmus.core.stored cimport NEVER_EXPIRES, STORED, WITH_TTL, Stored
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.turn cimport Turn

cdef enum:
    IDLE_ENTRIES = 1024         # whose messages may be gone, before the heap is cleared of them


cdef struct Due:
    int64_t at_ns
    uint64_t seq


cdef class Expiries:
    """Messages of `stored` that expire by themselves."""

    cdef Stored stored
    cdef Due* heap
    cdef Py_ssize_t count
    cdef Py_ssize_t capacity

    def __init__(self, Stored stored not None):
        self.stored = stored

    def __dealloc__(self):
        free(self.heap)

    def __len__(self) -> int:
        return self.count

    def add(self, uint64_t seq, int64_t at_ns) -> None:
        """Message `seq` expires at `at_ns`."""
        cdef Due due
        if self.count > IDLE_ENTRIES and <uint64_t> self.count > 2 * self.stored.log.messages:
            self._prune()
        due.at_ns = at_ns
        due.seq = seq
        self._push(due)

    @property
    def next_ns(self) -> int:
        """When the next message expires; 0: none does."""
        return self.heap[0].at_ns if self.count else 0

    def expire(
        self, int64_t now_ns, Py_ssize_t limit, bint markers, Turn turn not None
    ) -> tuple[int, list]:
        """Remove what is due; `(how many were looked at, subjects that want a delete marker)`.

        What a marker will stand for stays: the marker rolls it up.
        """
        cdef Py_ssize_t looked = 0
        cdef uint64_t seq
        cdef list marked = []
        while looked < limit and self.count and self.heap[0].at_ns <= now_ns:
            seq = self.heap[0].seq
            self._pop()
            looked += 1
            _expire(self.stored, seq, marked if markers else None, turn)
        return looked, marked

    def recall(self, uint64_t seq, Py_ssize_t limit) -> tuple[list, int]:
        """After a restart: `(seq, time, header)` of messages with a TTL, and where to go on."""
        cdef StreamLog log = self.stored.log
        cdef Record record
        cdef list out = []
        cdef Py_ssize_t _looked
        for _looked in range(limit):
            seq = log.next_present(seq)
            if seq == 0:
                return out, 0
            if log.read(seq, &record) and record.flags & WITH_TTL:
                out.append((seq, record.time_ns, record.header.data[: record.header.size]))
            seq += 1
        return out, seq

    cdef int _push(self, Due due) except -1:
        cdef Py_ssize_t at, above
        cdef void* grown
        if self.count == self.capacity:
            at = max(64, self.capacity * 2)
            grown = realloc(self.heap, at * sizeof(Due))
            if grown == NULL:
                raise MemoryError
            self.heap = <Due*> grown
            self.capacity = at
        at = self.count
        self.count += 1
        while at > 0:
            above = (at - 1) >> 1
            if self.heap[above].at_ns <= due.at_ns:
                break
            self.heap[at] = self.heap[above]
            at = above
        self.heap[at] = due
        return 0

    cdef void _pop(self) noexcept:
        cdef Py_ssize_t at = 0, below
        cdef Due last
        self.count -= 1
        last = self.heap[self.count]
        while 2 * at + 1 < self.count:
            below = 2 * at + 1
            if below + 1 < self.count and self.heap[below + 1].at_ns < self.heap[below].at_ns:
                below += 1
            if last.at_ns <= self.heap[below].at_ns:
                break
            self.heap[at] = self.heap[below]
            at = below
        self.heap[at] = last

    cdef int _prune(self) except -1:
        """Forget entries whose messages are gone."""
        cdef Py_ssize_t at, count = self.count
        self.count = 0
        for at in range(count):     # pushing never overtakes reading
            if self.stored.log.next_present(self.heap[at].seq) == self.heap[at].seq:
                self._push(self.heap[at])
        return 0


def expire_by_age(
    Stored stored not None, uint64_t seq, int64_t until_ns, Py_ssize_t limit, bint markers,
    Turn turn not None,
) -> tuple[int, int, list]:
    """Remove messages from `seq` on that were stored at `until_ns` or before, but for the lasting.

    `(where to go on, time of the message there or 0, subjects that want a delete marker)`. The time
    is 0 if the limit was reached, or nothing follows (then the sequence is 0, too).
    """
    cdef Record record
    cdef list marked = []
    cdef Py_ssize_t _looked
    for _looked in range(limit):
        seq = stored.log.next_present(seq)
        if seq == 0:
            return 0, 0, marked
        if stored.log.read(seq, &record) and not record.flags & NEVER_EXPIRES:
            if record.time_ns > until_ns:
                return seq, record.time_ns, marked
            _expire(stored, seq, marked if markers else None, turn)
        seq += 1
    return seq, 0, marked


def add_marker(
    Stored stored not None, bytes subject not None, bytes header not None, int flags,
    Turn turn not None,
) -> int:
    """Store a message that nobody published; its sequence."""
    cdef Record record
    cdef uint64_t lsn
    record.subject = span_of(subject)
    record.header = span_of(header)
    record.payload = span(NULL, 0)
    record.time_ns = turn.now_ns
    record.flags = <unsigned char> flags
    lsn = stored.put(&record, turn)
    stored.enforce(record.subject, turn)
    stored.reply(lsn, record.seq, span(NULL, 0), STORED, turn)
    return record.seq


cdef int _expire(Stored stored, uint64_t seq, list marked, Turn turn) except -1:
    """Message `seq` has had its time; `marked` None: no marker takes the place of the last one."""
    cdef Record record
    cdef SubjectEntry* entry
    if not stored.log.read(seq, &record):
        return 0
    if marked is not None:
        entry = stored.tree.find(record.subject)
        if entry != NULL and entry.count == 1 and not _ends_its_subject(record.header):
            marked.append(record.subject.data[: record.subject.size])
            return 0
    stored.remove(seq, turn)
    return 1


cdef bint _ends_its_subject(Span header) noexcept:
    """Does it say that its subject is gone already: a marker, or a purge of a key?"""
    return _has(header, b"\r\nNats-Marker-Reason:", 21) or (
        _has(header, b"\r\nKV-Operation: PURGE\r\n", 23)
    )


cdef bint _has(Span text, const char* part, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at
    for at in range(text.size - size + 1):
        if text.data[at] == part[0] and not memcmp(text.data + at, part, size):
            return True
    return False
