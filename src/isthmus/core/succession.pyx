# cython: boundscheck=False, wraparound=False, cdivision=True
"""Successors on the same subject; see `succession.pxd` for the picture.

Owns its table. Knows no subject and no message: who stores and removes them tells it. Invariant: an
entry is reachable from its home place without a gap, `count` of them.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from isthmus.core.hashing cimport fold

cdef enum:
    ENTRIES_MIN = 64


cdef inline uint64_t _home(uint64_t seq) noexcept nogil:
    """Sequences are given by the server, so nobody can prepare collisions."""
    return fold(seq, <uint64_t> 0x9E3779B97F4A7C15)


cdef class Succession:
    """An empty table."""

    def __dealloc__(self):
        free(self.table)

    def add(self, uint64_t seq, uint64_t following) -> None:
        """`following` comes behind `seq`."""
        self.note(seq, following)

    def pop(self, uint64_t seq) -> int:
        """What follows `seq`, which is forgotten; 0: not known."""
        return self.take(seq)

    def drop_below(self, uint64_t seq) -> None:
        """Messages below `seq` are gone."""
        cdef Link* old = self.table
        cdef uint64_t at, size = self.mask + 1
        if old == NULL:
            return
        self.table = NULL
        self.count = 0
        for at in range(size):
            if old[at].seq >= seq and old[at].seq:
                self.note(old[at].seq, old[at].following)
        free(old)

    cdef int note(self, uint64_t seq, uint64_t following) except -1:
        assert 0 < seq < following
        if self.table == NULL or <uint64_t> (self.count + 1) * 2 > self.mask + 1:
            self._grow()
        self._put(seq, following)
        return 0

    cdef uint64_t take(self, uint64_t seq) noexcept:
        cdef uint64_t place, following
        if self.count == 0:
            return 0
        place = _home(seq) & self.mask
        while self.table[place].seq != seq:
            if self.table[place].seq == 0:
                return 0
            place = (place + 1) & self.mask
        following = self.table[place].following
        self._take_out(place)
        return following

    cdef void clear(self) noexcept:
        free(self.table)
        self.table = NULL
        self.count = 0

    cdef int _grow(self) except -1:
        cdef Link* old = self.table
        cdef uint64_t at, size = self.mask + 1 if old != NULL else 0
        cdef uint64_t capacity = max(<uint64_t> ENTRIES_MIN, size * 2)
        cdef Link* grown = <Link*> calloc(capacity, sizeof(Link))
        if grown == NULL:
            raise MemoryError
        self.table = grown
        self.mask = capacity - 1
        self.count = 0
        for at in range(size):
            if old[at].seq:
                self._put(old[at].seq, old[at].following)
        free(old)
        return 0

    cdef void _put(self, uint64_t seq, uint64_t following) noexcept:
        cdef uint64_t place = _home(seq) & self.mask
        while self.table[place].seq and self.table[place].seq != seq:
            place = (place + 1) & self.mask
        if self.table[place].seq == 0:
            self.count += 1
        self.table[place].seq = seq
        self.table[place].following = following

    cdef void _take_out(self, uint64_t place) noexcept:
        """Empty a place, and move up what stands behind it."""
        cdef uint64_t hole = place, home
        while True:
            place = (place + 1) & self.mask
            if self.table[place].seq == 0:
                break
            home = _home(self.table[place].seq) & self.mask
            if ((place - home) & self.mask) >= ((place - hole) & self.mask):
                self.table[hole] = self.table[place]
                hole = place
        self.table[hole].seq = 0
        self.count -= 1
