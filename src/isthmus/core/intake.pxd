"""Where messages of another stream come in: a mirror's, or one of a stream's sources.

        the origin's consumer ── deliver subject ─► Intake.receive
                                                      in order? nothing missing?
                                                      header and subject as the copy has them
                                                      Ingest.copy: the checks that hold for copies
        FlowControl Request ─► answered when what came before it is durable
        Idle Heartbeat      ─► is that the last delivery that came?

The consumer's own count of deliveries tells whether one is missing. Then nothing more is taken and
the owner is told, who asks for another consumer behind `origin_seq`.
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.ingest cimport Ingest
from isthmus.core.journal cimport Holder
from isthmus.core.message cimport Message, Span
from isthmus.core.roll cimport Hearer
from isthmus.core.router cimport AccountCore
from isthmus.core.turn cimport Turn


cdef struct Origin:               # what an ack reply says of a delivery
    Span consumer
    uint64_t deliveries
    uint64_t seq
    uint64_t consumer_seq
    int64_t time_ns
    uint64_t pending


cdef class Intake(Hearer):
    cdef readonly Ingest ingest
    cdef AccountCore account
    cdef object owner
    cdef bint mirror                      # sequences and times of the origin, headers as they are
    cdef list transforms                  # (pattern, Rewriting); the first that matches
    cdef bytes before                     # Nats-Stream-Source: <origin>
    cdef bytes behind                     # <filter> <destination>
    cdef readonly bytes subject           # listens here; empty: nowhere
    cdef readonly bytes consumer          # whose deliveries count
    cdef readonly bytes identity          # of the origin, as its server tells it; may be empty
    cdef readonly uint64_t origin_seq     # everything up to here was taken, or passed over
    cdef readonly uint64_t consumer_seq   # of the last delivery
    cdef readonly uint64_t lag            # messages behind the last one, as the origin said
    cdef readonly int64_t active_ns       # when it last heard of the origin; 0: never
    cdef readonly bint interrupted        # something is missing: nothing more is taken
    cdef readonly bint full               # … because there was no room for it
    cdef bint near                        # the origin had hardly anything left: the owner knows
    cdef char* scratch                    # a header that differs from the origin's
    cdef Py_ssize_t scratch_capacity

    cdef int _take(self, Message* message, Turn turn) except -1
    cdef int _copy(self, Message* message, const Origin* origin, Turn turn) except -1
    cdef int _listen_to(self, Message* message, Turn turn) except -1
    cdef int _interrupt(self, bint full, Turn turn) except -1
    cdef Span _header(self, Message* message, uint64_t seq) except *
    cdef char* _print_label(self, char* out, Span subject, uint64_t seq) noexcept


cdef class FlowAnswer(Holder):
    cdef AccountCore account
    cdef bytes header
