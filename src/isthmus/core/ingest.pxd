"""A stream's fast path: checks, duplicate window, append, PubAck.

        route ─► Ingest.receive
                   rare `Nats-*` header? ──► owner.verdict(…) in the same call, order is kept
                   sizes, limits, duplicate, expected-last         compiled
                   Stored.put: journal.append · log.append · tree.add
                   Stored.reply: with the record's durability, or at once in memory

The order of the checks is the real server's, so that who breaks two rules hears of the same one. A
verdict says at which `Stage` its refusal takes effect. An Ingest is subscribed under each of the
stream's subjects. What mirrors and sources bring comes by `copy`.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.duplicates cimport Duplicates
from isthmus.core.message cimport Message, Span
from isthmus.core.republish cimport Republisher
from isthmus.core.rewriting cimport Rewriting
from isthmus.core.roll cimport Hearer
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Turn

cdef enum Stage:                  # a verdict's refusal comes before …
    BEFORE_EXPECTED_STREAM = 1
    BEFORE_EXPECTED_SEQUENCE = 2
    BEFORE_DUPLICATE = 3
    BEFORE_ROOM = 4
    BEFORE_STORING = 5
    NO_REFUSAL = 6


cdef enum Copied:                 # what became of a message of another stream
    COPIED = 0
    KNOWN = 1                     # it is here already
    NO_ROOM = 2


cdef struct Expectations:         # what the headers of one publication ask for; size 0: nothing
    Span message_id
    Span stream
    Span last_seq
    Span last_subject_seq
    Span last_subject
    Span last_message_id
    bint rare                     # some header that the owner must judge


@cython.final
cdef class Ingest(Hearer):
    cdef readonly Stored stored
    cdef object owner
    cdef Duplicates duplicates
    cdef readonly bint no_ack
    cdef readonly bint sealed
    cdef public bint refusing                     # its files cannot be written
    cdef readonly bint discard_new
    cdef readonly bint discard_new_per_subject
    cdef readonly int64_t max_message_bytes       # header and payload; -1: no bound
    cdef public Republisher republisher           # None: nothing is published again
    cdef Rewriting transform                      # None: subjects stay as they are
    cdef bytes transform_pattern
    cdef list subjects                            # subscribed under these
    cdef char* last_id                            # Nats-Msg-Id of the last stored message
    cdef Py_ssize_t last_id_size
    cdef Py_ssize_t last_id_capacity

    # a message of another stream, nobody waits for its acknowledgement: under the next sequence, or
    # in a mirror under `seq`, which lies behind all that is stored
    cdef int copy(self, Message* message, uint64_t seq, int64_t time_ns, Turn turn) except -1
    cdef int _copy(self, Message* message, uint64_t seq, int64_t time_ns, Turn turn) except -1
    cdef int _take(self, Message* message, Turn turn) except -1
    cdef int _refuse(
        self, Message* message, int code, int err_code, bytes text, Turn turn
    ) except -1
    cdef int _refuse_sequence(self, Message* message, uint64_t actual, Turn turn) except -1
    cdef int _answer(self, Message* message, bytes text, Turn turn) except -1
    cdef int _expected(self, Message* message, Expectations* asked, Turn turn) except -1
    cdef bint _too_large(self, Message* message) noexcept
    cdef int _refuse_size(self, Message* message, Turn turn) except -1
    cdef int _fits(self, Message* message, object verdict, bint wanted, Turn turn) except -1
    cdef int _store(
        self, Message* message, Expectations* asked, object verdict, bint wanted, int flags,
        int64_t time_ns, Turn turn
    ) except -1
    cdef int _remember_id(self, Span id) except -1
