"""Results of matches for subjects that come again.

        slots    [ · │ "orders.new" ─► receivers, ends, subject │ · … ]    hash & (capacity - 1)
                       missed: hash of the last subject that missed here

One subject a slot. The second miss of a subject in a row takes the slot, so the unique subjects of
replies never enter. A result with `pattern_generation` of another time is none any more.
"""

from libc.stdint cimport uint64_t

from isthmus.core.matches cimport Match, Scratch
from isthmus.core.message cimport Span


cdef struct Cached:
    uint64_t hash
    uint64_t missed             # hash of the last subject that missed here
    uint64_t pattern_generation
    char* subject               # NULL: empty
    Py_ssize_t size
    Match match                 # receivers and ends follow in one allocation


cdef struct Cache:
    Cached* slots
    Py_ssize_t capacity         # power of two, or 0 before the first match
    Py_ssize_t used


cdef inline Cached* slot_of(const Cache* cache, uint64_t hash) noexcept nogil:
    """Where a subject with that hash has its place; the cache has a capacity."""
    return &cache.slots[hash & <uint64_t> (cache.capacity - 1)]


# a subject missed its slot (NULL: there were none) and `found` is its result
cdef int note_miss(
    Cache* cache, Cached* slot, Span subject, uint64_t hash, uint64_t pattern_generation,
    const Match* found, Scratch* scratch,
) except -1
# the subject's result changed: drop its slot, whatever it holds
cdef int forget(Cache* cache, uint64_t hash, Scratch* scratch) except -1
cdef void cache_free(Cache* cache) noexcept
