# cython: boundscheck=False, wraparound=False, cdivision=True
"""Subjects of one stream; see `subject_tree.pxd` for the picture.

Owns the table. Knows no messages: who removes one tells the tree. Invariant: every entry is
reachable through the table and in the order, `count` of them; an entry's `count` is never 0; an end
that is not exact is marked stale.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from isthmus.core.message cimport Span, span, span_of
from isthmus.core.subject_order cimport (
    STALE_FIRST, STALE_LAST, SubjectEntry, SubjectOrder, SubjectVisitor, Tally, count_in, count_out,
    entry_at, entry_subject, same,
)

cdef enum:
    MOVED = 0xFFFFFFFF          # in the old table: nothing here any more
    START_BITS = 4
    MOVES = 8                   # slots that move to the new table with each new subject


cdef uint32_t _tag(Span subject, uint64_t seed) noexcept nogil:
    """32 bits of a hash, never 0; the table's index is its upper bits."""
    cdef uint64_t state = seed ^ <uint64_t> subject.size
    cdef uint64_t word
    cdef const char* at = subject.data
    cdef Py_ssize_t left = subject.size
    while left > 0:
        word = 0
        memcpy(&word, at, 8 if left >= 8 else left)
        state = (state ^ word) * <uint64_t> 0x9E3779B97F4A7C15
        state ^= state >> 29
        at += 8
        left -= 8
    state *= <uint64_t> 0xBF58476D1CE4E5B9
    state ^= state >> 32
    return <uint32_t> state | 1


