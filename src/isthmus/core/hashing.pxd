"""A keyed hash of bytes, for the tables of the core.

Two words at a time are mixed with the key and multiplied to 128 bits, whose halves are folded. Both
factors depend on the secret, so nobody outside can prepare subjects that fall on one slot: a plain
multiply-and-shift chain could be beaten without knowing its seed.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from * nogil:
    """
    static inline unsigned long long isthmus_fold(unsigned long long a, unsigned long long b) {
    #ifdef __SIZEOF_INT128__
        unsigned __int128 p = (unsigned __int128) a * b;
        return (unsigned long long) p ^ (unsigned long long) (p >> 64);
    #else
        unsigned long long al = a & 0xFFFFFFFFu, ah = a >> 32, bl = b & 0xFFFFFFFFu, bh = b >> 32;
        unsigned long long ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
        unsigned long long mid = (ll >> 32) + (lh & 0xFFFFFFFFu) + (hl & 0xFFFFFFFFu);
        return ((mid << 32) | (ll & 0xFFFFFFFFu)) ^ (hh + (lh >> 32) + (hl >> 32) + (mid >> 32));
    #endif
    }
    """
    uint64_t fold "isthmus_fold"(uint64_t a, uint64_t b) noexcept


cdef struct Key:
    uint64_t first
    uint64_t second


cdef inline Key make_key(uint64_t seed) noexcept nogil:
    """Two secret words from one (splitmix64)."""
    cdef Key key
    key.first = _mix(seed + <uint64_t> 0x9E3779B97F4A7C15)
    key.second = _mix(seed + <uint64_t> 0x3C6EF372FE94F82A)
    return key


cdef inline uint64_t _mix(uint64_t value) noexcept nogil:
    value = (value ^ (value >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    value = (value ^ (value >> 27)) * <uint64_t> 0x94D049BB133111EB
    return value ^ (value >> 31)


cdef inline uint64_t _word(const char* data) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, data, 8)
    return word


cdef inline uint64_t hash_bytes(const char* data, Py_ssize_t size, Key key) noexcept nogil:
    """64 bits, never 0."""
    cdef uint64_t state = key.first
    cdef uint64_t low = 0, high = 0
    cdef uint32_t half
    cdef Py_ssize_t left = size
    while left > 16:
        state = fold(_word(data) ^ key.second, _word(data + 8) ^ state)
        data += 16
        left -= 16
    # the last one to sixteen bytes, read from both ends
    if left >= 8:
        low = _word(data)
        high = _word(data + left - 8)
    elif left >= 4:
        memcpy(&half, data, 4)
        low = half
        memcpy(&half, data + left - 4, 4)
        high = half
    elif left > 0:
        low = (
            (<uint64_t> <unsigned char> data[0] << 16)
            | (<uint64_t> <unsigned char> data[left >> 1] << 8)
            | <unsigned char> data[left - 1]
        )
    # the size goes into a multiplication of its own: beside the words it could be taken back
    state = fold(fold(low ^ key.second, high ^ state), key.first ^ key.second ^ <uint64_t> size)
    return state if state else 1


cdef inline uint64_t hash_pointer(const void* pointer) noexcept nogil:
    """Spreads addresses, which are multiples of 16."""
    return fold(<uint64_t> <size_t> pointer, <uint64_t> 0x9E3779B97F4A7C15)
