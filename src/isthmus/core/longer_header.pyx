# cython: boundscheck=False, wraparound=False, cdivision=True
"""A stored header block and one line more; see `longer_header.pxd`.

Owns the memory of one header, which grows to the longest that was asked for. Knows no names of
headers.
"""

from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from isthmus.core.message cimport Span, span

cdef enum:
    FRAME = 16                  # "NATS/1.0", three ends of a line, and some


cdef class LongerHeader:
    """Adds lines to header blocks."""

    def __dealloc__(self):
        free(self.data)

    cdef Span with_line(self, Span header, Span line) except *:
        cdef Py_ssize_t wanted = header.size + line.size + FRAME
        cdef bint in_place = header.data == self.data and self.data != NULL
        cdef char* data
        cdef char* at
        if wanted > self.capacity:
            data = <char*> realloc(self.data, wanted)
            if data == NULL:
                raise MemoryError
            self.data = data
            self.capacity = wanted
        at = self.data
        if header.size <= 2:
            memcpy(at, b"NATS/1.0\r\n", 10)
            at += 10
        else:
            if not in_place:
                memcpy(at, header.data, header.size - 2)
            at += header.size - 2
        memcpy(at, line.data, line.size)
        memcpy(at + line.size, b"\r\n\r\n", 4)
        return span(self.data, at + line.size + 4 - self.data)
