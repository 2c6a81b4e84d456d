# cython: boundscheck=False, wraparound=False, cdivision=True
"""Who of the waiting pulls gets the next message, and what the others hear; see `pulls.pxd`.

Owns the waiting requests, who comes first among them, and their statuses. Knows no stream and no
acknowledgement: the ledger it serves for says what is unseen and unacknowledged. Invariant: the
ledger is `hungry` while somebody waits.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.decimal cimport print_i64, print_u64
from isthmus.core.effort cimport LOOK_NS, spend
from isthmus.core.ledger cimport NOTICE_PINNED, NOTICE_UNPINNED, Ledger
from isthmus.core.longer_header cimport LongerHeader
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.priority cimport PINNED, Priority
from isthmus.core.pull cimport Pull, PullForm, reply_of
from isthmus.core.router cimport deliver, reaches, route
from isthmus.core.turn cimport Turn
from isthmus.core.waiting cimport Waiting

cdef enum:
    STATUS_MAX = 512
    LINE_MAX = 64               # that is added to a header

cdef bytes NO_MESSAGES = b"404 No Messages"
cdef bytes REQUESTS_PENDING = b"408 Requests Pending"
cdef bytes REQUEST_TIMEOUT = b"408 Request Timeout"
cdef bytes INTEREST_EXPIRED = b"408 Interest Expired"
cdef bytes MAX_WAITING = b"409 Exceeded MaxWaiting"
cdef bytes BATCH_COMPLETED = b"409 Batch Completed"
cdef bytes MAX_BYTES = b"409 Message Size Exceeds MaxBytes"
cdef bytes PIN_MISMATCH = b"423 Nats-Pin-Id mismatch"
cdef bytes WRONG_PIN = b"423 Nats-Wrong-Pin-Id"


cdef class Pulls:
    """The requests that wait for messages of one consumer."""

    def __init__(self, Ledger ledger not None):
        self.ledger = ledger
        self.account = ledger.stored.account
        self.waiting = Waiting()
        self.longer = LongerHeader()

    cdef int prioritise(self, Priority priority) except -1:
        """Who of the waiting comes first, from now on; None: who came first."""
        self.priority = priority
        return self.waiting.arrange(priority)

    cdef int ask(self, const PullForm* form, Span reply, Turn turn) except -1:
        """Somebody wants messages at `reply`."""
        cdef uint64_t available
        self.ledger.active_ns = turn.now_ns
        if self.priority is not None and self.priority.mistaken(&form.wish, turn.now_ns):
            return self._status(reply, span_of(PIN_MISMATCH), turn)
        if form.no_wait and (self.ledger.census is None or (
            turn.take_slice() and not self.ledger.count_on()
        )):
            available = self.ledger.unseen() + <uint64_t> self.ledger.pending.queue.size
            if available == 0 and form.expires_ns == 0:
                return self._status(reply, span_of(NO_MESSAGES), turn)
            if 0 < available < <uint64_t> self.waiting.batch_total:
                self._make_room(turn)
                if available < <uint64_t> self.waiting.batch_total:
                    return self._status(reply, span_of(REQUESTS_PENDING), turn)
        if self.waiting.count >= self.max_waiting:
            self._make_room(turn)
            if self.waiting.count >= self.max_waiting:
                # who listens to heartbeats learns it from their absence
                if form.heartbeat_ns == 0:
                    self._status(reply, span_of(MAX_WAITING), turn)
                return 0
        self.waiting.add(form, reply, turn.now_ns)
        self.asked += 1
        self.ledger.hungry = True
        turn.later(self.ledger)
        return 0

    cdef int refuse(self, Span reply, Span header, Turn turn) except -1:
        """A message that is nothing but `header`."""
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.header = header
        message.now_ns = turn.now_ns
        route(self.account, &message, turn)
        return 0

    # --- a message ---

    cdef bint answer(self, Message* message, Py_ssize_t size, Turn turn) except -1:
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
            if pull.target.generation != self.account.sublist.generation and (
                self._abandoned(pull)
            ):
                self._end(pull, span_of(INTEREST_EXPIRED), True, turn)
            elif deliver(&pull.target, self.account, message, turn):
                break
            else:
                self.waiting.remove(pull)
            pull = self._taker(size, turn)
        if pull == NULL:
            return False
        if pins and self.priority.taken(&pull.wish, turn.now_ns):
            self.ledger.notice(NOTICE_PINNED, self.priority.group, 0, 0, self.priority.pin_id, turn)
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
        cdef Priority priority = self.priority
        cdef Pull* pull = self.waiting.first_for(priority.reached(self.ledger.pending.count))
        while pull != NULL and priority.is_over(&pull.wish):
            self._end(pull, span_of(WRONG_PIN), True, turn)
            pull = self.waiting.first_for(priority.reached(self.ledger.pending.count))
        if pull == NULL:
            priority.refused = self.waiting.count > 0
        return pull

    # --- no message ---

    cdef int end_late(self, Turn turn) except -1:
        """Tell pulls whose time has come."""
        cdef Pull* pull = self.waiting.first
        cdef Pull* after
        cdef int64_t now_ns = turn.now_ns
        if self.waiting.deadline_ns == 0 or self.waiting.deadline_ns > now_ns:
            return 0
        while pull != NULL:
            after = pull.after
            if pull.expires_ns and pull.expires_ns <= now_ns:
                self._end(pull, span_of(REQUEST_TIMEOUT), True, turn)
            elif pull.beat_ns and pull.beat_ns <= now_ns:
                self._beat(pull, turn)
            pull = after
        self.waiting.set_deadline()
        return 0

    cdef int end_impatient(self, bint dry, bint paused, Turn turn) except -1:
        """Those that don't wait, where nothing is left, or they were refused what is there."""
        cdef Pull* pull
        cdef Pull* after
        cdef bint empty, refused = False
        if self.priority is not None:
            refused = self.priority.refused
            self.priority.refused = False
        pull = self.waiting.first_impatient
        if not (dry or refused) or pull == NULL:
            return 0
        empty = refused or paused or self.ledger.unseen() == 0
        while pull != NULL:
            after = pull.impatient_after
            if pull.served or empty:
                self._end(pull, span_of(NO_MESSAGES), False, turn)
            pull = after
        return 0

    cdef int drop_deserted(self, Turn turn) except -1:
        """Requests whose inbox nobody listens to, and those whose time is over, make room."""
        cdef Pull* pull = self.waiting.first
        cdef Pull* after
        if self._swept(turn):
            return 0
        spend(<uint64_t> self.waiting.count * LOOK_NS)
        while pull != NULL:
            after = pull.after
            if self._abandoned(pull) or not (
                reaches(self.account, reply_of(pull), turn.now_ns)
            ):
                self.waiting.remove(pull)
            elif pull.expires_ns and pull.expires_ns <= turn.now_ns:
                self._end(pull, span_of(REQUEST_TIMEOUT), True, turn)
            pull = after
        self.ledger.hungry = self.waiting.count > 0
        self.swept_ns = turn.now_ns
        self.swept_generation = self.account.sublist.generation
        self.swept_asked = self.asked
        return 0

    cdef int _make_room(self, Turn turn) except -1:
        """Drop who is gone, if there is time for it in this turn."""
        if not self.offering and not turn.worked_enough():
            self.drop_deserted(turn)
        return 0

    cdef int dismiss(self, Span line, bint with_left, Turn turn) except -1:
        """All end with status `line` (and what they still wanted)."""
        while self.waiting.first != NULL:
            self._end(self.waiting.first, line, with_left, turn)
        return 0

    cdef int lose_pin(self, Turn turn) except -1:
        """A client that is pinned and did not ask in time is not any more."""
        if 0 < self.priority.lost_ns <= turn.now_ns:
            self.ledger.notice(NOTICE_UNPINNED, self.priority.group, 0, 0, b"timeout", turn)
            self.priority.let_go()
        return 0

    cdef int64_t deadline_ns(self) noexcept:
        """When there is something to do here next, whoever asks; 0: never."""
        cdef int64_t due_ns = self.waiting.deadline_ns if self.waiting.count else 0
        if self.priority is not None and self.priority.lost_ns and (
            due_ns == 0 or self.priority.lost_ns < due_ns
        ):
            due_ns = self.priority.lost_ns
        return due_ns

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
        self.ledger.active_ns = turn.now_ns
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply_of(pull)
        message.header = span(text, at - text)
        message.now_ns = turn.now_ns
        try:
            deliver(&pull.target, self.account, &message, turn)
        finally:
            self.waiting.remove(pull)
        return 0

    cdef int _beat(self, Pull* pull, Turn turn) except -1:
        cdef char text[STATUS_MAX]
        cdef char* at = text
        pull.beat_ns = turn.now_ns + pull.heartbeat_ns
        memcpy(at, b"100 Idle Heartbeat\r\nNats-Last-Consumer: ", 40)
        at = print_u64(at + 40, self.ledger.delivered_consumer_seq)
        memcpy(at, b"\r\nNats-Last-Stream: ", 20)
        at = print_u64(at + 20, self.ledger.next_seq - 1)
        return self._status(reply_of(pull), span(text, at - text), turn)

    cdef int _status(self, Span reply, Span line, Turn turn) except -1:
        """A header-only message `NATS/1.0 <line>`."""
        cdef char text[STATUS_MAX + 16]
        assert line.size <= STATUS_MAX
        memcpy(text, b"NATS/1.0 ", 9)
        memcpy(text + 9, line.data, line.size)
        memcpy(text + 9 + line.size, b"\r\n\r\n", 4)
        return self.refuse(reply, span(text, line.size + 13), turn)

    cdef bint _swept(self, Turn turn) noexcept:
        """Nothing has happened to those who wait since they were looked at."""
        return self.swept_ns == turn.now_ns and self.swept_asked == self.asked and (
            self.swept_generation == self.account.sublist.generation
        )

    cdef bint _abandoned(self, Pull* pull) noexcept:
        """It came from another account, where nobody waits any more; who listens here on the
        subjects of all answers is not who asked."""
        cdef bytes prefix = self.account.response_prefix
        return pull.reply_size > len(prefix) and not (
            memcmp(pull.reply, PyBytes_AS_STRING(prefix), len(prefix))
        ) and not self.account.sublist.has_literal(reply_of(pull))
