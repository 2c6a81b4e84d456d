"""What becomes of a consumer's deliveries: acknowledged, put off, given up, gone.

        AckInlet ── acknowledge, terminate ─┐
        Stored ──── removed, trimmed ─ gone ┴─► no longer pending: the floors move, and by its
                                                retention the stream may give the message up
        AckInlet ── nak ────────────────────┐
        time ────── fall_due ───────────────┼─► due again, at once or later
                    └ as often as it may be ┴─► give_up: spent, and somebody is told
        AckInlet ── extend ───────────────────► its wait begins anew
        the owner ─ purged, reset ────────────► floors and positions move together

Each is a step of the turn (ledger.pxd). An acknowledgement that wants a reply gets it when its
record is durable (`confirm`).
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.ledger cimport Ledger
from isthmus.core.message cimport Span
from isthmus.core.pending cimport Delivery
from isthmus.core.turn cimport Turn


cdef class Outcomes(Ledger):
    cdef readonly int64_t max_deliver             # -1: no bound
    cdef readonly int sample_percent              # of acknowledgements, told to the owner
    cdef public bint swept                        # by a purge of everything it could see, just now

    # False if `seq` was never delivered
    cdef bint acknowledge(self, uint64_t seq, uint64_t consumer_seq, Turn turn) except -1
    cdef int nak(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries, int64_t delay_ns,
                 Turn turn) except -1
    cdef int extend(self, uint64_t seq, Turn turn) except -1
    cdef bint terminate(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries, Span reason,
                        Turn turn) except -1
    cdef int sample(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                    Turn turn) except -1
    cdef int confirm(self, Span reply, Turn turn) except -1
    cdef list _pending_up_to(self, uint64_t seq)

    cdef int fall_due(self, Turn turn) except -1
    cdef int give_up(self, Delivery* entry, Turn turn) except -1
    cdef int gone(self, Delivery* entry, Turn turn) except -1
