"""Eight letters at a time: where a letter stands, without looking at each.

        data   $ J S . A C K .
        equal  0 0 0 # 0 0 0 #       a bit for every byte that is the letter looked for
               └─ lowest(mask) = 3

A word is read from memory as it lies there, little endian (`segment.pyx` refuses anything else), so
the lowest bit that is set belongs to the first letter.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define isthmus_lowest(mask) (__builtin_ctzll(mask) >> 3)
    #else
    static inline int isthmus_lowest(unsigned long long mask) {
        int at = 0;
        for (; !(mask & 0xFF); mask >>= 8) at++;
        return at;
    }
    #endif
    """
    # which byte of `mask` is the first that is not 0; `mask` is not 0
    int lowest "isthmus_lowest"(uint64_t mask) noexcept nogil


cdef inline uint64_t word_at(const char* data) noexcept nogil:
    """The eight bytes at `data`."""
    cdef uint64_t word
    memcpy(&word, data, 8)
    return word


cdef inline uint64_t word_of(const char* data, Py_ssize_t size) noexcept nogil:
    """The `size` bytes at `data`, fewer than eight, and zeros."""
    cdef uint64_t word = 0
    memcpy(&word, data, size)
    return word


cdef inline uint64_t equal(uint64_t word, char letter) noexcept nogil:
    """The top bit of every byte that is `letter`, and nothing else."""
    cdef uint64_t low = <uint64_t> 0x7F7F7F7F7F7F7F7F
    word ^= <uint64_t> 0x0101010101010101 * <unsigned char> letter
    return ~(((word & low) + low) | word | low)


cdef inline uint64_t blanks(uint64_t word) noexcept nogil:
    """Not 0 if a byte is a blank or a control character; its lowest bit is the first one's."""
    return (
        (word - <uint64_t> 0x2121212121212121) & ~word & <uint64_t> 0x8080808080808080
    )
