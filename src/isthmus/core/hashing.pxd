"""The hash of the compiled tables: 64 bits of some bytes, keyed by a secret seed.

Never 0, so a table may use 0 for an empty slot.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy


cdef inline uint64_t mix(uint64_t value) noexcept nogil:
    """Spread the bits of a number that counts up, such as a sequence."""
    value ^= value >> 32
    value *= <uint64_t> 0xD6E8FEB86659FD93
    value ^= value >> 29
    return value


cdef inline uint64_t hash_bytes(const char* data, Py_ssize_t size, uint64_t seed) noexcept nogil:
    cdef uint64_t out = seed ^ (<uint64_t> size * <uint64_t> 0x9E3779B97F4A7C15)
    cdef uint64_t word
    while size >= 8:
        memcpy(&word, data, 8)
        out = (out ^ word) * <uint64_t> 0x9FB21C651E98DF25
        out ^= out >> 29
        data += 8
        size -= 8
    if size > 0:
        word = 0
        memcpy(&word, data, size)
        out = (out ^ word) * <uint64_t> 0x9FB21C651E98DF25
    out = mix(out)
    return out if out else 1
