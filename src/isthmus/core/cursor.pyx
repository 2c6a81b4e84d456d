# cython: boundscheck=False, wraparound=False, cdivision=True
"""The delivery of one consumer's messages; see `cursor.pxd` for the picture.

Owns how messages leave: to a pull or an outlet, with which reply, at which pace. Knows no
configuration document and no API. Invariants: `floor_seq <= delivered_seq < next_seq`, and
everything pending lies above the floor.
"""

from cpython.array cimport array
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from isthmus.core.agenda cimport Agenda, Alarm
from isthmus.core.decimal cimport print_u64
from isthmus.core.effort cimport spend
from isthmus.core.journal cimport Journal
from isthmus.core.ledger cimport ACK_NONE, AckPolicy, Ledger
from isthmus.core.longer_header cimport LongerHeader
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.outcomes cimport Outcomes
from isthmus.core.outlet cimport Outlet
from isthmus.core.pending cimport PENDING_MAX, Delivery
from isthmus.core.priority cimport Priority
from isthmus.core.progress cimport REDELIVERED
from isthmus.core.pulls cimport Pulls
from isthmus.core.reader cimport LOOK_AGAIN, NOTHING
from isthmus.core.segment cimport Record
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Turn

cdef enum:
    ACK_REPLY_MAX = 2048
    LINE_MAX = 64               # that is added to a header
    SLICE_MESSAGES = 4096       # of one settle; a delivery takes about half a microsecond
    SLICE_BYTES = 4_194_304
    DELIVER_NS = 500            # what one costs (effort.pxd)
    SETTLE_NS = 1000            # and a settle, whatever it delivers
    REST_NS = 1_000_000         # when a receiver is behind


