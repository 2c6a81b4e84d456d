# cython: boundscheck=False, wraparound=False, cdivision=True
"""The hot state of one consumer; see `cursor.pxd` for the picture.

Owns unacknowledged messages, waiting pulls and floors. Knows no configuration document and no API.
Invariants: `floor_seq <= delivered_seq < next_seq`, and everything pending lies above
the floor.
"""

from cpython.array cimport array
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.agenda cimport Agenda, Alarm
from isthmus.core.decimal cimport print_i64, print_u64
from isthmus.core.inventory cimport write_pending
from isthmus.core.journal cimport Journal
from isthmus.core.longer_header cimport LongerHeader
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.outlet cimport Outlet
from isthmus.core.pending cimport PENDING_MAX, QUEUE, SPENT, Delivery, Pending
from isthmus.core.priority cimport IS_OVER, PINNED, PRIORITIZED, TAKES, Priority, Verdict
from isthmus.core.progress cimport (
    ACKED, ACKED_ALL, EXTENDED, MOVED, NAKED, REDELIVERED, RESET, SPENT_STEP, Steps,
)
from isthmus.core.reader cimport LOOK_AGAIN, NOTHING, Reader
from isthmus.core.router cimport deliver, reaches, route
from isthmus.core.segment cimport RECORD_ACK, Record
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Turn
from isthmus.core.waiting cimport Pull, PullForm, Waiting, reply_of

cdef enum:
    ACK_REPLY_MAX = 2048
    STATUS_MAX = 512
    LINE_MAX = 64               # that is added to a header
    SLICE_MESSAGES = 4096       # of one settle; a delivery takes about half a microsecond
    SLICE_BYTES = 4_194_304
    SLICE_DUE = 256
    REST_NS = 1_000_000         # when a receiver is behind
    NOTICES_MAX = 10_000        # of one turn; more are not told

cdef bytes NO_MESSAGES = b"404 No Messages"
cdef bytes REQUESTS_PENDING = b"408 Requests Pending"
cdef bytes REQUEST_TIMEOUT = b"408 Request Timeout"
cdef bytes INTEREST_EXPIRED = b"408 Interest Expired"
cdef bytes MAX_WAITING = b"409 Exceeded MaxWaiting"
cdef bytes BATCH_COMPLETED = b"409 Batch Completed"
cdef bytes MAX_BYTES = b"409 Message Size Exceeds MaxBytes"
cdef bytes PIN_MISMATCH = b"423 Nats-Pin-Id mismatch"
cdef bytes WRONG_PIN = b"423 Nats-Wrong-Pin-Id"
cdef bytes MESSAGE_DELETED = b"Unacknowledged message was deleted"


