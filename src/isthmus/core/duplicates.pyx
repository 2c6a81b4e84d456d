# cython: boundscheck=False, wraparound=False, cdivision=True
"""The duplicate window of one stream; see `duplicates.pxd` for the picture.

Owns the ids and nothing else. Knows no stream and no clock: callers pass `now_ns`. Invariant: the
table holds exactly the entries of the ring, each reachable from its hash without a gap.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from isthmus.core.hashing cimport hash_bytes, make_key
from isthmus.core.message cimport Span, span_of

cdef enum:
    PAGE_SIZE = 65_536
    CAPACITY_MIN = 64
    CAPACITY_KEPT = 4096        # a larger ring is given back when it runs empty


cdef class Duplicates:
    """Remember message ids for `window_ns` nanoseconds; 0 remembers nothing. `seed` is secret."""

    def __cinit__(self, int64_t window_ns, uint64_t seed):
        assert window_ns >= 0
        self.window_ns = window_ns
        self.key = make_key(seed)

    def __dealloc__(self):
        cdef Page* page = self.oldest_page
        cdef Page* newer
        while page != NULL:
            newer = page.newer
            free(page)
            page = newer
        free(self.entries)
        free(self.table)

    def resize(self, int64_t window_ns, int64_t now_ns) -> None:
        """A new length of the window; it holds for what is already remembered too."""
        assert window_ns >= 0
        self.window_ns = window_ns
        self.expire(now_ns)

    def remember(self, bytes message_id not None, uint64_t seq, int64_t time_ns) -> None:
        """`seq` was stored with this id at `time_ns`; for recovery, and for tests."""
        self.add(span_of(message_id), seq, time_ns)

    def lookup(self, bytes message_id not None, int64_t now_ns) -> int:
        """The sequence stored with this id inside the window, or 0."""
        return self.find(span_of(message_id), now_ns)

    def check(self) -> None:
        """Assert the invariants."""
        cdef uint64_t number
        cdef Py_ssize_t slots = 0, index, ids = 0
        cdef Page* page = self.oldest_page
        if self.entries == NULL:
            assert self.count == 0
            return
        for index in range(<Py_ssize_t> self.table_mask + 1):
            slots += self.table[index] != 0
        assert slots == self.count, (slots, self.count)
        for number in range(self.first, self.first + <uint64_t> self.count):
            seen = &self.entries[number & self.entries_mask]
            assert self._slot(seen.hash, number) >= 0, number
        while page != NULL:
            ids += page.ids
            page = page.newer
        assert ids == self.count, (ids, self.count)

    cdef uint64_t find(self, Span id, int64_t now_ns) noexcept:
        cdef uint64_t hash, slot
        cdef uint32_t found
        cdef Seen* seen
        self.expire(now_ns)
        if self.count == 0:
            return 0
        hash = hash_bytes(id.data, id.size, self.key)
        slot = hash & self.table_mask
        while True:
            found = self.table[slot]
            if found == 0:
                return 0
            seen = &self.entries[(found - 1) & self.entries_mask]
            if seen.hash == hash and seen.id_size == id.size and not memcmp(
                seen.id, id.data, id.size
            ):
                return seen.seq
            slot = (slot + 1) & self.table_mask

    cdef bint full(self, int64_t now_ns) noexcept:
        if self.count < DUPLICATES_MAX:
            return False
        self.expire(now_ns)
        return self.count >= DUPLICATES_MAX

    cdef int add(self, Span id, uint64_t seq, int64_t time_ns) except -1:
        """Remember an id that `find` did not know."""
        cdef uint64_t number, slot
        cdef Seen* seen
        if self.window_ns == 0 or self.count >= DUPLICATES_MAX:
            return 0
        if self.entries == NULL or <uint64_t> self.count > self.entries_mask:
            self._grow()
        number = self.first + <uint64_t> self.count
        seen = &self.entries[number & self.entries_mask]
        seen.id = self._keep(id, &seen.page)
        seen.id_size = <uint32_t> id.size
        seen.hash = hash_bytes(id.data, id.size, self.key)
        seen.seq = seq
        seen.time_ns = time_ns
        slot = seen.hash & self.table_mask
        while self.table[slot]:
            slot = (slot + 1) & self.table_mask
        self.table[slot] = <uint32_t> (number & self.entries_mask) + 1
        self.count += 1
        return 0

    cdef void expire(self, int64_t now_ns) noexcept:
        cdef int64_t oldest_ns = now_ns - self.window_ns
        while self.count and self.entries[self.first & self.entries_mask].time_ns <= oldest_ns:
            self._forget_oldest()
            if self.count == 0 and self.entries_mask >= CAPACITY_KEPT:
                free(self.entries)
                free(self.table)
                self.entries = NULL
                self.table = NULL

    cdef int64_t next_ns(self) noexcept:
        """When the oldest id expires; 0 if there is none."""
        if self.count == 0:
            return 0
        return self.entries[self.first & self.entries_mask].time_ns + self.window_ns

    def _slot(self, uint64_t hash, uint64_t number):
        """Where the table keeps entry `number`, or -1 (for `check`)."""
        cdef uint64_t slot = hash & self.table_mask
        while self.table[slot]:
            if self.table[slot] - 1 == (number & self.entries_mask):
                return slot
            slot = (slot + 1) & self.table_mask
        return -1

    cdef void _forget_oldest(self) noexcept:
        cdef Seen* seen = &self.entries[self.first & self.entries_mask]
        cdef uint32_t wanted = <uint32_t> (self.first & self.entries_mask) + 1
        cdef uint64_t hole = seen.hash & self.table_mask, at, home
        cdef Page* page = seen.page
        while self.table[hole] != wanted:
            hole = (hole + 1) & self.table_mask
        # close the gap: whoever may move nearer to the place its hash names, does
        at = hole
        while True:
            at = (at + 1) & self.table_mask
            if self.table[at] == 0:
                break
            home = self.entries[self.table[at] - 1].hash & self.table_mask
            if ((at - home) & self.table_mask) >= ((at - hole) & self.table_mask):
                self.table[hole] = self.table[at]
                hole = at
        self.table[hole] = 0
        page.ids -= 1
        if page.ids == 0 and page != self.newest_page:
            # ids expire in order, so an empty page is the oldest one
            self.oldest_page = page.newer
            free(page)
        self.first += 1
        self.count -= 1

    cdef int _grow(self) except -1:
        cdef uint64_t old_mask = self.entries_mask
        cdef uint64_t capacity = (old_mask + 1) * 2 if self.entries != NULL else CAPACITY_MIN
        cdef Seen* entries = <Seen*> malloc(capacity * sizeof(Seen))
        cdef uint32_t* table = <uint32_t*> calloc(capacity * 2, sizeof(uint32_t))
        cdef uint64_t number, slot, mask = capacity * 2 - 1
        if entries == NULL or table == NULL:
            free(entries)
            free(table)
            raise MemoryError
        for number in range(self.first, self.first + <uint64_t> self.count):
            entries[number & (capacity - 1)] = self.entries[number & old_mask]
            slot = entries[number & (capacity - 1)].hash & mask
            while table[slot]:
                slot = (slot + 1) & mask
            table[slot] = <uint32_t> (number & (capacity - 1)) + 1
        free(self.entries)
        free(self.table)
        self.entries = entries
        self.entries_mask = capacity - 1
        self.table = table
        self.table_mask = mask
        return 0

    cdef const char* _keep(self, Span id, Page** page) except NULL:
        """A copy of the id that lives as long as its entry."""
        cdef Page* newest = self.newest_page
        cdef Py_ssize_t size
        cdef char* to
        if newest == NULL or newest.size - newest.used < id.size:
            size = PAGE_SIZE if id.size <= PAGE_SIZE else id.size
            if newest != NULL and newest.ids == 0 and newest.size >= id.size:
                newest.used = 0         # all its ids have expired: use it again
            else:
                newest = <Page*> malloc(sizeof(Page) + size)
                if newest == NULL:
                    raise MemoryError
                newest.newer = NULL
                newest.size = size
                newest.used = 0
                newest.ids = 0
                self._follow(newest)
        to = <char*> newest + sizeof(Page) + newest.used
        memcpy(to, id.data, id.size)
        newest.used += id.size
        newest.ids += 1
        page[0] = newest
        return to

    cdef void _follow(self, Page* page) noexcept:
        """`page` becomes the newest; an empty one before it has no entry that would free it."""
        if self.newest_page == NULL:
            self.oldest_page = page
        elif self.newest_page.ids == 0:
            free(self.newest_page)      # then it was the oldest too
            self.oldest_page = page
        else:
            self.newest_page.newer = page
        self.newest_page = page
