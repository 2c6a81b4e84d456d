# cython: boundscheck=False, wraparound=False, cdivision=True
"""Where a push consumer delivers; see `outlet.pxd` for the picture.

Owns interest, flow control, heartbeats and the rate of one consumer. Knows no stream and no
acknowledgement: the cursor hands over messages. Invariants: `active` says what the sublist held
when it last changed; `asked_bytes <= sent_bytes`; at most one request is unanswered.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.decimal cimport parse_u64, print_u64
from isthmus.core.interest cimport Interest
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore, deliver
from isthmus.core.turn cimport Chore, Turn

cdef enum:
    HEADER_MAX = 768
    ANSWERS_MAX = 600               # names have at most 255 bytes each
    TOKEN_SIZE = 4
    WINDOW_START = 2_097_152
    WINDOW_MAX = 33_554_432
    # a subscriber that takes nothing (its grant has ended, its connection closes) is tried again
    REFUSED_REST_NS = 250_000_000

cdef bytes LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
cdef bytes FLOW_REQUEST = b"NATS/1.0 100 FlowControl Request\r\n\r\n"


cdef class Outlet(Receiver):
    """The delivery of one push consumer; `answers` is what its flow control subjects begin with.

    `owner.interest(active, turn)` is told when somebody listens, and when nobody does any more.
    """

    def __init__(
        self, AccountCore account not None, Interest interest not None, Chore cursor not None,
        object owner not None, bytes answers not None,
    ):
        assert answers.endswith(b".") and len(answers) <= ANSWERS_MAX
        self.account = account
        self.interest = interest
        self.cursor = cursor
        self.owner = owner
        self.answers = answers
        self.subject = self.group = b""

    def __repr__(self) -> str:
        return f"Outlet({self.subject!r}, group={self.group!r}, active={self.active})"

    def configure(
        self, *, int64_t heartbeat_ns, bint flow_control, int64_t rate_bps, int64_t burst_bytes,
        bint acknowledges=False,
    ) -> None:
        """How it delivers; 0: no heartbeats, no bound. `acknowledges`: by flow control."""
        self.acknowledges = acknowledges
        assert heartbeat_ns >= 0
        assert rate_bps >= 0
        self.heartbeat_ns = heartbeat_ns
        if not flow_control:
            self.window_bytes = 0
        elif self.window_bytes == 0:
            self.window_bytes = WINDOW_START
        self.rate_bps = rate_bps
        self.burst_ns = _cost_ns(burst_bytes, rate_bps) if rate_bps else 0

    def open(self, bytes subject not None, bytes group not None, Turn turn not None) -> None:
        """Deliver to `subject` from now on, while a member of `group` (if given) listens."""
        assert subject
        self._leave()
        self.subject = subject
        self.group = group
        self.target.receiver = NULL
        if self.window_bytes:
            self.account.sublist.insert(span_of(self.answers + b"*"), span(NULL, 0), self)
        self.interest.attend(subject, self, turn)
        self.settle(turn)

    def rest(self) -> None:
        """Deliver nothing until `open` is called again."""
        self._leave()
        self.subject = b""
        self.active = False

    def close(self) -> None:
        """Nothing is delivered any more."""
        self.rest()
        self.owner = None

    def check(self) -> None:
        """Assert the invariants."""
        assert 0 <= self.asked_bytes <= self.sent_bytes or self.window_bytes == 0
        assert (self.request is None) == (self.asked_bytes == 0) or self.window_bytes == 0
        assert not self.active or self.subject

    def _leave(self):
        if self.subject:
            self.interest.neglect(self.subject, self)
            self.account.sublist.remove(span_of(self.answers + b"*"), span(NULL, 0), self)

    # --- interest, and answers to flow control ---

    cdef int settle(self, Turn turn) except -1:
        """A subscription came or went: does anybody listen?"""
        cdef bint active = len(self.subject) > 0 and self.account.sublist.holds(
            span_of(self.subject), span_of(self.group)
        )
        if active and self.refused:
            self.refused = False                # somebody else may take it
            self.rest_until_ns = 0
            turn.later(self.cursor)
        if active == self.active:
            return 0
        self.active = active
        self.beat_ns = turn.now_ns + self.heartbeat_ns if active and self.heartbeat_ns else 0
        turn.later(self.cursor)
        self.owner.interest(active, turn)
        return 0

    cdef int receive(self, Message* message, Turn turn) except -1:
        """The receiver has got everything up to the request."""
        if self.request is None or message.to.size != len(self.request) or (
            message.to.data[: message.to.size] != self.request
        ):
            return 1
        self.request = None
        self.sent_bytes -= self.asked_bytes
        self.asked_bytes = 0
        self.window_bytes = min(self.window_bytes * 2, <int64_t> WINDOW_MAX)
        if self.acknowledges:
            self.arrived_seq = _number(message.header, b"\r\nNats-Last-Stream: ", 20)
            self.arrived_consumer_seq = _number(message.header, b"\r\nNats-Last-Consumer: ", 22)
        turn.later(self.cursor)
        return 1

    # --- asked by the cursor ---

    cdef bint ready(self, int64_t now_ns) noexcept:
        """May the next message leave?"""
        return (
            self.active and self.rest_until_ns <= now_ns
            and (self.window_bytes == 0 or self.sent_bytes <= self.window_bytes)
        )

    cdef bint send(self, Message* message, Py_ssize_t size, Turn turn) except -1:
        """`message`, which counts `size` bytes, to everybody who listens; False: nobody took it."""
        message.to = span_of(self.subject)
        if not deliver(&self.target, self.account, message, turn):
            self.refused = True
            self.rest_until_ns = turn.now_ns + REFUSED_REST_NS
            return False
        self.refused = False
        if self.heartbeat_ns:
            self.beat_ns = turn.now_ns + self.heartbeat_ns
        if self.rate_bps:
            self.paid_ns = max(self.paid_ns, turn.now_ns) + _cost_ns(size, self.rate_bps)
            self.rest_until_ns = self.paid_ns - self.burst_ns
        if self.window_bytes:
            self.sent_bytes += size
            if self.request is None and self.sent_bytes > self.window_bytes // 2:
                self._ask(turn)
        return True

    cdef int beat(self, uint64_t consumer_seq, uint64_t stream_seq, Turn turn) except -1:
        """Say that it lives: what it delivered last, and how far it looked."""
        cdef char text[HEADER_MAX]
        cdef char* at = text
        self.beat_ns = turn.now_ns + self.heartbeat_ns
        memcpy(at, b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ", 49)
        at = print_u64(at + 49, consumer_seq)
        memcpy(at, b"\r\nNats-Last-Stream: ", 20)
        at = print_u64(at + 20, stream_seq)
        if self.request is not None:
            memcpy(at, b"\r\nNats-Consumer-Stalled: ", 25)
            memcpy(at + 25, <const char*> self.request, len(self.request))
            at += 25 + len(self.request)
        memcpy(at, b"\r\n\r\n", 4)
        return self._say(span(text, at + 4 - text), span(NULL, 0), turn)

    cdef int64_t deadline_ns(self, int64_t now_ns) noexcept:
        """When time alone lets it do something; 0: never."""
        if self.rest_until_ns > now_ns and (
            self.beat_ns == 0 or self.rest_until_ns < self.beat_ns
        ):
            return self.rest_until_ns
        return self.beat_ns

    cdef int ask(self, Turn turn) except -1:
        return self._ask(turn) if self.request is None and self.active else 0

    cdef int _ask(self, Turn turn) except -1:
        """Ask to be told when everything sent so far has arrived."""
        cdef uint64_t random = turn.random()
        cdef const char* letters = LETTERS
        cdef char token[TOKEN_SIZE]
        cdef int at
        for at in range(TOKEN_SIZE):
            token[at] = letters[random % 62]
            random //= 62
        self.request = self.answers + token[:TOKEN_SIZE]
        self.asked_bytes = self.sent_bytes
        return self._say(span_of(FLOW_REQUEST), span_of(self.request), turn)

    cdef int _say(self, Span header, Span reply, Turn turn) except -1:
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = span_of(self.subject)
        message.reply = reply
        message.header = header
        message.now_ns = turn.now_ns
        deliver(&self.target, self.account, &message, turn)
        return 0


cdef uint64_t _number(Span header, const char* line, Py_ssize_t size) noexcept:
    """The number behind `line` in a header block; 0: there is none."""
    cdef uint64_t found = 0
    cdef Py_ssize_t at, end
    for at in range(header.size - size):
        if header.data[at] == line[0] and not memcmp(header.data + at, line, size):
            end = at + size
            while end < header.size and 48 <= header.data[end] <= 57:
                end += 1
            parse_u64(header.data + at + size, end - at - size, &found)
            break
    return found


cdef inline int64_t _cost_ns(int64_t size, int64_t rate_bps) noexcept:
    """How long `size` bytes take at `rate_bps`; a message has at most 64 MiB."""
    return size * 8_000_000_000 // rate_bps
