# cython: boundscheck=False, wraparound=False, cdivision=True
"""Headers of stored messages; see `stamp.pxd`.

Owns one buffer, reused for every message. Knows no clock: the time is the record's. Invariant: a
printed block ends with an empty line, and its spans last until the next one is printed.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from isthmus.core.decimal cimport print_u64
from isthmus.core.message cimport Span, span
from isthmus.core.segment cimport Record

cdef enum:
    FIXED_MAX = 192             # names, numbers, time and line ends
    NS_PER_S = 1_000_000_000
    S_PER_DAY = 86_400


cdef inline char* _line(char* to, const char* name, Py_ssize_t size) noexcept nogil:
    memcpy(to, name, size)
    return to + size


cdef inline char* _end(char* to) noexcept nogil:
    to[0] = c"\r"
    to[1] = c"\n"
    return to + 2


cdef class Stamp:
    """Prints the headers of messages of `stream`."""

    def __init__(self, bytes stream not None):
        self.stream = stream

    def __dealloc__(self):
        free(self.text)

    cdef Span print(self, const Record* record, Span more) except *:
        cdef Py_ssize_t wanted = (
            record.header.size + record.subject.size + len(self.stream) + more.size + FIXED_MAX
        )
        cdef char* at
        cdef void* grown
        if wanted > self.capacity:
            grown = realloc(self.text, wanted * 2)
            if grown == NULL:
                raise MemoryError
            self.text = <char*> grown
            self.capacity = wanted * 2
        at = self.text
        if record.header.size > 2:
            at = _line(at, record.header.data, record.header.size - 2)
        else:
            at = _line(at, b"NATS/1.0\r\n", 10)
        at = _line(at, b"Nats-Stream: ", 13)
        at = _end(_line(at, PyBytes_AS_STRING(self.stream), len(self.stream)))
        at = _line(at, b"Nats-Subject: ", 14)
        at = _end(_line(at, record.subject.data, record.subject.size))
        at = _end(print_u64(_line(at, b"Nats-Sequence: ", 15), record.seq))
        at = _end(print_time(_line(at, b"Nats-Time-Stamp: ", 17), record.time_ns))
        if more.size:
            at = _line(at, more.data, more.size)
        return span(self.text, _end(at) - self.text)


cdef inline char* _digits(char* to, int64_t number, int width) noexcept nogil:
    """`number` with leading zeros."""
    cdef int place
    for place in range(width - 1, -1, -1):
        to[place] = <char> (48 + number % 10)
        number = number // 10
    return to + width


cdef char* print_time(char* to, int64_t time_ns) noexcept nogil:
    """The date by counting in years that begin in March, so that a leap day is the last."""
    cdef int64_t fraction = time_ns % NS_PER_S
    cdef int64_t seconds = time_ns // NS_PER_S
    cdef int64_t days, era, day_of_era, year_of_era, day_of_year, month
    cdef int width = 9
    if fraction < 0:            # C rounds towards zero
        fraction += NS_PER_S
        seconds -= 1
    days = seconds // S_PER_DAY
    seconds = seconds % S_PER_DAY
    if seconds < 0:
        seconds += S_PER_DAY
        days -= 1
    days += 719_468             # from 0000-03-01 to 1970-01-01
    era = (days if days >= 0 else days - 146_096) // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    to = _digits(to, year_of_era + era * 400 + (month >= 10), 4)
    to[0] = c"-"
    to = _digits(to + 1, month + 3 if month < 10 else month - 9, 2)
    to[0] = c"-"
    to = _digits(to + 1, day_of_year - (153 * month + 2) // 5 + 1, 2)
    to[0] = c"T"
    to = _digits(to + 1, seconds // 3600, 2)
    to[0] = c":"
    to = _digits(to + 1, seconds // 60 % 60, 2)
    to[0] = c":"
    to = _digits(to + 1, seconds % 60, 2)
    if fraction:
        while fraction % 10 == 0:
            fraction = fraction // 10
            width -= 1
        to[0] = c"."
        to = _digits(to + 1, fraction, width)
    to[0] = c"Z"
    return to + 1


def time_text(int64_t time_ns) -> bytes:
    """A time as the headers show it."""
    cdef char text[32]
    return text[: print_time(text, time_ns) - text]
