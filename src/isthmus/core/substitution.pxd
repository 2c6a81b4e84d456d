"""One function of a subject in a mapping: what it makes of a wildcard's token.

        partition(3,1)          abc      2         FNV-1a of the tokens named, modulo 3
        random(3)                        0 to 2
        left(1,2)  right(1,2)   abcdef   ab  ef
        splitfromleft(1,2)      abcde    ab.cde    splitfromright: abc.de
        slicefromleft(1,2)      abcde    ab.cd.e   slicefromright: a.bc.de
        split(1,-)              a-b-c    a.b.c     what is empty is left out
"""

from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span


cdef class Substitution:
    cdef int function                     # its place in NAMES
    cdef int number                       # partitions, or how many bytes
    cdef bytes delimiter
    cdef int* wildcards                   # whose tokens; partition: none is the whole subject
    cdef int wildcard_count
    cdef readonly bint by_chance

    # prints into `room` bytes at `out`; the size, or -1 if it does not fit
    cdef Py_ssize_t write(
        self, Span subject, const Span* values, uint64_t chance, char* out, Py_ssize_t room
    ) noexcept
