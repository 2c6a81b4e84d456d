"""One service import: where a message leaves an account and enters another, and the way back.

        importer B                                exporter C
        ACCTC.API.CONSUMER.MSG.NEXT.S.C ─ Crossing ─► $JS.API.CONSUMER.MSG.NEXT.S.C
        _INBOX.b.next  ◄── Response  ◄─────────────── _R_.aStXD0.fo9ikb

A crossing is alive while policy says so (`close`, `open`) and while now is before `ends_ns`, the
earliest end of everything it rests on (activation, accounts). Both are checked for each message in
either direction: a grant ends when it ends, on every subject and for answers under way.

A response lives in the exporter's sublist under its `_R_` subject:

        Singleton        until the first message
        Stream, Chunked  until an empty message, or `threshold_ns` without a message
        all              until nobody listens to the reply any more (`awaited.pxd`)

Responses are queued by last use, so that the owner's timer closes the stale ones from the front;
over RESPONSES_MAX the oldest is dropped. Using one is one store: `expire` moves what was used since
it was queued to the end. When a grant ends all are dead at once (`era`); if they are many, most of
them leave the tables later, by `expire`, too.

An answer that wants an answer gets a `_R_` subject in the importer, by the crossing's `reverse`.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.awaited cimport Awaiting
from isthmus.core.latency cimport Latency, Sample
from isthmus.core.message cimport Message
from isthmus.core.receiver cimport Receiver
from isthmus.core.rewriting cimport Rewriting
from isthmus.core.router cimport AccountCore, Target
from isthmus.core.turn cimport Turn

cdef enum:
    SINGLETON = 0
    STREAM = 1
    CHUNKED = 2
    RESPONSES_MAX = 65536


cdef class Response


@cython.final
cdef class Crossing(Receiver):
    cdef readonly AccountCore importer
    cdef readonly AccountCore exporter
    cdef readonly bytes local             # subject in the importer, wildcards allowed
    cdef readonly bytes remote            # subject in the exporter
    cdef readonly bytes export            # what it exports, which covers that
    cdef Rewriting rewriting              # None: local equals remote
    cdef readonly bint share              # tell the exporter all about the requester
    cdef readonly bint subscribed
    cdef bint listed                      # in `answering` of its importer
    cdef PyObject* oldest                 # its responses, each holding on to the next: by
    cdef PyObject* newest                 # `queued_ns`; NULL: none
    cdef Py_ssize_t waiting               # so many
    cdef Crossing reverse                 # for answers that want an answer; made when first needed
    cdef uint64_t era                     # counts the times that it was closed
    cdef readonly bint alive
    cdef readonly int64_t ends_ns         # wall clock; 0: never
    cdef readonly int response_type
    cdef readonly int64_t threshold_ns
    cdef Latency latency                  # None: nobody measures
    cdef readonly uint64_t messages       # crossed: usage of the grant
    cdef readonly uint64_t bytes_crossed
    cdef readonly uint64_t answers        # that somebody took
    cdef readonly uint64_t answer_bytes
    cdef readonly uint64_t deliveries     # answers that want an acknowledgement
    cdef readonly int64_t used_ns         # the last of them all; 0: none yet

    cdef bint open_at(self, int64_t now_ns) noexcept
    cdef bint _enters(self, int hops) except -1
    cdef bytes _describe(self, Message* message)
    cdef void _queue(self, Response response)
    cdef void _unqueue(self, Response response)
    cdef int _end(self) except -1
    cdef int64_t _stale_ns(self) except -1
    cdef int _expire(self, int64_t now_ns, int at_most, int* looked) except -1


@cython.final
cdef class Response(Awaiting):
    cdef Crossing crossing
    cdef bytes subject                    # _R_….… in the exporter
    cdef PyObject* older                  # in the crossing's queue, which owns it
    cdef PyObject* newer
    cdef Target target
    cdef int64_t used_ns                  # last message
    cdef int64_t queued_ns                # where it stands in the crossing's queue
    cdef uint64_t era                     # of the crossing when it was made: it ended with that
    cdef bint closed
    cdef Sample sample                    # None: not measured

    cdef bint _open_at(self, int64_t now_ns) noexcept
    cdef int ended(self, int status, bytes responder, int64_t now_ns) except -1
    cdef int close(self) except -1
