# cython: boundscheck=False, wraparound=False, cdivision=True
"""Where a consumer stands in its stream; see `reader.pxd` for the picture.

Owns the position and the count of what is unseen. Knows no deliveries and no acknowledgements.
Invariant: when there is no census, `unseen()` is the number of matching messages at or above
`next_seq`, plus those chosen that are still to come.
"""

from cpython.array cimport array
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from isthmus.core.census cimport Census
from isthmus.core.effort cimport LOOK_NS, spend
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span_of
from isthmus.core.segment cimport Record
from isthmus.core.stored cimport Follower, Stored, Watch
from isthmus.core.subject_ends cimport exact
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.turn cimport Turn

cdef enum:
    SLICE_LOOKED = 16_384       # messages looked at for a filter
    LOOKS_FREE = 64             # of them: part of what a delivery costs
    SLICE_COUNTED = 8192        # groups of subjects, or messages: less than a millisecond


cdef class Reader(Follower):
    """A position in a stream; a filter shows only what matches."""

    def __dealloc__(self):
        free(self.chosen)

    @property
    def num_pending(self) -> int:
        """Matching messages not delivered yet; who can wait for a census calls `count_on` first."""
        while self.count_on():
            pass
        return self.unseen()

    @property
    def counted(self) -> bool:
        """False while a census is to be taken, or under way: `count_on` does a slice of it."""
        return self.census is None

    cdef int choose(self, array chosen) except -1:
        """Deliver these sequences first, ascending."""
        assert chosen.typecode == "Q"
        self.chosen_count = len(chosen)
        self.chosen = <uint64_t*> malloc(self.chosen_count * sizeof(uint64_t))
        if self.chosen == NULL:
            raise MemoryError
        memcpy(self.chosen, chosen.data.as_ulonglongs, self.chosen_count * sizeof(uint64_t))
        return 0

    cdef int follow(self, list filters) except -1:
        """Be told of what matches `filters`, of everything without."""
        self.watches = [self._watch(pattern) for pattern in filters] if filters else None
        self.count_again()
        return self.stored.attach(self)

    cdef int matched(self, uint64_t seq, Span subject, Turn turn) except -1:
        if seq >= self.next_seq:
            if self.census is None:
                self.matching += 1
            else:
                self.census.changed(seq, subject, 1)
            if self.hungry:
                self.stored.wake(self, turn)
        return 0

    cdef int count_removed(self, uint64_t seq, Span subject) except -1:
        """A message is gone: it is not unseen any more, or was not passed."""
        cdef Py_ssize_t low, high, middle
        if self.watches is None:
            if seq < self.next_seq and self.passed and not self.ahead:
                self.passed -= 1
        elif seq >= self.next_seq:
            if self.census is None:
                self.matching -= 1
            else:
                self.census.changed(seq, subject, -1)
        elif self.chosen_at < self.chosen_count:
            low = self.chosen_at
            high = self.chosen_count if self.census is None else self.chosen_counted
            while low < high:
                middle = (low + high) // 2
                if self.chosen[middle] < seq:
                    low = middle + 1
                else:
                    high = middle
            if low < self.chosen_count and self.chosen[low] == seq and (
                self.census is None or low < self.chosen_counted
            ):
                self.matching -= 1
        return 0

    cdef void pass_by(self, Record* record) noexcept:
        if self.chosen_at < self.chosen_count:
            self.chosen_at += 1
        else:
            self.next_seq = record.seq + 1
        if self.watches is None:
            self.passed += 1
        elif self.matching:
            self.matching -= 1

    cdef int next_new(self, Record* record) except -1:
        cdef Stored stored = self.stored
        cdef SubjectEntry* entry
        cdef uint64_t seq, reached = 0
        cdef int found, looked
        cdef Watch watch
        if self.watches is None:
            while True:
                if self.next_seq <= stored.visible_seq and (
                    stored.log.read_near(self.next_seq, record)
                ):
                    return FOUND
                seq = stored.log.next_present(self.next_seq)
                if seq == 0 or seq > stored.visible_seq:
                    return NOTHING
                if stored.log.read(seq, record):
                    return FOUND
                # damaged at rest: said by the store, passed over here
                self.next_seq = seq + 1
                self.count_again()
        if self.chosen_at < self.chosen_count and self._next_chosen(record):
            return FOUND
        found = 0
        if self.matching and self.next_seq <= stored.visible_seq:
            watch = <Watch> self.watches[0]
            if len(self.watches) == 1:
                entry = exact(stored.log, stored.tree, span_of(watch.pattern))
                if entry != NULL and entry.first_seq > self.next_seq:
                    self.next_seq = entry.first_seq     # a literal filter: the index knows
                found = stored.log.next_match(
                    span_of(watch.pattern), self.next_seq, SLICE_LOOKED, record, &reached
                )
                if reached > self.next_seq + LOOKS_FREE:
                    spend(LOOK_NS * min(reached - self.next_seq, <uint64_t> SLICE_LOOKED))
                if found == 2:
                    self.next_seq = reached
                    return LOOK_AGAIN
            else:
                looked = 0
                seq = stored.log.next_present(self.next_seq)
                while seq and seq <= stored.visible_seq:
                    if looked == SLICE_LOOKED:
                        spend(SLICE_LOOKED * LOOK_NS)
                        self.next_seq = seq
                        return LOOK_AGAIN
                    looked += 1
                    if stored.log.read(seq, record) and self._matches(record.subject):
                        found = 1
                        break
                    seq = stored.log.next_present(seq + 1)
                if looked > LOOKS_FREE:
                    spend(<uint64_t> looked * LOOK_NS)
            if found and record.seq <= stored.visible_seq:
                return FOUND
        if self.next_seq <= stored.visible_seq:
            self.next_seq = stored.visible_seq + 1      # nothing in between matches
        return NOTHING

    cdef bint _next_chosen(self, Record* record) except -1:
        while self.chosen_at < self.chosen_count:
            if self.stored.log.read(self.chosen[self.chosen_at], record):
                return True
            self.chosen_at += 1
        free(self.chosen)
        self.chosen = NULL
        self.chosen_count = self.chosen_at = 0
        return False

    cdef uint64_t unseen(self) noexcept:
        if self.watches is not None:
            return self.matching
        self._settle_passed()
        return self.stored.log.messages - self.passed

    cdef void _settle_passed(self) noexcept:
        """What went at the front was passed, if we are past it."""
        cdef Stored stored = self.stored
        cdef uint64_t gone
        if self.ahead:
            self.passed = stored.log.messages - stored.count_from(self.next_seq)
            self.ahead = self.next_seq > stored.log.last_seq + 1
        elif self.next_seq <= stored.log.first_seq:
            self.passed = 0
        elif stored.front_gone != self.front_mark:
            gone = stored.front_gone - self.front_mark
            self.passed = self.passed - gone if self.passed > gone else 0
        self.front_mark = stored.front_gone

    cdef int count_again(self) except -1:
        """What is unseen is to be counted: at once without filters, else by a census."""
        cdef Stored stored = self.stored
        cdef Watch watch
        self.front_mark = stored.front_gone
        self.ahead = self.next_seq > stored.log.last_seq + 1
        if self.watches is None:
            self.passed = stored.log.messages - stored.count_from(self.next_seq)
            return 0
        self.matching = 0
        self.chosen_counted = self.chosen_at
        self.census = Census(
            stored.log, stored.tree, [watch.pattern for watch in self.watches], self.next_seq
        )
        return 0

    cpdef bint count_on(self) except -1:
        """Count a slice of what a census must count; True if more is left."""
        cdef Census census = self.census
        cdef Py_ssize_t first = self.chosen_counted
        cdef uint64_t seq
        if census is None or self.stored.closed:
            return False
        while self.chosen_counted < self.chosen_count:
            if self.chosen_counted - first == SLICE_COUNTED:
                spend(SLICE_COUNTED * LOOK_NS)
                return True
            seq = self.chosen[self.chosen_counted]
            self.matching += self.stored.log.next_present(seq) == seq
            self.chosen_counted += 1
        if census.step(SLICE_COUNTED):
            return True
        if self.census is census:           # reading may have found damage, and begun another
            self.matching += census.done
            self.census = None
        return self.census is not None

    cdef bint _matches(self, Span subject) noexcept:
        cdef Watch watch
        for watch in self.watches:
            if subject_matches(span_of(watch.pattern), subject):
                return True
        return False

    def _watch(self, bytes pattern):
        cdef Watch watch = Watch.__new__(Watch)
        watch.follower = self
        watch.pattern = pattern
        return watch