cdef class Cursor(Outcomes):
    """One consumer of one stream."""

    def __init__(
        self, Stored stored not None, object owner, *, bytes name not None, uint64_t number,
        Journal journal, Agenda agenda not None, bytes ack_prefix not None,
        tuple notice_subjects not None,
    ):
        assert len(ack_prefix) < ACK_REPLY_MAX - 128
        Ledger.__init__(
            self, stored, owner, name=name, number=number, journal=journal,
            notice_subjects=notice_subjects,
        )
        self.spends = True
        self.agenda = agenda
        self.alarm = Alarm(self)
        self.pulls = Pulls(self)
        self.longer = LongerHeader()
        self.ack_prefix = ack_prefix

    def configure(
        self, *, AckPolicy ack_policy, int64_t ack_wait_ns, list backoff_ns not None,
        int64_t max_deliver, int64_t max_ack_pending, Py_ssize_t max_waiting, bint headers_only,
        int sample_percent,
    ) -> None:
        """How it delivers; -1: no bound. What is delivered already keeps its wait."""
        assert max_deliver == -1 or max_deliver > 0
        assert max_waiting > 0
        self.expect_acks(ack_policy, ack_wait_ns, backoff_ns)
        self.max_deliver = max_deliver
        self.max_ack_pending = max_ack_pending
        self.pulls.max_waiting = max_waiting
        self.headers_only = headers_only
        self.sample_percent = sample_percent

    def prioritise(self, Priority priority) -> None:
        """Who of the waiting comes first, from now on; None: who came first."""
        self.pulls.prioritise(priority)

    def unpin(self, Turn turn not None) -> None:
        """Whoever is pinned is not any more, and somebody else may be."""
        assert self.pulls.priority is not None
        self.pulls.priority.let_go()
        turn.later(self)

    def push_to(self, Outlet outlet not None) -> None:
        """Deliver there; nobody pulls. Call once, before anything is delivered."""
        assert self.outlet is None
        self.outlet = outlet

    def pause(self, bint paused, Turn turn not None) -> None:
        """Deliver nothing, whoever asks, until told otherwise."""
        self.paused = paused
        turn.later(self)

    def replay(self, uint64_t until_seq) -> None:
        """Deliver what is stored up to there at the pace at which it was published."""
        self.replay_until = until_seq

    def open(
        self, uint64_t next_seq, list filters not None, array chosen=None
    ) -> None:
        """Follow the stream from `next_seq` on, or first the `chosen` sequences, ascending.

        Call once, after `configure`; a restored cursor calls `resume` instead.
        """
        assert next_seq > 0
        self.next_seq = next_seq
        self.delivered_seq = self.floor_seq = (chosen[0] if chosen else next_seq) - 1
        self.resume(filters, chosen)

    def resume(self, list filters not None, array chosen=None) -> None:
        """Follow the stream from where it stands."""
        if chosen:
            assert filters
            self.choose(chosen)
        self.follow(filters)

    def nudge(self, Turn turn not None) -> None:
        """The configuration changed: look again at the end of the turn."""
        turn.later(self)

    def refilter(self, list filters not None) -> None:
        """Other filters from now on."""
        self.stored.detach(self)
        self.resume(filters)

    def close(self, bytes line not None, bint with_left, Turn turn not None) -> None:
        """It ends: waiting pulls get status `line` (and what they still wanted).

        Its state stays as it is, for the last checkpoint of a server that stops.
        """
        if self.closed:
            return
        self.dismiss(line, with_left, turn)
        self.journal_steps(turn)
        self.stored.detach(self)
        self.agenda.put(self.alarm, 0, turn)
        if self.outlet is not None:
            self.outlet.close()
        self.closed = True
        self.hungry = False
        self.alarm = None
        self.owner = None
        self.pulls.ledger = None            # nobody asks a closed cursor

    def dismiss(self, bytes line not None, bint with_left, Turn turn not None) -> None:
        """All waiting pulls end with status `line` (and what they still wanted)."""
        self.pulls.dismiss(span_of(line), with_left, turn)

    def refresh(self, Turn turn not None) -> None:
        """Let go of pulls that nobody waits for and of messages that are gone, before counting."""
        if self.outlet is None and not self.closed:
            self.pulls.drop_deserted(turn)
        self.trimmed(turn)

    @property
    def priority(self) -> Priority | None:
        """Who of the waiting comes first; None: who came first."""
        return self.pulls.priority

    @property
    def num_waiting(self) -> int:
        """Open pull requests."""
        return self.pulls.waiting.count

    def check(self) -> None:
        """Assert the invariants."""
        Ledger.check(self)
        self.pulls.waiting.check()
        assert self.closed or self.outlet is not None or self.hungry or not self.num_waiting

    # --- the end of a turn ---

    cdef int settle(self, Turn turn) except -1:
        cdef int dry = 0
        cdef int64_t due_ns
        cdef uint64_t delivered = self.delivered_consumer_seq
        if self.closed:
            return 0
        due_ns = self.pending.next_due_ns()
        if due_ns and due_ns <= turn.now_ns:
            self.fall_due(turn)
        if self.pulls.priority is not None:
            self.pulls.lose_pin(turn)
        if self.outlet is not None:
            dry = self._push(turn)
        elif self.pulls.waiting.count:
            dry = self._serve(turn)
        else:
            self.hungry = False
        spend(SETTLE_NS + (self.delivered_consumer_seq - delivered) * DELIVER_NS)
        if self.hungry and dry and self.watches is not None and self.matching:
            self.stored.wake(self, turn)        # it is there, but not to be seen yet
        self.journal_steps(turn)
        if self.notices:
            notices = self.notices
            self.notices = []
            self.owner.advise(notices, turn)
        self._set_alarm(turn)
        return 0

    cdef int _push(self, Turn turn) except -1:
        """Deliver to who listens, and say so if there was nothing; 1 if nothing is left."""
        cdef int dry = 0
        cdef uint64_t arrived = self.outlet.arrived_seq
        if arrived:
            self.outlet.arrived_seq = 0
            self.acknowledge(arrived, self.outlet.arrived_consumer_seq, turn)
        self.hungry = self.outlet.active
        if self.outlet.active:
            dry = self._offer(turn)
            if self.outlet.beat_ns and self.outlet.beat_ns <= turn.now_ns:
                self.outlet.beat(self.delivered_consumer_seq, self.next_seq - 1, turn)
                if self.outlet.acknowledges and self.pending.count:
                    self.outlet.ask(turn)
        return dry

    cdef int _serve(self, Turn turn) except -1:
        """Deliver to waiting pulls, and end those whose time has come; 1 if nothing is left."""
        cdef int dry
        self.pulls.end_late(turn)
        self.pulls.offering = True
        try:
            dry = self._offer(turn)
        finally:
            self.pulls.offering = False
        self.pulls.end_impatient(dry, self.paused, turn)
        self.hungry = self.pulls.waiting.count > 0
        return dry

    cdef int _offer(self, Turn turn) except -1:
        """Deliver while somebody waits and something is there; 1 if nothing is left to deliver."""
        cdef Record record
        cdef Delivery* entry
        cdef int budget = SLICE_MESSAGES, found
        cdef Py_ssize_t bytes_budget = SLICE_BYTES
        if self.paused:
            return 1
        if turn.worked_enough():
            turn.again(self)
            return 0
        while (
            self.pulls.waiting.count if self.outlet is None else self.outlet.ready(turn.now_ns)
        ):
            if turn.stalled:
                self.agenda.put(self.alarm, turn.now_ns + REST_NS, turn)
                return 0
            if budget == 0 or bytes_budget < 0 or self.census is not None and self.count_on():
                turn.again(self)
                return 0
            entry = self.pending.front()
            if entry != NULL:
                if self.max_deliver > 0 and entry.deliveries >= <uint64_t> self.max_deliver:
                    self.give_up(entry, turn)
                    budget -= 1
                    continue
                if not self.stored.log.read(entry.seq, &record):
                    self.gone(entry, turn)
                    budget -= 1
                    continue
            else:
                if self.ack_policy != ACK_NONE and self.pending.count >= (
                    self.max_ack_pending if self.max_ack_pending >= 0 else PENDING_MAX
                ):
                    if self.outlet is not None and self.outlet.acknowledges:
                        self.outlet.ask(turn)
                    return 0
                found = self.next_new(&record)
                if found == NOTHING:
                    return 1
                if found == LOOK_AGAIN:
                    turn.again(self)
                    return 0
                if record.seq <= self.replay_until and self._early(&record, turn):
                    return 0
            if not self._deliver(&record, entry, turn):
                return 0
            budget -= 1
            bytes_budget -= record.payload.size + record.header.size
        return 0

    cdef bint _early(self, Record* record, Turn turn) except -1:
        """True if it was published later after its predecessor than that was delivered."""
        cdef int64_t due_ns = record.time_ns + self.replay_lag_ns
        if self.replay_lag_ns == 0 or due_ns <= turn.now_ns:
            return False
        if self.alarm.due_ns == 0 or due_ns < self.alarm.due_ns:
            self.agenda.put(self.alarm, due_ns, turn)
        return True

    cdef int _deliver(self, Record* record, Delivery* entry, Turn turn) except -1:
        """`record` to whoever's turn it is; 0 if nobody takes it. `entry` NULL: a new message."""
        cdef char text[ACK_REPLY_MAX]
        cdef char line[LINE_MAX]
        cdef char* end
        cdef Message message
        cdef Py_ssize_t size
        cdef uint64_t unseen = self.unseen()
        memset(&message, 0, sizeof(Message))
        message.subject = record.subject
        message.reply = self._ack_reply(
            text, 1 if entry == NULL else entry.deliveries + 1, record,
            unseen - 1 if entry == NULL and unseen else unseen,
        )
        message.header = record.header
        message.payload = record.payload
        if self.headers_only:
            memcpy(line, b"Nats-Msg-Size: ", 15)
            end = print_u64(line + 15, <uint64_t> record.payload.size)
            message.header = self.longer.with_line(record.header, span(line, end - line))
            message.payload.size = 0
        message.now_ns = turn.now_ns
        if self.pulls.priority is not None:
            self.pulls.priority.unseen = unseen if entry == NULL else unseen + 1
        size = (
            message.subject.size + message.reply.size + message.header.size + message.payload.size
        )
        if not self._hand_over(&message, size, turn):
            return 0
        if entry == NULL:
            self.pass_by(record)
            if record.seq <= self.replay_until:
                self.replay_lag_ns = turn.now_ns - record.time_ns
            self.steps.delivered(record.seq - self.delivered_seq)
            self.note_delivered(record.seq, turn.now_ns)
        else:
            self.steps.add(REDELIVERED, record.seq)
            self.note_again(entry, turn.now_ns)
        if self.stored.retention and self.ack_policy == ACK_NONE:
            self.stored.done(self, record.seq, turn)
        return 1

    cdef bint _hand_over(self, Message* message, Py_ssize_t size, Turn turn) except -1:
        """To the outlet, or to the pull whose turn it is; False if nobody takes it."""
        cdef bint taken
        self.stored.log.borrows += 1
        try:
            if self.outlet is not None:
                taken = self.outlet.send(message, size, turn)
            else:
                taken = self.pulls.answer(message, size, turn)
        finally:
            self.stored.log.give_back()
        return taken

    cdef Span _ack_reply(
        self, char* to, uint64_t deliveries, Record* record, uint64_t unseen
    ) noexcept:
        """$JS.ACK.<S>.<C>.<deliveries>.<seq>.<consumer seq>.<time>.<unseen>"""
        cdef Py_ssize_t size = len(self.ack_prefix)
        cdef char* at = to + size
        cdef char* end
        memcpy(to, PyBytes_AS_STRING(self.ack_prefix), size)
        at = print_u64(at, deliveries)
        at[0] = c"."
        at = print_u64(at + 1, record.seq)
        at[0] = c"."
        at = print_u64(at + 1, self.delivered_consumer_seq + 1)
        at[0] = c"."
        if record.time_ns != self.printed_ns or self.printed_size == 0:
            self.printed_ns = record.time_ns
            end = print_u64(self.printed, <uint64_t> record.time_ns)
            end[0] = c"."
            self.printed_size = end + 1 - self.printed
        memcpy(at + 1, self.printed, sizeof(self.printed))
        at = print_u64(at + 1 + self.printed_size, unseen)
        return span(to, at - to)

    cdef int _set_alarm(self, Turn turn) except -1:
        """Earlier if need be: one that rings too early finds nothing to do, and is set again."""
        cdef int64_t due_ns = self.pending.next_due_ns()
        cdef int64_t pulls_ns = self.pulls.deadline_ns(), outlet_ns
        if pulls_ns and (due_ns == 0 or pulls_ns < due_ns):
            due_ns = pulls_ns
        if self.outlet is not None and self.outlet.active:
            outlet_ns = self.outlet.deadline_ns(turn.now_ns)
            if outlet_ns and (due_ns == 0 or outlet_ns < due_ns):
                due_ns = outlet_ns
        if due_ns and (self.alarm.due_ns == 0 or due_ns < self.alarm.due_ns):
            self.agenda.put(self.alarm, due_ns, turn)
        return 0
