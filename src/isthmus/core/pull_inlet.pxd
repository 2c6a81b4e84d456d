"""Pull requests of one consumer: $JS.API.CONSUMER.MSG.NEXT.<S>.<C>.

A client sends the same bytes again and again, so what the last few different requests asked for is
remembered; anything new is parsed by the owner.

        request ─ the same bytes as one of `known`? ─ yes ─► its form ─────┐
                  └ no ─► owner.pull_form ─► a form ─► takes the oldest    ├─► pulls.ask(form,
                          └ or a refusal ─► status     place in `known` ───┘             reply)
"""

from libc.stdint cimport uint64_t

cimport cython

from isthmus.core.cursor cimport Cursor
from isthmus.core.message cimport Message, Span
from isthmus.core.pull cimport PullForm
from isthmus.core.receiver cimport Receiver
from isthmus.core.turn cimport Turn

cdef enum:
    FORMS_KEPT = 4


cdef struct KnownForm:
    PullForm form
    char* request             # NULL: unused
    Py_ssize_t size


@cython.final
cdef class PullInlet(Receiver):
    cdef readonly Cursor cursor
    cdef object owner
    cdef KnownForm[FORMS_KEPT] known
    cdef int oldest                       # the slot that is used next
    cdef list subjects

    cdef int request(self, Span payload, Span header, Span reply, Turn turn) except -1
    cdef int _parse(self, Span payload, Span header, Span reply, Turn turn) except -1
