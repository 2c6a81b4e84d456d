"""From a subject that matches one pattern to the subject it has on the other side of a border.

        pattern   q.*.*.>             parts   "w." 1 ".y." 0 "." 2
        subject   q.two.one.a.b  ──►  w.one.y.two.a.b

Wildcards count from 0, from the left; `>` is the last one and stands for all that is left. The
number behind the last one stands for the subject's first token, whether that is a wildcard or not.
The subject may itself be a pattern that the first one covers: then the result is one, too. A part
may also be a function of what wildcards stand for (`substitution.pxd`).
"""

from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span
from isthmus.core.substitution cimport Substitution

cdef enum:
    SUBJECT_MAX = 8192                    # a rewritten subject: two control lines


cdef struct Piece:
    Span text
    int wildcard                          # whose token stands here; -1: the text, -2: a function


cdef class Rewriting:
    cdef list parts                       # keeps the bytes of `pieces`
    cdef Piece* pieces
    cdef int piece_count
    cdef int* wild                        # which tokens of the pattern are wildcards
    cdef Span* values                     # what stands there in the subject being rewritten
    cdef int wildcards
    cdef bint rest                        # the last wildcard is `>`
    cdef bint first                       # somebody asks for the first token by itself
    cdef bint by_chance                   # a function wants `chance`, anew for each subject
    cdef uint64_t chance

    # prints into SUBJECT_MAX bytes at `out`; the size, or -1 if it is too long
    cdef Py_ssize_t write(self, Span subject, char* out) noexcept
