"""What a stored message says of itself in headers: stream, subject, sequence, time.

        Nats-Stream: S
        Nats-Subject: s.a
        Nats-Sequence: 12
        Nats-Time-Stamp: 2026-11-23T03:21:11.907531662Z

They follow the headers the message was stored with, in direct gets and where it is republished.
"""

from libc.stdint cimport int64_t

from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record


cdef class Stamp:
    cdef readonly bytes stream
    cdef char* text
    cdef Py_ssize_t capacity

    # header block of `record` as it is sent, with `more` lines (each with its line end) at the end;
    # borrowed until the next call
    cdef Span print(self, const Record* record, Span more) except *


# RFC 3339 in UTC, at most 30 characters; the place behind them
cdef char* print_time(char* to, int64_t time_ns) noexcept nogil
