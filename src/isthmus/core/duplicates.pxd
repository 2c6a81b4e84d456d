"""Which message id was stored when: the duplicate window of one stream.

        entries  oldest ─► [hash seq time id] [ … ] [ … ] ◄─ newest    a ring, in order of arrival
        table    hash ─► number of the entry                   open addressing, no tombstones
        pages    the bytes of the ids, in the same order; a page goes when its last id has expired

An id counts for `window_ns` from the time its message was stored; a repeat does not prolong it. Ids
of messages that were purged stay. Bounded by `DUPLICATES_MAX` entries: `full` says that nothing can
be remembered any more, and the stream refuses the publication instead of forgetting an id early.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.hashing cimport Key
from isthmus.core.message cimport Span

cdef enum:
    DUPLICATES_MAX = 16_777_216


cdef struct Page:
    Page* newer
    Py_ssize_t size
    Py_ssize_t used
    Py_ssize_t ids              # entries that point into it


cdef struct Seen:
    uint64_t hash
    uint64_t seq
    int64_t time_ns
    const char* id
    Page* page
    uint32_t id_size


cdef class Duplicates:
    cdef readonly int64_t window_ns           # 0: nothing is remembered
    cdef readonly Py_ssize_t count
    cdef Key key
    cdef Seen* entries
    cdef uint64_t entries_mask                # capacity - 1
    cdef uint64_t first                       # number of the oldest entry; they count up for ever
    cdef uint32_t* table                      # 0: empty, else low bits of the entry's number + 1
    cdef uint64_t table_mask
    cdef Page* oldest_page
    cdef Page* newest_page

    cdef uint64_t find(self, Span id, int64_t now_ns) noexcept
    cdef bint full(self, int64_t now_ns) noexcept
    cdef int add(self, Span id, uint64_t seq, int64_t time_ns) except -1
    cdef void expire(self, int64_t now_ns) noexcept
    cdef int64_t next_ns(self) noexcept

    cdef void _forget_oldest(self) noexcept
    cdef int _grow(self) except -1
    cdef const char* _keep(self, Span id, Page** page) except NULL
    cdef void _follow(self, Page* page) noexcept
