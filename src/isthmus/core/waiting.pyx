# cython: boundscheck=False, wraparound=False, cdivision=True
"""Waiting pull requests; see `waiting.pxd`.

Owns the queue and its totals. Knows no messages and sends nothing. Its bound is the consumer's
`max_waiting`, kept by who adds. Invariant: `batch_total` is the sum of all `batch_left`, and
`impatient` counts those for which `ends_dry` holds.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from isthmus.core.message cimport Span


cdef class Waiting:
    """Pulls, first come first served, one message each in turn."""

    def __dealloc__(self):
        while self.first != NULL:
            self.remove(self.first)

    def __len__(self) -> int:
        return self.count

    def check(self) -> None:
        """Assert the invariants."""
        cdef Pull* pull = self.first
        cdef Py_ssize_t count = 0
        cdef int64_t total = 0
        cdef Py_ssize_t impatient = 0
        while pull != NULL:
            count += 1
            total += pull.batch_left
            impatient += ends_dry(pull)
            assert pull.batch_left > 0
            assert pull.after != NULL or pull == self.last
            if self.ordered and pull.after != NULL:
                assert pull.wish.priority <= pull.after.wish.priority
            for due_ns in (pull.expires_ns, pull.beat_ns):
                assert due_ns == 0 or 0 < self.deadline_ns <= due_ns
            pull = pull.after
        assert count == self.count
        assert total == self.batch_total
        assert impatient == self.impatient

    cdef void group(self, bint grouped, bint ordered) noexcept:
        """Requests have wishes from now on, or not any more; those that wait wish nothing."""
        cdef Pull* pull = self.first
        cdef Pull* after
        while pull != NULL and grouped and not self.grouped:
            memset(&pull.wish, 0, sizeof(Wish))
            pull.wish.group = -1
            pull = pull.after
        if ordered and not self.ordered:
            pull = self.first
            self.first = self.last = NULL
            while pull != NULL:
                after = pull.after
                self._insert(pull)
                pull = after
        self.grouped = grouped
        self.ordered = ordered

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
        if self.grouped:
            pull.wish = form.wish
        if self.ordered:
            self._insert(pull)
        else:
            self._append(pull)
        self._sooner(pull)
        self.count += 1
        self.impatient += ends_dry(pull)
        self.batch_total += pull.batch_left
        return pull

    cdef void remove(self, Pull* pull) noexcept:
        """It has ended; the pointer is dead afterwards."""
        self._unlink(pull)
        self.count -= 1
        self.impatient -= ends_dry(pull)
        self.batch_total -= pull.batch_left
        free(pull)

    cdef void served(self, Pull* pull, Py_ssize_t size, int64_t now_ns) noexcept:
        """It got a message of `size` bytes; now it is the others' turn."""
        self.impatient -= ends_dry(pull)
        pull.served += 1
        self.impatient += ends_dry(pull)
        pull.batch_left -= 1
        pull.batch_shown -= 1
        self.batch_total -= 1
        if pull.counts_bytes:
            pull.bytes_left -= size
        if pull.heartbeat_ns:
            pull.beat_ns = now_ns + pull.heartbeat_ns
        if pull != self.last:
            self._unlink(pull)
            if self.ordered:
                self._insert(pull)
            else:
                self._append(pull)

    cdef void set_deadline(self) noexcept:
        """Find the first expiry or heartbeat again, after some have passed."""
        cdef Pull* pull = self.first
        self.deadline_ns = 0
        while pull != NULL:
            self._sooner(pull)
            pull = pull.after

    cdef Pull* first_impatient(self) noexcept:
        cdef Pull* pull = self.last         # who was served stands at the end
        cdef Py_ssize_t left = self.impatient
        while pull != NULL:
            left -= ends_dry(pull)
            if left <= 0:
                break
            pull = pull.before
        return pull if self.impatient else NULL

    cdef void _sooner(self, Pull* pull) noexcept:
        if pull.expires_ns and (self.deadline_ns == 0 or pull.expires_ns < self.deadline_ns):
            self.deadline_ns = pull.expires_ns
        if pull.beat_ns and (self.deadline_ns == 0 or pull.beat_ns < self.deadline_ns):
            self.deadline_ns = pull.beat_ns

    cdef void _unlink(self, Pull* pull) noexcept:
        if pull.before != NULL:
            pull.before.after = pull.after
        else:
            self.first = pull.after
        if pull.after != NULL:
            pull.after.before = pull.before
        else:
            self.last = pull.before

    cdef void _append(self, Pull* pull) noexcept:
        pull.after = NULL
        pull.before = self.last
        if self.last != NULL:
            self.last.after = pull
        else:
            self.first = pull
        self.last = pull

    cdef void _insert(self, Pull* pull) noexcept:
        """Behind the last of its priority."""
        cdef Pull* before = self.last
        while before != NULL and before.wish.priority > pull.wish.priority:
            before = before.before
        if before == self.last:
            self._append(pull)
            return
        pull.before = before
        pull.after = self.first if before == NULL else before.after
        pull.after.before = pull
        if before == NULL:
            self.first = pull
        else:
            before.after = pull


cdef inline bint ends_dry(const Pull* pull) noexcept:
    """Does it end where nothing is left? A one-shot request only after its first message."""
    return pull.no_wait and (pull.served > 0 or pull.expires_ns == 0)
