# cython: boundscheck=False, wraparound=False, cdivision=True
"""The first of many whose condition holds; see `conditions.pxd` for the picture.

Owns the tree and who stands in which place. Knows no policy, and does not own the pulls. Invariant:
a node has the least of both numbers below it, and a pull's `place` is where it stands.
"""

from libc.stdint cimport INT64_MAX
from libc.stdlib cimport calloc, free, malloc

from isthmus.core.pull cimport Pull

cdef enum:
    CAPACITY_MIN = 8


cdef class Conditions:
    """Waiting pulls in the order of their queue, found by what they wait for."""

    def __dealloc__(self):
        free(self.places)
        free(self.tree)

    def __len__(self) -> int:
        return self.count

    def check(self) -> None:
        """Assert the invariants."""
        cdef Py_ssize_t at, count = 0
        for at in range(1, self.capacity):
            assert self.tree[at].unseen == min(
                self.tree[2 * at].unseen, self.tree[2 * at + 1].unseen
            )
            assert self.tree[at].unacked == min(
                self.tree[2 * at].unacked, self.tree[2 * at + 1].unacked
            )
        for at in range(self.capacity):
            if self.places[at] == NULL:
                assert self.tree[self.capacity + at].unseen == INT64_MAX
                assert self.tree[self.capacity + at].unacked == INT64_MAX
                continue
            count += 1
            assert at < self.end
            assert self.places[at].place == at
        assert count == self.count

    cdef int enter(self, Pull* pull, Condition condition) except -1:
        """Behind all others."""
        if self.end == self.capacity:
            self._make_room()
        pull.place = self.end
        self.places[self.end] = pull
        self._set(self.end, condition)
        self.end += 1
        self.count += 1
        return 0

    cdef void leave(self, Pull* pull) noexcept:
        """Its place stays empty until all move up; the last one's can be taken again."""
        cdef Condition nobody
        nobody.unseen = nobody.unacked = INT64_MAX
        self.places[pull.place] = NULL
        self._set(pull.place, nobody)
        self.count -= 1
        while self.end > 0 and self.places[self.end - 1] == NULL:
            self.end -= 1

    cdef Pull* first(self, Condition reached) noexcept:
        cdef Py_ssize_t at = 1
        if self.count == 0 or not _holds(self.tree[1], reached):
            return NULL
        while at < self.capacity:
            at *= 2
            if not _holds(self.tree[at], reached):
                at += 1
        return self.places[at - self.capacity]

    cdef int _make_room(self) except -1:
        """All move up to the front, into twice the room where half of it would not be free."""
        cdef Py_ssize_t capacity = max(self.capacity, <Py_ssize_t> CAPACITY_MIN), at, place = 0
        if 2 * self.count > capacity:
            capacity *= 2
        cdef Pull** places = <Pull**> calloc(capacity, sizeof(Pull*))
        cdef Condition* tree = <Condition*> malloc(2 * capacity * sizeof(Condition))
        if places == NULL or tree == NULL:
            free(places)
            free(tree)
            raise MemoryError
        for at in range(self.end):
            if self.places[at] != NULL:
                self.places[at].place = place
                places[place] = self.places[at]
                tree[capacity + place] = self.tree[self.capacity + at]
                place += 1
        for at in range(place, capacity):
            tree[capacity + at].unseen = tree[capacity + at].unacked = INT64_MAX
        for at in range(capacity - 1, 0, -1):
            tree[at] = _least(tree[2 * at], tree[2 * at + 1])
        free(self.places)
        free(self.tree)
        self.places = places
        self.tree = tree
        self.capacity = capacity
        self.end = place
        return 0

    cdef void _set(self, Py_ssize_t place, Condition condition) noexcept:
        cdef Py_ssize_t at = self.capacity + place
        self.tree[at] = condition
        at //= 2
        while at:
            self.tree[at] = _least(self.tree[2 * at], self.tree[2 * at + 1])
            at //= 2


cdef inline bint _holds(Condition condition, Condition reached) noexcept:
    return condition.unseen <= reached.unseen or condition.unacked <= reached.unacked


cdef inline Condition _least(Condition left, Condition right) noexcept:
    left.unseen = min(left.unseen, right.unseen)
    left.unacked = min(left.unacked, right.unacked)
    return left
