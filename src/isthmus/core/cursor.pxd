"""A consumer's hot state: where it stands, what is unacknowledged, who waits.

        PullInlet  $JS.API.CONSUMER.MSG.NEXT.<S>.<C> ─► waiting pulls ─┐
        Stored     visible_seq moved ─────────────────────────────────►├─ Cursor.settle: offer
        AckInlet   $JS.ACK.<S>.<C>.> ─► pending, floors, redelivery ───┘

`settle` offers while there is a waiting pull, credit (max_ack_pending) and a message: first what is
due again, then the next matching sequence up to `visible_seq`. A delivery reads the record, prints
the ack reply and hands a Message to the pull's target. One heap holds all deadlines of the cursor
(redelivery, expiry of pulls, heartbeats); the owner arms one timer from `deadline_ns`.
NAK delays, TERM, max-deliver and the like are gathered and told to the owner once per turn.
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.ingest cimport Stored
from isthmus.core.journal cimport Holder
from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore, Target
from isthmus.core.turn cimport Chore, Turn


cdef class Cursor(Holder):
    cdef object owner
    cdef readonly Stored stored
    cdef readonly uint64_t delivered_seq          # highest stream sequence delivered
    cdef readonly uint64_t delivered_consumer_seq
    cdef readonly uint64_t floor_seq
    cdef readonly uint64_t floor_consumer_seq


cdef class PullInlet(Receiver):
    cdef readonly Cursor cursor


cdef class AckInlet(Receiver):
    cdef readonly Cursor cursor
