# cython: boundscheck=False, wraparound=False, cdivision=True
"""Waiting pull requests; see `waiting.pxd`.

Owns the queue and its totals. Knows no messages and sends nothing. Its bound is the consumer's
`max_waiting`, kept by who adds. Invariant: `batch_total` is the sum of all `batch_left`, and those
are among the impatient for which `ends_dry` holds.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from isthmus.core.conditions cimport Condition, Conditions
from isthmus.core.message cimport Span
from isthmus.core.priority cimport PRIORITIZED, Priority
from isthmus.core.pull cimport Pull, PullForm, Wish


cdef class Waiting:
    """Pulls, first come first served, one message each in turn."""

    def __dealloc__(self):
        cdef Pull* pull = self.first
        cdef Pull* after
        while pull != NULL:
            after = pull.after
            free(pull)
            pull = after

    def __len__(self) -> int:
        return self.count

    def check(self) -> None:
        """Assert the invariants."""
        cdef Pull* pull = self.first
        cdef Py_ssize_t count = 0, impatient = 0
        cdef int64_t total = 0
        while pull != NULL:
            count += 1
            total += pull.batch_left
            impatient += ends_dry(pull)
            assert pull.batch_left > 0
            assert pull.after != NULL or pull == self.last
            if self.ordered:
                assert pull.after == NULL or lane_of(pull) <= lane_of(pull.after)
                if pull.after == NULL or lane_of(pull) < lane_of(pull.after):
                    assert self.lane_ends[lane_of(pull)] == pull
            for due_ns in (pull.expires_ns, pull.beat_ns):
                assert due_ns == 0 or 0 < self.deadline_ns <= due_ns
            pull = pull.after
        assert count == self.count
        assert total == self.batch_total
        pull = self.first_impatient
        while pull != NULL:
            impatient -= 1
            assert ends_dry(pull)
            assert pull.impatient_after != NULL or pull == self.last_impatient
            pull = pull.impatient_after
        assert impatient == 0
        if self.conditions is not None:
            self.conditions.check()
            assert self.conditions.count == count

    cdef int arrange(self, Priority priority) except -1:
        """Who comes first, from now on; those that wait when wishes begin wish nothing."""
        cdef Pull* pull = self.first
        cdef Pull* after
        cdef bint wishless = self.priority is None
        if priority is self.priority:
            return 0
        self.priority = priority
        self.ordered = priority is not None and priority.policy == PRIORITIZED
        self.conditions = None
        if priority is not None and priority.conditional:
            self.conditions = Conditions()
        self.first = self.last = NULL
        memset(self.lane_ends, 0, sizeof(self.lane_ends))
        while pull != NULL:
            after = pull.after
            if wishless:
                memset(&pull.wish, 0, sizeof(Wish))
                pull.wish.group = -1
            self._enter(pull)
            pull = after
        return 0

    cdef Pull* add(self, const PullForm* form, Span reply, int64_t now_ns) except NULL:
        cdef Pull* pull = <Pull*> malloc(sizeof(Pull) + reply.size)
        if pull == NULL:
            raise MemoryError
        pull.target.receiver = NULL
        pull.target.generation = 0
        pull.batch_left = form.batch
        pull.batch_shown = form.batch_shown
        pull.bytes_left = form.bytes_max
        pull.counts_bytes = form.bytes_max > 0
        pull.expires_ns = now_ns + form.expires_ns if form.expires_ns else 0
        pull.heartbeat_ns = form.heartbeat_ns
        pull.beat_ns = now_ns + form.heartbeat_ns if form.heartbeat_ns else 0
        pull.no_wait = form.no_wait
        pull.served = 0
        pull.reply_size = reply.size
        memcpy(pull.reply, reply.data, reply.size)
        if self.priority is not None:
            pull.wish = form.wish
        try:
            self._enter(pull)
        except MemoryError:
            free(pull)
            raise
        self._sooner(pull)
        self.count += 1
        self.batch_total += pull.batch_left
        if ends_dry(pull):
            self._lose_patience(pull)
        return pull

    cdef void remove(self, Pull* pull) noexcept:
        """It has ended; the pointer is dead afterwards."""
        self._leave(pull)
        self.count -= 1
        self.batch_total -= pull.batch_left
        if ends_dry(pull):
            self._regain_patience(pull)
        free(pull)

    cdef int served(self, Pull* pull, Py_ssize_t size, int64_t now_ns) except -1:
        """It got a message of `size` bytes; now it is the others' turn."""
        if ends_dry(pull):
            self._regain_patience(pull)
        pull.served += 1
        if ends_dry(pull):
            self._lose_patience(pull)
        pull.batch_left -= 1
        pull.batch_shown -= 1
        self.batch_total -= 1
        if pull.counts_bytes:
            pull.bytes_left -= size
        if pull.heartbeat_ns:
            pull.beat_ns = now_ns + pull.heartbeat_ns
        if pull != self.last or self.conditions is not None:
            self._leave(pull)
            self._enter(pull)
        return 0

    cdef Pull* first_for(self, Condition reached) noexcept:
        """The first whose condition holds where so much is reached."""
        return self.first if self.conditions is None else self.conditions.first(reached)

    cdef void set_deadline(self) noexcept:
        """Find the first expiry or heartbeat again, after some have passed."""
        cdef Pull* pull = self.first
        self.deadline_ns = 0
        while pull != NULL:
            self._sooner(pull)
            pull = pull.after

    cdef void _sooner(self, Pull* pull) noexcept:
        if pull.expires_ns and (self.deadline_ns == 0 or pull.expires_ns < self.deadline_ns):
            self.deadline_ns = pull.expires_ns
        if pull.beat_ns and (self.deadline_ns == 0 or pull.beat_ns < self.deadline_ns):
            self.deadline_ns = pull.beat_ns

    # --- the queue ---

    cdef int _enter(self, Pull* pull) except -1:
        """Behind the last, or the last of its priority."""
        if self.conditions is not None:
            self.conditions.enter(pull, self.priority.condition(&pull.wish))
        if not self.ordered:
            self._link(pull, self.last)
            return 0
        self._link(pull, self._ahead(pull))
        self.lane_ends[lane_of(pull)] = pull
        return 0

    cdef void _leave(self, Pull* pull) noexcept:
        if self.conditions is not None:
            self.conditions.leave(pull)
        if self.ordered and self.lane_ends[lane_of(pull)] == pull:
            if pull.before != NULL and lane_of(pull.before) == lane_of(pull):
                self.lane_ends[lane_of(pull)] = pull.before
            else:
                self.lane_ends[lane_of(pull)] = NULL
        if pull.before != NULL:
            pull.before.after = pull.after
        else:
            self.first = pull.after
        if pull.after != NULL:
            pull.after.before = pull.before
        else:
            self.last = pull.before

    cdef void _link(self, Pull* pull, Pull* before) noexcept:
        """Behind `before`; NULL: at the front."""
        pull.before = before
        if before != NULL:
            pull.after = before.after
            before.after = pull
        else:
            pull.after = self.first
            self.first = pull
        if pull.after != NULL:
            pull.after.before = pull
        else:
            self.last = pull

    cdef Pull* _ahead(self, Pull* pull) noexcept:
        """The last of its priority, or of the next one before that; NULL: nobody."""
        cdef int lane = lane_of(pull)
        while lane >= 0:
            if self.lane_ends[lane] != NULL:
                return self.lane_ends[lane]
            lane -= 1
        return NULL

    # --- who does not wait where nothing is left ---

    cdef void _lose_patience(self, Pull* pull) noexcept:
        pull.impatient_after = NULL
        pull.impatient_before = self.last_impatient
        if self.last_impatient != NULL:
            self.last_impatient.impatient_after = pull
        else:
            self.first_impatient = pull
        self.last_impatient = pull

    cdef void _regain_patience(self, Pull* pull) noexcept:
        if pull.impatient_before != NULL:
            pull.impatient_before.impatient_after = pull.impatient_after
        else:
            self.first_impatient = pull.impatient_after
        if pull.impatient_after != NULL:
            pull.impatient_after.impatient_before = pull.impatient_before
        else:
            self.last_impatient = pull.impatient_before


cdef inline int lane_of(const Pull* pull) noexcept:
    return min(max(pull.wish.priority, 0), LANES - 1)


cdef inline bint ends_dry(const Pull* pull) noexcept:
    """Does it end where nothing is left? A one-shot request only after its first message."""
    return pull.no_wait and (pull.served > 0 or pull.expires_ns == 0)
