"""A stored header block and one line more, in memory of its own.

        NATS/1.0␍␊ A: b␍␊ ␍␊   +   Nats-Msg-Size: 4   =   NATS/1.0␍␊ A: b␍␊ Nats-Msg-Size: 4␍␊ ␍␊

What it gave can be given back to get a second line; it is borrowed until the next call.
"""

cimport cython

from isthmus.core.message cimport Span


@cython.final
cdef class LongerHeader:
    cdef char* data
    cdef Py_ssize_t capacity

    # `header` may be empty
    cdef Span with_line(self, Span header, Span line) except *