cdef class Cursor(Reader):
    """One consumer of one stream.

    `owner.advise(notices, turn)` is told of `(kind, seq, consumer_seq, deliveries, detail)`; for
    each kind 1 to 6 (naked, terminated, spent, pinned, unpinned, sampled) `notice_subjects` says
    under which subject somebody must listen. The detail is the reason, the id of a pinned client,
    or the nanoseconds from delivery to acknowledgement; of a pin, `seq` is the number of the group.
    `journal` None: nothing of it survives the process.
    """

    def __init__(
        self, Stored stored not None, object owner, *, bytes name not None, uint64_t number,
        Journal journal, Agenda agenda not None, bytes ack_prefix not None,
        tuple notice_subjects not None,
    ):
        assert len(ack_prefix) < ACK_REPLY_MAX - 128
        assert len(notice_subjects) == NOTICE_SAMPLED
        self.stored = stored
        self.owner = owner
        self.name = name
        self.number = number
        self.journal = journal
        self.agenda = agenda
        self.alarm = Alarm(self)
        self.pending = Pending()
        self.waiting = Waiting()
        self.steps = Steps()
        self.longer = LongerHeader()
        self.ack_prefix = ack_prefix
        self.notice_subjects = notice_subjects
        self.notices = []

    def __dealloc__(self):
        free(self.backoff_ns)

    def __repr__(self) -> str:
        return f"Cursor({self.stored.name.decode()}/{self.name.decode()})"

    # --- for the owner ---

    def configure(
        self, *, AckPolicy ack_policy, int64_t ack_wait_ns, list backoff_ns not None,
        int64_t max_deliver, int64_t max_ack_pending, Py_ssize_t max_waiting, bint headers_only,
        int sample_percent,
    ) -> None:
        """How it delivers; -1: no bound. What is delivered already keeps its wait."""
        cdef int index
        assert ack_policy == ACK_NONE or ack_wait_ns > 0
        assert max_deliver == -1 or max_deliver > 0
        assert max_waiting > 0
        self.ack_policy = ack_policy
        self.ack_wait_ns = ack_wait_ns
        free(self.backoff_ns)
        self.backoff_ns = NULL
        self.backoff_count = len(backoff_ns)
        if self.backoff_count:
            self.backoff_ns = <int64_t*> malloc(self.backoff_count * sizeof(int64_t))
            if self.backoff_ns == NULL:
                raise MemoryError
            for index in range(self.backoff_count):
                self.backoff_ns[index] = backoff_ns[index]
        self.max_deliver = max_deliver
        self.max_ack_pending = max_ack_pending
        self.max_waiting = max_waiting
        self.headers_only = headers_only
        self.sample_percent = sample_percent

    def prioritise(self, Priority priority) -> None:
        """Who of the waiting comes first, from now on; None: who came first."""
        self.priority = priority
        self.waiting.group(
            priority is not None, priority is not None and priority.policy == PRIORITIZED
        )

    def unpin(self, Turn turn not None) -> None:
        """Whoever is pinned is not any more, and somebody else may be."""
        assert self.priority is not None
        self.priority.let_go()
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

    def drop_missing(self, Turn turn not None) -> None:
        """After a restart: what the stream has lost meanwhile is not waited for."""
        cdef Delivery* entry = self.pending.first()
        cdef Delivery* following
        while entry != NULL:
            following = self.pending.next(entry)
            if self.stored.log.next_present(entry.seq) != entry.seq:
                self._gone(entry, turn)
            entry = following
        entry = self.pending.first_spent()
        while entry != NULL:
            following = self.pending.next_spent(entry)
            if self.stored.log.next_present(entry.seq) != entry.seq:
                self.pending.remove(entry)
            entry = following
        turn.later(self)

    def remember(self, Turn turn not None) -> None:
        """Journal everything: what was journalled of it before is not needed any more."""
        self.steps.clear()
        self.write_snapshot(self.steps)
        self._journal_steps(turn)

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
        self._journal_steps(turn)
        self.stored.detach(self)
        self.agenda.put(self.alarm, 0, turn)
        if self.outlet is not None:
            self.outlet.close()
        self.closed = True
        self.hungry = False
        self.alarm = None
        self.owner = None

    def dismiss(self, bytes line not None, bint with_left, Turn turn not None) -> None:
        """All waiting pulls end with status `line` (and what they still wanted)."""
        while self.waiting.first != NULL:
            self._end(self.waiting.first, span_of(line), with_left, turn)

    def refresh(self, Turn turn not None) -> None:
        """Let go of pulls that nobody waits for and of messages that are gone, before counting."""
        if self.outlet is None:
            self._drop_deserted(turn)
        self.trimmed(turn)

    def purged(self, uint64_t first_seq, Turn turn not None) -> None:
        """What it could have seen below `first_seq` was purged: it counts as done."""
        cdef Delivery* entry = self.pending.first()
        assert first_seq > 0
        while self.pending.first_spent() != NULL and self.pending.first_spent().seq < first_seq:
            self.pending.remove(self.pending.first_spent())
        while entry != NULL and entry.seq < first_seq:
            if entry.consumer_seq > self.floor_consumer_seq:
                self.floor_consumer_seq = entry.consumer_seq
            self.acked_ns = turn.now_ns
            self.pending.remove(entry)
            entry = self.pending.first()
        if self.next_seq < first_seq:
            self.next_seq = first_seq
        if self.delivered_seq < first_seq - 1:
            self.delivered_seq = first_seq - 1
        if self.floor_seq < first_seq - 1:
            self.floor_seq = first_seq - 1
        if self.pending.count == 0:
            self.pending.clear()
            self.floor_seq = self.delivered_seq
            self.floor_consumer_seq = self.delivered_consumer_seq
        self.count_again()
        cdef uint64_t[4] values
        values[0] = self.next_seq
        values[1] = self.delivered_seq
        values[2] = self.floor_seq
        values[3] = self.floor_consumer_seq
        self.steps.add_many(MOVED, values, 4)
        turn.later(self)

    def reset(self, uint64_t seq, Turn turn not None) -> None:
        """Begin anew at `seq`: nothing was delivered, nothing is waited for."""
        assert seq > 0
        while self.pending.first_spent() != NULL:
            self.pending.remove(self.pending.first_spent())
        while self.pending.first() != NULL:
            self.pending.remove(self.pending.first())
        self.chosen_count = self.chosen_at = 0
        self.next_seq = seq
        self.delivered_seq = self.floor_seq = seq - 1
        self.delivered_consumer_seq = self.floor_consumer_seq = 0
        self.delivered_ns = self.acked_ns = 0
        self.count_again()
        self.remember(turn)
        turn.later(self)

    @property
    def num_ack_pending(self) -> int:
        """Delivered and not acknowledged."""
        return self.pending.count

    @property
    def num_redelivered(self) -> int:
        """Tracked and delivered more than once."""
        return 0 if self.max_deliver == 1 else self.pending.redelivered

    @property
    def num_waiting(self) -> int:
        """Open pull requests."""
        return self.waiting.count

    def check(self) -> None:
        """Assert the invariants."""
        self.pending.check()
        self.waiting.check()
        assert self.floor_seq <= self.delivered_seq, (self.floor_seq, self.delivered_seq)
        assert self.floor_consumer_seq <= self.delivered_consumer_seq
        assert self.delivered_seq < self.next_seq or self.chosen_at < self.chosen_count
        entry = self.pending.first()
        assert entry == NULL or entry.seq > self.floor_seq or self.ack_policy == ACK_NONE
        counted = self.num_pending
        self.count_again()
        assert counted == self.num_pending, (counted, self.num_pending)

    # --- requests ---

    cdef int ask(self, const PullForm* form, Span reply, Turn turn) except -1:
        """Somebody wants messages at `reply`."""
        cdef uint64_t available
        self.active_ns = turn.now_ns
        if self.priority is not None and self.priority.mistaken(&form.wish, turn.now_ns):
            return self.status(reply, span_of(PIN_MISMATCH), turn)
        if self.waiting.count >= self.max_waiting:
            if not self.offering:
                self._drop_deserted(turn)
            if self.waiting.count >= self.max_waiting:
                # who listens to heartbeats learns it from their absence
                if form.heartbeat_ns == 0:
                    self.status(reply, span_of(MAX_WAITING), turn)
                return 0
        if form.no_wait and not self.count_on():
            available = self.unseen() + <uint64_t> self.pending.queue.size
            if available == 0 and form.expires_ns == 0:
                return self.status(reply, span_of(NO_MESSAGES), turn)
            if available > 0 and available < <uint64_t> self.waiting.batch_total:
                return self.status(reply, span_of(REQUESTS_PENDING), turn)
        self.waiting.add(form, reply, turn.now_ns)
        self.hungry = True
        turn.later(self)
        return 0

    cdef int status(self, Span reply, Span line, Turn turn) except -1:
        """A header-only message `NATS/1.0 <line>`."""
        cdef char text[STATUS_MAX + 16]
        assert line.size <= STATUS_MAX
        memcpy(text, b"NATS/1.0 ", 9)
        memcpy(text + 9, line.data, line.size)
        memcpy(text + 9 + line.size, b"\r\n\r\n", 4)
        return self.refuse(reply, span(text, line.size + 13), turn)

    cdef int refuse(self, Span reply, Span header, Turn turn) except -1:
        """A message that is nothing but `header`."""
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.header = header
        message.now_ns = turn.now_ns
        route(self.stored.account, &message, turn)
        return 0

    cdef bint acknowledge(self, uint64_t seq, uint64_t consumer_seq, Turn turn) except -1:
        """False if `seq` was never delivered: then nobody is answered either."""
        cdef Delivery* entry
        self.active_ns = turn.now_ns
        if seq == 0 or seq > self.delivered_seq:
            return seq == 0             # is below every floor: done
        if self.ack_policy == ACK_ALL:
            if seq > self.floor_seq:
                if consumer_seq > self.delivered_consumer_seq:
                    consumer_seq = self.delivered_consumer_seq
                entry = self.pending.find(seq)
                if entry != NULL:
                    consumer_seq = entry.consumer_seq
                self.steps.add_two(ACKED_ALL, seq, consumer_seq)
                done = self._pending_up_to(seq) if self.stored.retention else ()
                self.note_acked_all(seq, consumer_seq, turn.now_ns)
                turn.later(self)
                for entry_seq in done:
                    self.stored.done(self, entry_seq, turn)
            return True
        entry = self.pending.find_tracked(seq)
        if entry != NULL or (self.pending.count == 0 and self.floor_seq != self.delivered_seq):
            self.steps.add(ACKED, seq)
            self.note_acked(entry, turn.now_ns)
            turn.later(self)
            if self.stored.retention:
                self.stored.done(self, seq, turn)
        return True

    cdef int nak(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries, int64_t delay_ns,
                 Turn turn) except -1:
        """Not done: once more, now (negative) or in `delay_ns`."""
        cdef Delivery* entry
        self.active_ns = turn.now_ns
        if consumer_seq <= self.floor_consumer_seq or consumer_seq > self.delivered_consumer_seq:
            return 0
        entry = self.pending.find(seq)
        if entry == NULL:
            return 0
        self._notice(NOTICE_NAKED, seq, consumer_seq, deliveries, b"", turn)
        self.steps.add_two(NAKED, seq, <uint64_t> (delay_ns + 1) if delay_ns >= 0 else 0)
        if delay_ns >= 0:
            self.pending.schedule(entry, turn.now_ns + delay_ns)
        else:
            self.pending.enqueue(entry)
        turn.later(self)
        return 0

    cdef int extend(self, uint64_t seq, Turn turn) except -1:
        """In progress: its wait begins anew."""
        cdef Delivery* entry = self.pending.find(seq)
        self.active_ns = turn.now_ns
        if entry != NULL and entry.place != QUEUE:
            self.steps.add(EXTENDED, seq)
            entry.time_ns = turn.now_ns
            self.pending.schedule(entry, turn.now_ns + self.wait_ns(entry.deliveries))
            turn.later(self)
        return 0

    cdef bint terminate(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries, Span reason,
                        Turn turn) except -1:
        """Never again, and an advisory says why; as the original, of whatever was named."""
        cdef bint known = self.acknowledge(seq, consumer_seq, turn)
        self._notice(
            NOTICE_TERMINATED, seq, consumer_seq, deliveries,
            reason.data[: reason.size] if reason.size else b"", turn,
        )
        return known

    cdef int sample(self, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                    Turn turn) except -1:
        """It is about to be acknowledged: tell of it, if the dice say so."""
        cdef Delivery* entry
        if self.ack_policy != ACK_EXPLICIT or turn.random() % 100 >= <uint64_t> self.sample_percent:
            return 0
        entry = self.pending.find(seq)
        if entry != NULL:
            self._notice(
                NOTICE_SAMPLED, seq, consumer_seq, deliveries, turn.now_ns - entry.time_ns, turn
            )
        return 0

    cdef int confirm(self, Span reply, Turn turn) except -1:
        """The empty answer to an acknowledgement, once its step is durable."""
        if self.journal is None:
            return self.durable(0, reply, 0, turn)
        self._journal_steps(turn)
        if self.journal.durable_lsn >= self.journal.end_lsn:
            return self.durable(0, reply, 0, turn)
        self.journal.hold(self.journal.end_lsn, self, 0, reply, 0)
        return 0

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.now_ns = turn.now_ns
        route(self.stored.account, &message, turn)
        return 0

    # --- the stream tells ---

    cdef int removed(self, uint64_t seq, Span subject, Turn turn) except -1:
        cdef Delivery* entry
        self.count_removed(seq, subject)
        entry = self.pending.find_tracked(seq)
        if entry != NULL:
            self._gone(entry, turn)
        return 0

    cdef int trimmed(self, Turn turn) except -1:
        cdef Delivery* entry = self.pending.first()
        while entry != NULL and entry.seq < self.stored.log.first_seq:
            self._gone(entry, turn)
            entry = self.pending.first()
        entry = self.pending.first_spent()
        while entry != NULL and entry.seq < self.stored.log.first_seq:
            self.pending.remove(entry)
            entry = self.pending.first_spent()
        return 0

    cdef bint needs(self, uint64_t seq, Span subject) noexcept:
        cdef Py_ssize_t at
        if not self.wants(subject):
            return False
        if seq >= self.next_seq or self.pending.find_tracked(seq) != NULL:
            return True
        for at in range(self.chosen_at, self.chosen_count):
            if self.chosen[at] == seq:
                return True
        return False

    cdef list _pending_up_to(self, uint64_t seq):
        cdef Delivery* entry = self.pending.first()
        cdef list out = []
        while entry != NULL and entry.seq <= seq:
            out.append(entry.seq)
            entry = self.pending.next(entry)
        return out

    cdef uint64_t oldest_unacked(self) noexcept:
        cdef Delivery* entry = self.pending.first()
        cdef Delivery* spent = self.pending.first_spent()
        if entry == NULL:
            return spent.seq if spent != NULL else 0
        return spent.seq if spent != NULL and spent.seq < entry.seq else entry.seq

    cdef int _gone(self, Delivery* entry, Turn turn) except -1:
        """Its message is no more: like a TERM, with a reason of its own."""
        if entry.place == SPENT:
            return self.pending.remove(entry)
        if not self.stored.quiet:
            self._notice(
                NOTICE_TERMINATED, entry.seq, entry.consumer_seq, entry.deliveries,
                MESSAGE_DELETED, turn,
            )
        self.steps.add(ACKED, entry.seq)
        if self.swept and entry.consumer_seq > self.floor_consumer_seq:
            self.floor_consumer_seq = entry.consumer_seq    # journalled where the purge ends
        self.note_acked(entry, turn.now_ns)
        turn.later(self)
        return 0

    # --- the end of a turn ---

    cdef int settle(self, Turn turn) except -1:
        cdef int dry = 0
        cdef int64_t due_ns
        if self.closed:
            return 0
        due_ns = self.pending.next_due_ns()
        if due_ns and due_ns <= turn.now_ns:
            self._fall_due(turn)
        if self.priority is not None and 0 < self.priority.lost_ns <= turn.now_ns:
            self._notice(NOTICE_UNPINNED, self.priority.group, 0, 0, b"timeout", turn)
            self.priority.let_go()
        if self.outlet is not None:
            dry = self._push(turn)
        elif self.waiting.count:
            dry = self._serve(turn)
        else:
            self.hungry = False
        if self.hungry and dry and self.watches is not None and self.matching:
            self.stored.wake(self, turn)        # it is there, but not to be seen yet
        self._journal_steps(turn)
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
        cdef bint refused = False
        if self.waiting.deadline_ns and self.waiting.deadline_ns <= turn.now_ns:
            self._end_pulls(turn)
        self.offering = True
        try:
            dry = self._offer(turn)
        finally:
            self.offering = False
        if self.priority is not None:
            refused = self.priority.refused
            self.priority.refused = False
        if (dry or refused) and self.waiting.impatient:
            self._end_impatient(refused, turn)
        self.hungry = self.waiting.count > 0
        return dry

    cdef int _offer(self, Turn turn) except -1:
        """Deliver while somebody waits and something is there; 1 if nothing is left to deliver."""
        cdef Record record
        cdef Delivery* entry
        cdef int budget = SLICE_MESSAGES, found
        cdef Py_ssize_t bytes_budget = SLICE_BYTES
        if self.paused:
            return 1
        while (
            self.waiting.count if self.outlet is None else self.outlet.ready(turn.now_ns)
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
                    self._note_spent(entry, turn)
                    continue
                if not self.stored.log.read(entry.seq, &record):
                    self._gone(entry, turn)
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
        if self.priority is not None:
            self.priority.unseen = unseen if entry == NULL else unseen + 1
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
                taken = self._answer(message, size, turn)
        finally:
            self.stored.log.give_back()
        return taken

    cdef bint _answer(self, Message* message, Py_ssize_t size, Turn turn) except -1:
        """To the pull whose turn it is; one whose inbox nobody listens to any more is dropped."""
        cdef char line[LINE_MAX]
        cdef Pull* pull = self._taker(size, turn)
        cdef bint pins = self.priority is not None and self.priority.policy == PINNED
        cdef Span header = message.header, pin
        while pull != NULL:
            if pins:
                pin = self.priority.next_id(&pull.wish, turn)
                memcpy(line, b"Nats-Pin-Id: ", 13)
                memcpy(line + 13, pin.data, pin.size)
                message.header = self.longer.with_line(header, span(line, 13 + pin.size))
                if header.size > 2:
                    header.data = message.header.data   # there it begins with it
            message.to = reply_of(pull)
            if pull.target.generation != self.stored.account.sublist.generation and (
                self._abandoned(pull)
            ):
                self._end(pull, span_of(INTEREST_EXPIRED), True, turn)
            elif deliver(&pull.target, self.stored.account, message, turn):
                break
            else:
                self.waiting.remove(pull)
            pull = self._taker(size, turn)
        if pull == NULL:
            return False
        if pins and self.priority.taken(&pull.wish, turn.now_ns):
            self._notice(NOTICE_PINNED, self.priority.group, 0, 0, self.priority.pin_id, turn)
        self.waiting.served(pull, size, turn.now_ns)
        if pull.batch_left == 0:
            if pull.counts_bytes and pull.bytes_left > 0:
                self._end(pull, span_of(BATCH_COMPLETED), True, turn)
            else:
                self.waiting.remove(pull)
        return True

    cdef Pull* _taker(self, Py_ssize_t size, Turn turn) except? NULL:
        """Who gets the next message; those who cannot take it are told so."""
        cdef Pull* pull = self.waiting.first if self.priority is None else self._chosen(turn)
        while pull != NULL:
            if not pull.counts_bytes or size < pull.bytes_left:
                return pull
            if size == pull.bytes_left:
                self.waiting.batch_total -= pull.batch_left - 1
                pull.batch_left = 1
                return pull
            self._end(pull, span_of(MAX_BYTES), True, turn)
            pull = self.waiting.first if self.priority is None else self._chosen(turn)
        return NULL

    cdef Pull* _chosen(self, Turn turn) except? NULL:
        """The first whom the policy lets take a message; those whom it ends are told so."""
        cdef Pull* pull = self.waiting.first
        cdef Pull* after
        cdef Verdict verdict
        while pull != NULL:
            after = pull.after
            verdict = self.priority.judge(&pull.wish, self.pending.count)
            if verdict == TAKES:
                return pull
            if verdict == IS_OVER:
                self._end(pull, span_of(WRONG_PIN), True, turn)
            pull = after
        self.priority.refused = self.waiting.count > 0
        return NULL

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

    cdef int _fall_due(self, Turn turn) except -1:
        """What waited long enough goes to the redelivery queue, or has been tried often enough."""
        cdef Delivery* due[SLICE_DUE]
        cdef Py_ssize_t found, index
        cdef int _round
        for _round in range(64):
            found = self.pending.take_due(turn.now_ns, due, SLICE_DUE)
            for index in range(found):
                if self.max_deliver > 0 and due[index].deliveries >= <uint64_t> self.max_deliver:
                    self._note_spent(due[index], turn)
                else:
                    self.pending.enqueue(due[index])
            if found < SLICE_DUE:
                return 0
        turn.again(self)
        return 0

    cdef int _end_impatient(self, bint refused, Turn turn) except -1:
        """Nothing is left for those that don't wait, or they were refused what is there."""
        cdef Pull* pull = self.waiting.first_impatient()
        cdef Pull* after
        cdef bint empty = refused or self.paused or self.unseen() == 0
        while pull != NULL:
            after = pull.after
            if pull.no_wait and (pull.served or (empty and pull.expires_ns == 0)):
                self._end(pull, span_of(NO_MESSAGES), False, turn)
            pull = after
        return 0

    cdef int _end_pulls(self, Turn turn) except -1:
        """Tell pulls whose time has come."""
        cdef Pull* pull = self.waiting.first
        cdef Pull* after
        cdef int64_t now_ns = turn.now_ns
        while pull != NULL:
            after = pull.after
            if pull.expires_ns and pull.expires_ns <= now_ns:
                self._end(pull, span_of(REQUEST_TIMEOUT), True, turn)
            elif pull.beat_ns and pull.beat_ns <= now_ns:
                self._beat(pull, turn)
            pull = after
        self.waiting.set_deadline()
        return 0

    cdef int _beat(self, Pull* pull, Turn turn) except -1:
        cdef char text[STATUS_MAX]
        cdef char* at = text
        pull.beat_ns = turn.now_ns + pull.heartbeat_ns
        memcpy(at, b"100 Idle Heartbeat\r\nNats-Last-Consumer: ", 40)
        at = print_u64(at + 40, self.delivered_consumer_seq)
        memcpy(at, b"\r\nNats-Last-Stream: ", 20)
        at = print_u64(at + 20, self.next_seq - 1)
        return self.status(reply_of(pull), span(text, at - text), turn)

    cdef int _end(self, Pull* pull, Span line, bint with_left, Turn turn) except -1:
        """The request is over: `line`, and what was left of it; the pointer is dead afterwards."""
        cdef char text[STATUS_MAX]
        cdef char* at = text
        cdef Message message
        memcpy(at, b"NATS/1.0 ", 9)
        memcpy(at + 9, line.data, line.size)
        at += 9 + line.size
        if with_left:
            memcpy(at, b"\r\nNats-Pending-Messages: ", 25)
            at = print_i64(at + 25, pull.batch_shown)
            memcpy(at, b"\r\nNats-Pending-Bytes: ", 22)
            at = print_i64(at + 22, pull.bytes_left)
        memcpy(at, b"\r\n\r\n", 4)
        at += 4
        self.active_ns = turn.now_ns
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply_of(pull)
        message.header = span(text, at - text)
        message.now_ns = turn.now_ns
        try:
            deliver(&pull.target, self.stored.account, &message, turn)
        finally:
            self.waiting.remove(pull)
        return 0

    cdef int _drop_deserted(self, Turn turn) except -1:
        """Requests whose inbox nobody listens to, and those whose time is over, make room."""
        cdef Pull* pull = self.waiting.first
        cdef Pull* after
        while pull != NULL:
            after = pull.after
            if self._abandoned(pull) or not (
                reaches(self.stored.account, reply_of(pull), turn.now_ns)
            ):
                self.waiting.remove(pull)
            elif pull.expires_ns and pull.expires_ns <= turn.now_ns:
                self._end(pull, span_of(REQUEST_TIMEOUT), True, turn)
            pull = after
        self.hungry = self.waiting.count > 0
        return 0

    cdef bint _abandoned(self, Pull* pull) noexcept:
        """It came from another account, where nobody waits any more; who listens here on the
        subjects of all answers is not who asked."""
        cdef bytes prefix = self.stored.account.response_prefix
        return pull.reply_size > len(prefix) and not (
            memcmp(pull.reply, PyBytes_AS_STRING(prefix), len(prefix))
        ) and not self.stored.account.sublist.has_literal(reply_of(pull))

    # --- changes of state, alike while running and when journalled steps are applied ---

    cdef int note_delivered(self, uint64_t seq, int64_t now_ns) except -1:
        self.delivered_seq = seq
        self.delivered_consumer_seq += 1
        self.delivered_ns = self.active_ns = now_ns
        if self.ack_policy == ACK_NONE:
            self.floor_seq = seq
            self.floor_consumer_seq = self.delivered_consumer_seq
            return 0
        self.pending.add(seq, self.delivered_consumer_seq, now_ns, now_ns + self.wait_ns(1))
        if seq < self.stored.oldest_unacked:
            self.stored.oldest_unacked = seq
        return 0

    cdef int note_again(self, Delivery* entry, int64_t now_ns) except -1:
        self.delivered_consumer_seq += 1
        self.delivered_ns = self.active_ns = now_ns
        self.pending.count_delivery(entry, now_ns)
        self.pending.schedule(entry, now_ns + self.wait_ns(entry.deliveries))
        return 0

    cdef int _note_spent(self, Delivery* entry, Turn turn) except -1:
        self._notice(
            NOTICE_SPENT, entry.seq, entry.consumer_seq, entry.deliveries, b"", turn
        )
        self.steps.add(SPENT_STEP, entry.seq)
        self.pending.spend(entry)
        turn.later(self)
        return 0

    cdef int note_acked(self, Delivery* entry, int64_t now_ns) except -1:
        """`entry` is done; NULL: it was already, but with nothing pending the floor moves up."""
        cdef uint64_t seq = 0, consumer_seq = 0
        cdef Delivery* first
        self.acked_ns = now_ns
        if entry != NULL:
            seq = entry.seq
            consumer_seq = entry.consumer_seq
            self.pending.remove(entry)
        if self.pending.count == 0:
            self.floor_seq = self.delivered_seq
            self.floor_consumer_seq = self.delivered_consumer_seq
        elif consumer_seq == self.floor_consumer_seq + 1:
            first = self.pending.first()
            self.floor_seq = first.seq - 1 if first.seq > seq else seq
            self.floor_consumer_seq = (
                first.consumer_seq - 1 if first.consumer_seq > consumer_seq else consumer_seq
            )
        return 0

    cdef int note_acked_all(self, uint64_t seq, uint64_t consumer_seq, int64_t now_ns) except -1:
        cdef Delivery* entry = self.pending.first()
        self.acked_ns = now_ns
        while entry != NULL and entry.seq <= seq:
            self.pending.remove(entry)
            entry = self.pending.first()
        self.floor_seq = seq
        if consumer_seq > self.floor_consumer_seq:
            self.floor_consumer_seq = consumer_seq
        return 0

    cdef int64_t wait_ns(self, uint32_t deliveries) noexcept:
        """How long the delivery number `deliveries` may stay unacknowledged."""
        if self.backoff_count == 0:
            return self.ack_wait_ns
        return self.backoff_ns[
            deliveries - 1 if deliveries < <uint32_t> self.backoff_count else self.backoff_count - 1
        ]

    # --- journal, advisories, alarm ---

    cdef int _journal_steps(self, Turn turn) except -1:
        cdef Record record
        cdef Span steps = self.steps.taken()
        if steps.size == 0:
            return 0
        if self.journal is not None:
            memset(&record, 0, sizeof(Record))
            record.kind = RECORD_ACK
            record.owner = self.number
            record.seq = self.stored.number
            record.time_ns = turn.now_ns
            record.payload = steps
            self.journal.append(&record, turn)
        self.steps.clear()
        return 0

    cdef int _notice(self, Notice kind, uint64_t seq, uint64_t consumer_seq, uint64_t deliveries,
                     object detail, Turn turn) except -1:
        cdef bytes subject = self.notice_subjects[kind - 1]
        if len(self.notices) < NOTICES_MAX and self.stored.account.sublist.has_interest(
            span_of(subject)
        ):
            self.notices.append((kind, seq, consumer_seq, deliveries, detail))
            turn.later(self)
        return 0

    cdef int _set_alarm(self, Turn turn) except -1:
        """Earlier if need be: one that rings too early finds nothing to do, and is set again."""
        cdef int64_t due_ns = self.pending.next_due_ns(), outlet_ns
        if self.waiting.count and self.waiting.deadline_ns and (
            due_ns == 0 or self.waiting.deadline_ns < due_ns
        ):
            due_ns = self.waiting.deadline_ns
        if self.priority is not None and self.priority.lost_ns and (
            due_ns == 0 or self.priority.lost_ns < due_ns
        ):
            due_ns = self.priority.lost_ns
        if self.outlet is not None and self.outlet.active:
            outlet_ns = self.outlet.deadline_ns(turn.now_ns)
            if outlet_ns and (due_ns == 0 or outlet_ns < due_ns):
                due_ns = outlet_ns
        if due_ns and (self.alarm.due_ns == 0 or due_ns < self.alarm.due_ns):
            self.agenda.put(self.alarm, due_ns, turn)
        return 0

    cdef int write_snapshot(self, Steps steps) except -1:
        cdef uint64_t[7] values
        values[0] = self.next_seq
        values[1] = self.delivered_seq
        values[2] = self.floor_seq
        values[3] = self.floor_consumer_seq
        values[4] = self.delivered_consumer_seq
        values[5] = <uint64_t> self.delivered_ns
        values[6] = <uint64_t> self.acked_ns
        steps.add_many(RESET, values, 7)
        return write_pending(self.pending, steps)
