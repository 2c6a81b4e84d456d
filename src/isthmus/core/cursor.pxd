"""A consumer's hot state: where it stands, what is unacknowledged, who waits.

        PullInlet  $JS.API.CONSUMER.MSG.NEXT.<S>.<C> ─► Waiting ───────┐
        Outlet     somebody listens, and may get more ────────────────►│
        Stored     visible_seq moved ─────────────────────────────────►├─ Cursor.settle: offer
        AckInlet   $JS.ACK.<S>.<C>.> ─► Pending, floors, redelivery ───┘

`settle` offers while somebody takes (a waiting pull, an open outlet), and there is credit
(max_ack_pending) and a message: first what is due again, then the next matching sequence up to
`visible_seq`. A delivery reads the record, prints the ack reply and hands a Message to the pull's
target or to the outlet. One alarm holds the next deadline of the cursor (redelivery, expiry of
pulls, heartbeats, a pin). Where requests come in priority groups, a Priority says who is next.

What must survive a restart is journalled as the steps of a turn (progress.pxd), in one record; an
acknowledgement that wants a reply gets it when its record is durable. Advisories (NAK, TERM,
max-deliver, pins, samples of acknowledgements) are gathered, if anybody listens, and told to the
owner once per turn.

A push consumer has an Outlet in place of PullInlet and Waiting. Where it stands in the stream, and
what it has not seen, is the Reader's.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cimport cython

from isthmus.core.agenda cimport Agenda, Alarm
from isthmus.core.journal cimport Journal
from isthmus.core.longer_header cimport LongerHeader
from isthmus.core.message cimport Message, Span
from isthmus.core.outlet cimport Outlet
from isthmus.core.pending cimport Delivery, Pending
from isthmus.core.priority cimport Priority
from isthmus.core.progress cimport Steps
from isthmus.core.reader cimport Reader
from isthmus.core.segment cimport Record
from isthmus.core.turn cimport Turn
from isthmus.core.waiting cimport Pull, PullForm, Waiting

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


@cython.final
cdef class Cursor(Reader):
    cdef object owner
    cdef readonly bytes name
    cdef readonly uint64_t number                 # `owner` in its records
    cdef Journal journal                          # None: nothing of it survives
    cdef Agenda agenda
    cdef Alarm alarm
    cdef readonly Pending pending
    cdef readonly Waiting waiting
    cdef readonly Outlet outlet                   # None: messages are pulled
    cdef readonly Priority priority               # None: first come, first served
    cdef Steps steps
    cdef LongerHeader longer
    # configuration
    cdef readonly AckPolicy ack_policy
    cdef readonly int64_t ack_wait_ns
    cdef int64_t* backoff_ns
    cdef int backoff_count
    cdef readonly int64_t max_deliver             # -1: no bound, here and below
    cdef readonly int64_t max_ack_pending
    cdef readonly Py_ssize_t max_waiting
    cdef readonly bint headers_only
    cdef readonly int sample_percent              # of acknowledgements, told to the owner
    cdef readonly bint paused
    cdef bytes ack_prefix                         # $JS.ACK.<S>.<C>.
    cdef int64_t printed_ns                       # the time that an ack reply named last,
    cdef char[24] printed                         # its digits and a dot: messages of one turn
    cdef Py_ssize_t printed_size                  # share theirs
    cdef tuple notice_subjects                    # by Notice
    # state
    cdef readonly uint64_t delivered_seq          # highest stream sequence delivered
    cdef readonly uint64_t delivered_consumer_seq
    cdef readonly uint64_t floor_seq
    cdef readonly uint64_t floor_consumer_seq
    cdef readonly int64_t delivered_ns            # when last; 0: never
    cdef readonly int64_t acked_ns
    cdef readonly int64_t active_ns               # last request, delivery or acknowledgement
    cdef uint64_t replay_until                    # up to here as fast as published; 0: at once
    cdef int64_t replay_lag_ns                    # of the last delivery, behind its publication
    cdef list notices
    cdef bint offering
    cdef readonly bint closed
    cdef public bint swept                        # by a purge of everything it could see, just now

    # requests, told by the inlets
    cdef int ask(self, const PullForm* form, Span reply, Turn turn) except -1
    cdef int status(self, Span reply, Span line, Turn turn) except -1
    cdef int refuse(self, Span reply, Span header, Turn turn) except -1
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

    cdef int write_snapshot(self, Steps steps) except -1
    cdef int note_delivered(self, uint64_t seq, int64_t now_ns) except -1
    cdef int note_again(self, Delivery* entry, int64_t now_ns) except -1
    cdef int note_acked(self, Delivery* entry, int64_t now_ns) except -1
    cdef int note_acked_all(self, uint64_t seq, uint64_t consumer_seq, int64_t now_ns) except -1
    cdef int64_t wait_ns(self, uint32_t deliveries) noexcept

    cdef int _offer(self, Turn turn) except -1
    cdef bint _early(self, Record* record, Turn turn) except -1
    cdef int _push(self, Turn turn) except -1
    cdef int _serve(self, Turn turn) except -1
    cdef bint _hand_over(self, Message* message, Py_ssize_t size, Turn turn) except -1
    cdef bint _answer(self, Message* message, Py_ssize_t size, Turn turn) except -1
    cdef Pull* _taker(self, Py_ssize_t size, Turn turn) except? NULL
    cdef Pull* _chosen(self, Turn turn) except? NULL
    cdef Span _ack_reply(
        self, char* to, uint64_t deliveries, Record* record, uint64_t unseen
    ) noexcept
    cdef int _deliver(self, Record* record, Delivery* entry, Turn turn) except -1
    cdef int _note_spent(self, Delivery* entry, Turn turn) except -1
    cdef int _gone(self, Delivery* entry, Turn turn) except -1
    cdef int _fall_due(self, Turn turn) except -1
    cdef int _end_pulls(self, Turn turn) except -1
    cdef int _end_impatient(self, bint refused, Turn turn) except -1
    cdef int _end(self, Pull* pull, Span line, bint with_left, Turn turn) except -1
    cdef int _beat(self, Pull* pull, Turn turn) except -1
    cdef int _drop_deserted(self, Turn turn) except -1
    cdef bint _abandoned(self, Pull* pull) noexcept
    cdef int _set_alarm(self, Turn turn) except -1
    cdef int _journal_steps(self, Turn turn) except -1
    cdef int _notice(self, Notice kind, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                     object detail, Turn turn) except -1
