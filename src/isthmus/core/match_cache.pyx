# cython: boundscheck=False, wraparound=False, cdivision=True
"""Results of matches for subjects that come again; see `match_cache.pxd` for the picture.

Owns its copies, which it retires where a running match may look at them. Knows no receiver's life:
who adds or removes one forgets the subject, or counts up `pattern_generation`. Invariant: at most
CACHE_MAX results of CACHED_RECEIVERS_MAX receivers.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from isthmus.core.matches cimport Match, Scratch, retire
from isthmus.core.message cimport Span

cdef enum:
    CACHE_START = 64
    CACHE_MAX = 8192            # slots per account; a slot is one subject's result
    CACHED_RECEIVERS_MAX = 256  # of a result; finding more costs little beside delivering


cdef int note_miss(
    Cache* cache, Cached* slot, Span subject, uint64_t hash, uint64_t pattern_generation,
    const Match* found, Scratch* scratch,
) except -1:
    if slot == NULL:
        return _resize(cache, CACHE_START, scratch)
    if slot.missed == hash:
        return _remember(cache, slot, subject, hash, pattern_generation, found, scratch)
    slot.missed = hash
    return 0


cdef int forget(Cache* cache, uint64_t hash, Scratch* scratch) except -1:
    cdef Cached* slot
    if cache.capacity == 0:
        return 0
    slot = slot_of(cache, hash)
    if slot.subject != NULL:
        _drop(cache, slot, scratch)
    return 0


cdef void cache_free(Cache* cache) noexcept:
    cdef Py_ssize_t index
    for index in range(cache.capacity):
        if cache.slots[index].subject != NULL:
            free(cache.slots[index].match.receivers)
    free(cache.slots)


cdef int _remember(
    Cache* cache, Cached* slot, Span subject, uint64_t hash, uint64_t pattern_generation,
    const Match* found, Scratch* scratch,
) except -1:
    """One allocation holds the receivers, the ends and the subject."""
    cdef Py_ssize_t total, receivers_size, ends_size
    cdef char* memory
    total = found.ends[found.groups - 1] if found.groups else found.plain
    if total > CACHED_RECEIVERS_MAX:
        return 0
    if cache.used * 2 > cache.capacity and cache.capacity < CACHE_MAX:
        return _resize(cache, cache.capacity * 2, scratch)
    if slot.subject != NULL:
        _drop(cache, slot, scratch)
    receivers_size = total * sizeof(PyObject*)
    ends_size = found.groups * sizeof(int32_t)
    memory = <char*> malloc(receivers_size + ends_size + subject.size + 1)
    if memory == NULL:
        raise MemoryError
    memcpy(memory, found.receivers, receivers_size)
    if ends_size:
        memcpy(memory + receivers_size, found.ends, ends_size)
    memcpy(memory + receivers_size + ends_size, subject.data, subject.size)
    slot.match.plain = found.plain
    slot.match.groups = found.groups
    slot.match.receivers = <PyObject**> memory
    slot.match.ends = <int32_t*> (memory + receivers_size)
    slot.subject = memory + receivers_size + ends_size
    slot.size = subject.size
    slot.hash = hash
    slot.pattern_generation = pattern_generation
    cache.used += 1
    return 0


cdef int _drop(Cache* cache, Cached* slot, Scratch* scratch) except -1:
    retire(scratch, slot.match.receivers)
    slot.subject = NULL
    slot.hash = 0
    cache.used -= 1
    return 0


cdef int _resize(Cache* cache, Py_ssize_t capacity, Scratch* scratch) except -1:
    """An empty one of that capacity: what comes again fills it soon."""
    cdef Cached* slots = <Cached*> calloc(capacity, sizeof(Cached))
    cdef Py_ssize_t index
    if slots == NULL:
        raise MemoryError
    for index in range(cache.capacity):
        if cache.slots[index].subject != NULL:
            retire(scratch, cache.slots[index].match.receivers)
    free(cache.slots)
    cache.slots = slots
    cache.capacity = capacity
    cache.used = 0
    return 0
