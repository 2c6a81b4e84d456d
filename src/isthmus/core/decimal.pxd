"""Decimal numbers in bytes: what acks, PubAcks and status lines are made of."""

from libc.stdint cimport int64_t, uint64_t


cdef inline char* print_u64(char* to, uint64_t number) noexcept nogil:
    """Digits of `number` (at most 20) at `to`; the place behind them."""
    cdef char digits[20]
    cdef int count = 0
    if number < 10:
        to[0] = <char> (48 + number)
        return to + 1
    while number:
        digits[count] = <char> (48 + number % 10)
        number = number // 10
        count += 1
    while count:
        count -= 1
        to[0] = digits[count]
        to += 1
    return to


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
