"""One consumer of one stream: the messages that it delivers, and when.

        PullInlet  $JS.API.CONSUMER.MSG.NEXT.<S>.<C> ─► Pulls ─────────┐
        Outlet     somebody listens, and may get more ────────────────►│
        Stored     visible_seq moved ─────────────────────────────────►├─ settle: offer
        AckInlet   $JS.ACK.<S>.<C>.> ─► Outcomes: floors, redelivery ──┘

A cursor is made of four parts, each of which knows only those before it:

        Reader      where it stands in the stream, how much it has not seen       reader.pxd
        └ Ledger    what it has delivered, what of it is done, the journal        ledger.pxd
          └ Outcomes   what acknowledgements, time and removals do to that      outcomes.pxd
            └ Cursor   delivers: to its Pulls (pulls.pxd) or its Outlet (outlet.pxd)

`settle` offers while somebody takes (a waiting pull, an open outlet), and there is credit
(max_ack_pending) and a message: first what is due again, then the next matching sequence up to
`visible_seq`. A delivery reads the record, prints the ack reply and hands a Message to the pull's
target or to the outlet. Then what the turn did is journalled, the owner told, and one alarm holds
the next deadline (redelivery, expiry of pulls, heartbeats, a pin).
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.agenda cimport Agenda, Alarm
from isthmus.core.longer_header cimport LongerHeader
from isthmus.core.message cimport Message, Span
from isthmus.core.outcomes cimport Outcomes
from isthmus.core.outlet cimport Outlet
from isthmus.core.pending cimport Delivery
from isthmus.core.pulls cimport Pulls
from isthmus.core.segment cimport Record
from isthmus.core.turn cimport Turn


@cython.final
cdef class Cursor(Outcomes):
    cdef Agenda agenda
    cdef Alarm alarm
    cdef Pulls pulls
    cdef readonly Outlet outlet                   # None: messages are pulled
    cdef LongerHeader longer
    cdef readonly int64_t max_ack_pending         # -1: no bound
    cdef readonly bint headers_only
    cdef readonly bint paused
    cdef bytes ack_prefix                         # $JS.ACK.<S>.<C>.
    cdef int64_t printed_ns                       # the time that an ack reply named last,
    cdef char[24] printed                         # its digits and a dot: messages of one turn
    cdef Py_ssize_t printed_size                  # share theirs
    cdef uint64_t replay_until                    # up to here as fast as published; 0: at once
    cdef int64_t replay_lag_ns                    # of the last delivery, behind its publication
    cdef readonly bint closed

    cdef int _push(self, Turn turn) except -1
    cdef int _serve(self, Turn turn) except -1
    cdef int _offer(self, Turn turn) except -1
    cdef bint _early(self, Record* record, Turn turn) except -1
    cdef int _deliver(self, Record* record, Delivery* entry, Turn turn) except -1
    cdef bint _hand_over(self, Message* message, Py_ssize_t size, Turn turn) except -1
    cdef Span _ack_reply(
        self, char* to, uint64_t deliveries, Record* record, uint64_t unseen
    ) noexcept
    cdef int _set_alarm(self, Turn turn) except -1
