"""What a consumer has delivered, what of it is done, and how that outlives the process.

        in the stream   1 2 3 4 │ 5 6 7 8 │ 9 …         ✓ done   ● pending
                        ✓ ✓ ✓ ✓ │ ● ✓ ● ✓ │
                        floor_seq ┘         └ delivered_seq        where it goes on: reader.pxd

Both positions exist once more as consumer sequences, which count deliveries: one that is delivered
again has a higher one. The floor moves when what it waits for is done; with nothing pending it
stands at the last delivery.

What must survive a restart is journalled as the steps of a turn (progress.pxd), in one record. The
state changes only by `note_…`, `pending` and the positions, in the same way when steps are applied:

        running     deliver, acknowledge … ─► note_… ─► state
                                        └───► steps ── journal_steps ─► RECORD_ACK, one a turn
        restarted   RECORD_ACK ─► retrace.apply ─► note_… ─► the same state

What the owner must hear of (NAK, TERM, max-deliver, pins, samples of acknowledgements) is gathered
as notices, if anybody listens, and told once per turn by who settles.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.journal cimport Journal
from isthmus.core.pending cimport Delivery, Pending
from isthmus.core.progress cimport Steps
from isthmus.core.reader cimport Reader
from isthmus.core.turn cimport Turn

cdef enum AckPolicy:
    ACK_NONE = 0
    ACK_ALL = 1
    ACK_EXPLICIT = 2

cdef enum Notice:                 # what the owner is told of
    NOTICE_NAKED = 1
    NOTICE_TERMINATED = 2
    NOTICE_SPENT = 3
    NOTICE_PINNED = 4
    NOTICE_UNPINNED = 5
    NOTICE_SAMPLED = 6


cdef class Ledger(Reader):
    cdef object owner
    cdef readonly bytes name
    cdef readonly uint64_t number                 # `owner` in its records
    cdef Journal journal                          # None: nothing of it survives
    cdef Steps steps
    cdef readonly Pending pending
    cdef readonly AckPolicy ack_policy
    cdef readonly int64_t ack_wait_ns
    cdef int64_t* backoff_ns
    cdef int backoff_count
    cdef readonly uint64_t delivered_seq          # highest stream sequence delivered
    cdef readonly uint64_t delivered_consumer_seq
    cdef readonly uint64_t floor_seq
    cdef readonly uint64_t floor_consumer_seq
    cdef readonly int64_t delivered_ns            # when last; 0: never
    cdef readonly int64_t acked_ns
    cdef readonly int64_t active_ns               # last request, delivery or acknowledgement
    cdef tuple notice_subjects                    # by Notice
    cdef list notices

    cdef int expect_acks(
        self, AckPolicy ack_policy, int64_t ack_wait_ns, list backoff_ns
    ) except -1
    cdef int note_delivered(self, uint64_t seq, int64_t now_ns) except -1
    cdef int note_again(self, Delivery* entry, int64_t now_ns) except -1
    cdef int note_acked(self, Delivery* entry, int64_t now_ns) except -1
    cdef int note_acked_all(self, uint64_t seq, uint64_t consumer_seq, int64_t now_ns) except -1
    cdef int64_t wait_ns(self, uint32_t deliveries) noexcept
    cdef int journal_steps(self, Turn turn) except -1
    cdef int write_snapshot(self, Steps steps) except -1
    cdef int notice(self, Notice kind, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                    object detail, Turn turn) except -1