cdef class SubjectTree(SubjectOrder):
    """First, last and number of messages per subject. `seed` is secret and any 64-bit number."""

    def __init__(self, uint64_t seed=0):
        self.seed = seed

    def __dealloc__(self):
        free(self.slots)
        free(self.old_slots)

    cdef int clear(self) except -1:
        """Forget everything at once, whatever its size."""
        free(self.slots)
        free(self.old_slots)
        self.slots = NULL
        self.slot_bits = 0
        self.old_slots = NULL
        self.old_bits = 0
        self.old_moved = 0
        self.count = 0
        self.forget()
        return 0

    # --- the table ---

    cdef Slot* _probe(self, Slot* slots, int bits, uint32_t tag, Span subject) noexcept:
        """The slot of `subject`, or NULL."""
        cdef uint32_t mask = (<uint32_t> 1 << bits) - 1
        cdef uint32_t place = tag >> (32 - bits)
        while slots[place].entry != 0:
            if slots[place].tag == tag and slots[place].entry != MOVED:
                if same(entry_subject(entry_at(self.arena, slots[place].entry)), subject):
                    return slots + place
            place = (place + 1) & mask
        return NULL

    cdef void _put(self, uint32_t tag, uint32_t entry) noexcept:
        cdef uint32_t mask = (<uint32_t> 1 << self.slot_bits) - 1
        cdef uint32_t place = tag >> (32 - self.slot_bits)
        while self.slots[place].entry != 0:
            place = (place + 1) & mask
        self.slots[place].tag = tag
        self.slots[place].entry = entry

    cdef void _move(self, uint32_t moves) noexcept:
        """Carry the next slots of the old table over; free it when it is empty."""
        cdef uint32_t size = <uint32_t> 1 << self.old_bits
        cdef Slot* slot
        while moves and self.old_moved < size:
            slot = self.old_slots + self.old_moved
            if slot.entry != 0 and slot.entry != MOVED:
                self._put(slot.tag, slot.entry)
                slot.entry = MOVED
            self.old_moved += 1
            moves -= 1
        if self.old_moved == size:
            free(self.old_slots)
            self.old_slots = NULL

    cdef int _make_room(self) except -1:
        """Room for one more; growing is spread over the adds that follow."""
        cdef Slot* grown
        cdef int bits
        if self.old_slots != NULL:
            self._move(MOVES)
        if self.slots == NULL:
            self.slots = <Slot*> calloc(1 << START_BITS, sizeof(Slot))
            if self.slots == NULL:
                raise MemoryError()
            self.slot_bits = START_BITS
        elif (<uint64_t> self.count + 1) * 4 > (<uint64_t> 3 << self.slot_bits):
            if self.old_slots != NULL:
                self._move(<uint32_t> 1 << self.old_bits)
            bits = self.slot_bits + 1
            if bits > 31:
                raise MemoryError("too many subjects in one stream")
            grown = <Slot*> calloc(<size_t> 1 << bits, sizeof(Slot))
            if grown == NULL:
                raise MemoryError()
            self.old_slots = self.slots
            self.old_bits = self.slot_bits
            self.old_moved = 0
            self.slots = grown
            self.slot_bits = bits
        return 0

    cdef void _take_out(self, uint32_t tag, Span subject) noexcept:
        """Empty the subject's slot; in the new table those behind it close up."""
        cdef uint32_t mask = (<uint32_t> 1 << self.slot_bits) - 1
        cdef uint32_t hole, place, home
        cdef Slot* slot = self._probe(self.slots, self.slot_bits, tag, subject)
        if slot == NULL:
            slot = self._probe(self.old_slots, self.old_bits, tag, subject)
            slot.entry = MOVED
            return
        hole = <uint32_t> (slot - self.slots)
        place = hole
        while True:
            place = (place + 1) & mask
            if self.slots[place].entry == 0:
                break
            home = self.slots[place].tag >> (32 - self.slot_bits)
            if ((place - home) & mask) >= ((place - hole) & mask):
                self.slots[hole] = self.slots[place]
                hole = place
        self.slots[hole].entry = 0

    # --- what happens per message ---

    cdef SubjectEntry* find(self, Span subject) noexcept:
        """The entry of a literal subject, or NULL."""
        cdef uint32_t tag
        cdef Slot* slot
        if self.count == 0:
            return NULL
        tag = _tag(subject, self.seed)
        slot = self._probe(self.slots, self.slot_bits, tag, subject)
        if slot == NULL and self.old_slots != NULL:
            slot = self._probe(self.old_slots, self.old_bits, tag, subject)
        return entry_at(self.arena, slot.entry) if slot != NULL else NULL

    cdef SubjectEntry* add(self, Span subject, uint64_t seq) except NULL:
        """Count message `seq`, newer than all others of its subject."""
        cdef SubjectEntry* entry = self.find(subject)
        cdef uint32_t fresh
        if entry != NULL:
            entry.last_seq = seq
            entry.count += 1
            entry.stale &= STALE_FIRST
            count_in(self, entry, seq)
            return entry
        if subject.size > 0xFFFF:
            raise ValueError(f"subject of {subject.size} bytes: at most 65535")
        # everything that can fail comes before anything is changed
        self._make_room()
        fresh = self.new_entry(subject)
        entry = entry_at(self.arena, fresh)
        entry.first_seq = entry.last_seq = seq
        entry.count = 1
        self._put(_tag(subject, self.seed), fresh)
        self.graft(fresh)
        self.count += 1
        return entry

    cdef int remove(self, Span subject, uint64_t seq) except -1:
        """Message `seq` is gone; 0 if nothing was known of this subject."""
        cdef SubjectEntry* entry = self.find(subject)
        cdef uint32_t place
        if entry == NULL:
            return 0
        entry.count -= 1
        count_out(self, entry)
        if entry.count == 0:
            # `subject` may be the entry's own bytes, so they go last
            place = <uint32_t> ((<char*> entry - self.arena) >> 3)
            self._take_out(_tag(subject, self.seed), subject)
            self.prune(subject)
            self.free_entry(place)
            self.count -= 1
            return 1
        if seq <= entry.first_seq:
            entry.first_seq = seq + 1
            entry.stale |= STALE_FIRST
        if seq >= entry.last_seq:
            entry.last_seq = seq - 1
            entry.stale |= STALE_LAST
        if entry.count == 1 and entry.stale == STALE_FIRST:
            entry.first_seq = entry.last_seq
            entry.stale = 0
        elif entry.count == 1 and entry.stale == STALE_LAST:
            entry.last_seq = entry.first_seq
            entry.stale = 0
        return 1

    # --- for Python: requests and tests ---

    @property
    def memory_bytes(self) -> int:
        """Bytes that were asked from the system."""
        cdef size_t out = self.order_bytes()
        out += (<size_t> 1 << self.slot_bits) * sizeof(Slot) if self.slots != NULL else 0
        out += (<size_t> 1 << self.old_bits) * sizeof(Slot) if self.old_slots != NULL else 0
        return out

    def insert(self, bytes subject not None, uint64_t seq) -> None:
        """Count message `seq` under `subject`."""
        self.add(span_of(subject), seq)

    def discard(self, bytes subject not None, uint64_t seq) -> bool:
        """Message `seq` of `subject` is gone."""
        return self.remove(span_of(subject), seq) == 1

    def empty(self) -> None:
        """Forget everything."""
        self.clear()

    def get(self, bytes subject not None):
        """The `SubjectState` of a literal subject, or None."""
        cdef SubjectEntry* entry = self.find(span_of(subject))
        return _state(entry) if entry != NULL else None

    def matching(self, bytes pattern not None, bytes after not None=b"", Py_ssize_t limit=1 << 62):
        """`(states, resume)`: what matches among the next `limit` subjects; resume empty: all."""
        cdef Gatherer gatherer = Gatherer()
        cdef Span resume
        gatherer.found = []
        if self.walk(span_of(pattern), span_of(after), limit, gatherer, &resume):
            return gatherer.found, PyBytes_FromStringAndSize(resume.data, resume.size)
        return gatherer.found, b""

    def totals(self, bytes pattern not None) -> tuple[int, int]:
        """`(subjects, messages)` that `pattern` matches."""
        cdef Tally tally
        cdef Span resume
        memset(&tally, 0, sizeof(Tally))
        tally.left = <Py_ssize_t> 1 << 62
        self.tally(span_of(pattern), 0, span(NULL, 0), &tally, &resume)
        return tally.subjects, tally.messages


cdef class SubjectState:
    """What is known of one subject; an end that is `None` must be asked from the log."""

    cdef readonly bytes subject
    cdef readonly object first_seq
    cdef readonly object last_seq
    cdef readonly uint64_t count

    def __repr__(self) -> str:
        return f"SubjectState({self.subject!r}, {self.first_seq}, {self.last_seq}, {self.count})"


cdef SubjectState _state(SubjectEntry* entry):
    cdef SubjectState out = SubjectState.__new__(SubjectState)
    cdef Span subject = entry_subject(entry)
    out.subject = subject.data[:subject.size]
    out.first_seq = None if entry.stale & STALE_FIRST else entry.first_seq
    out.last_seq = None if entry.stale & STALE_LAST else entry.last_seq
    out.count = entry.count
    return out


cdef class Gatherer(SubjectVisitor):
    """A list of states."""

    cdef list found

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        self.found.append(_state(entry))
        return 0
