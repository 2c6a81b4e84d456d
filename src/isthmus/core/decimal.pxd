"""Decimal numbers in bytes: what acks, PubAcks and status lines are made of."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static const char ISTHMUS_PAIRS[201] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    """
    const char* PAIRS "ISTHMUS_PAIRS"


cdef inline int digits_of(uint64_t number) noexcept nogil:
    """How many decimal digits `number` has."""
    cdef int count = 1
    while number >= 10000:
        number = number // 10000
        count += 4
    if number >= 100:
        number = number // 100
        count += 2
    return count + 1 if number >= 10 else count


cdef inline char* print_u64(char* to, uint64_t number) noexcept nogil:
    """Digits of `number` (at most 20) at `to`, two at a time; the place behind them."""
    cdef char* end = to + digits_of(number)
    cdef char* at = end
    while number >= 100:
        at -= 2
        memcpy(at, PAIRS + 2 * (number % 100), 2)
        number = number // 100
    if number >= 10:
        memcpy(at - 2, PAIRS + 2 * number, 2)
    else:
        (at - 1)[0] = <char> (48 + number)
    return end


cdef inline char* print_i64(char* to, int64_t number) noexcept nogil:
    """The same with a sign."""
    if number < 0:
        to[0] = c"-"
        return print_u64(to + 1, <uint64_t> 0 - <uint64_t> number)
    return print_u64(to, <uint64_t> number)


cdef inline bint parse_u64(const char* data, Py_ssize_t size, uint64_t* out) noexcept nogil:
    """True if `data` is nothing but digits and fits; leading zeros are fine."""
    cdef uint64_t number = 0
    cdef int digit
    cdef Py_ssize_t at
    if size <= 0 or size > 20:
        return False
    for at in range(size):
        digit = data[at] - 48
        if digit < 0 or digit > 9:
            return False
        if number > <uint64_t> 1844674407370955161 or (
            number == <uint64_t> 1844674407370955161 and digit > 5
        ):
            return False
        number = number * 10 + <uint64_t> digit
    out[0] = number
    return True
