"""Requests for single messages: $JS.API.DIRECT.GET.<S> and $JS.API.DIRECT.GET.<S>.<subject>.

        {"seq":3}   {"last_by_subj":"s.a"}   {"next_by_subj":"s.>","seq":3}   subject, no body
              └───────────── read here, looked up, answered in the same call ─────────────┘
        anything else ─► the owner: a form, a refusal, or it answers itself (batches)

The message leaves as it is stored, with headers that say what it is (stamp.pxd). One that is not
durable yet is copied and held until it is: so who was told of a sequence can get it, and nobody is
shown what a crash may undo. A pattern may take a look at the whole stream: then the request waits
as a `Seeking`, a slice in each turn.
"""

from libc.stdint cimport uint64_t

cimport cython

from isthmus.core.journal cimport Holder
from isthmus.core.lookup cimport Search
from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore
from isthmus.core.segment cimport Record
from isthmus.core.stamp cimport Stamp
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Chore, Turn


cdef struct DirectForm:         # size 0, 0, False: not asked for
    uint64_t seq
    Span last
    Span next
    bint bare                   # without headers


@cython.final
cdef class DirectInlet(Receiver):
    cdef readonly Stored stored
    cdef object owner
    cdef list subjects
    cdef Stamp stamp
    cdef readonly Py_ssize_t seeking    # requests that wait so

    cdef int _ask_owner(self, Message* message, Span named, Turn turn) except -1
    cdef int _answer(self, const DirectForm* form, Span reply, Turn turn) except -1
    cdef int _found(self, uint64_t seq, Span reply, bint bare, Turn turn) except -1
    cdef int _send(self, uint64_t seq, Span reply, Span more, bint bare, Turn turn) except -1
    cdef int _status(self, Span reply, Span line, Turn turn) except -1


cdef class Seeking(Chore):
    cdef DirectInlet inlet
    cdef Search search
    cdef bytes reply
    cdef bint bare


cdef class Kept(Holder):
    cdef AccountCore account
    cdef bytes header
    cdef bytes payload
