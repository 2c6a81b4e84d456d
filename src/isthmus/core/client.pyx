# cython: boundscheck=False, wraparound=False, cdivision=True
"""The compiled half of one connection; see `client.pxd`.

Owns the connection's subscriptions. Knows no handshake and no timers. Invariant: a subscription is
in the account's sublist, and on its roll, exactly while it is in `subscriptions`.
"""

from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy

cimport cython

from isthmus.core.matches cimport Match
from isthmus.core.message cimport Message, Span, span_of
from isthmus.core.effort cimport GATHER_NS, PASS_NS, SUBSCRIBE_NS, spend
from isthmus.core.outbound cimport Outbound
from isthmus.core.permits cimport PublishPermits, SubjectSet
from isthmus.core.receiver cimport Receiver
from isthmus.core.roll cimport Hearer
from isthmus.core.router cimport AccountCore, route
from isthmus.core.sublist cimport Watcher
from isthmus.core.turn cimport Turn

cdef bytes INFO_KEY = b"Nats-Request-Info: "
cdef Py_ssize_t INFO_KEY_SIZE = 19
cdef bytes EMPTY_HEADER = b"NATS/1.0\r\n\r\n"
cdef Py_ssize_t EMPTY_HEADER_SIZE = 12
cdef Py_ssize_t LEAVE_SLICE = 1024       # subscriptions that end in one turn: a millisecond


cdef inline int _digits(Py_ssize_t number) noexcept nogil:
    """How many decimal digits a number >= 0 has."""
    cdef int count = 1
    while number >= 10:
        number //= 10
        count += 1
    return count


cdef inline char* _print_number(char* to, Py_ssize_t number, int digits) noexcept nogil:
    """Print a number >= 0 that has so many digits; behind it."""
    cdef int at
    for at in range(digits - 1, -1, -1):
        to[at] = <char> (48 + number % 10)
        number //= 10
    return to + digits


cdef inline bint _starts(Span text, const char* prefix, Py_ssize_t size) noexcept:
    return text.size >= size and not memcmp(text.data, prefix, size)


cdef bint _valid_literal(Span subject) noexcept:
    """No empty token and no token that is only a wildcard."""
    cdef Py_ssize_t at, start = 0
    for at in range(subject.size + 1):
        if at == subject.size or subject.data[at] == c".":
            if at == start:
                return False
            if at - start == 1 and (subject.data[start] == c"*" or subject.data[start] == c">"):
                return False
            start = at + 1
    return True


cdef class Client:
    """What one connection is and may do.

    `owner` is told of what is rare: `violation(kind, subject)` with kind "publish" or "reply",
    `invalid_publish_subject()`.
    """

    def __init__(self, object owner, unsigned long long cid, Outbound outbound not None):
        self.owner = owner
        self.cid = cid
        self.outbound = outbound
        self.subscriptions = {}
        self.echo = True
        self.verbose = True
        self.pedantic = True
        self.payload_max = 1_048_576
        self.subscriptions_max = -1
        self.info = b"{}"
        self.shared_info = b"{}"

    def configure(
        self, *, bint echo, bint verbose, bint pedantic, bint headers, bint no_responders
    ) -> None:
        """What CONNECT asked for."""
        self.echo = echo
        self.verbose = verbose
        self.pedantic = pedantic
        self.headers = headers
        self.no_responders = no_responders

    def admit(
        self, AccountCore account not None, *, PublishPermits publish_permits=None,
        Py_ssize_t payload_max, Py_ssize_t subscriptions_max=-1,
    ) -> None:
        """The connection belongs to `account` from now on; again when bounds or permissions change.

        Sizes in bytes, -1: no bound.
        """
        assert account is self.account or not self.subscriptions
        self.account = account
        self.publish_permits = publish_permits
        self.payload_max = payload_max
        self.subscriptions_max = subscriptions_max

    def describe(self, bytes info not None, bytes shared_info not None) -> None:
        """JSON of Nats-Request-Info for imports that share little, and for those that share all."""
        self.info = info
        self.shared_info = shared_info

    @property
    def document(self) -> bytes:
        """JSON of who this is, for those who may know everything."""
        return self.shared_info

    @property
    def subscription_count(self) -> int:
        return len(self.subscriptions)

    @property
    def subjects(self) -> list[bytes]:
        """What it is subscribed to, in order."""
        return [(<Subscription> s).subject for s in self.subscriptions.values()]

    def subscribe(
        self, bytes subject not None, bytes queue not None, bytes sid not None,
        SubjectSet denied=None,
    ) -> None:
        """A valid, permitted subscription; a sid that is in use is left as it is."""
        cdef Subscription subscription
        if self.closed or sid in self.subscriptions:
            return
        subscription = Subscription.__new__(Subscription)
        subscription.client = self
        subscription.subject = subject
        subscription.queue = queue
        subscription.sid = sid
        subscription.denied = denied
        self.account.sublist.insert(span_of(subject), span_of(queue), subscription)
        self.account.roll.enter(subscription)
        self.subscriptions[sid] = subscription
        spend(SUBSCRIBE_NS)

    def unsubscribe(self, bytes sid not None, unsigned long long max_messages) -> None:
        """End a subscription now (0), or after so many messages since it began."""
        cdef Subscription subscription = self.subscriptions.get(sid)
        if subscription is None:
            return
        if max_messages == 0 or subscription.delivered >= max_messages:
            subscription.close()
        else:
            subscription.max_messages = max_messages

    def leave(self, Py_ssize_t limit=LEAVE_SLICE) -> bool:
        """End up to `limit` subscriptions: the connection closed, or authenticates anew.

        True if there are more.
        """
        cdef Subscription subscription
        cdef Py_ssize_t count = 0
        while self.subscriptions and count < limit:
            _, subscription = self.subscriptions.popitem()
            subscription.close()
            count += 1
        spend(count * SUBSCRIBE_NS)
        return len(self.subscriptions) > 0

    def close(self) -> bool:
        """Nothing is published or delivered any more; what `leave` does begins.

        True if there is more of that. Until then its subscriptions take nothing.
        """
        self.closed = True
        self.outbound.detach()
        self.owner = None
        return self.leave()

    def send(self, bytes line not None, Turn turn) -> None:
        """Protocol bytes for this connection."""
        self.outbound.append(<const char*> line, len(line), turn)

    cdef int say(self, const char* line, Py_ssize_t size, Turn turn) except -1:
        return self.outbound.append(line, size, turn)

    cdef int publish(self, Message* message, Turn turn) except -1:
        """One publication of this connection: may it, who gets it, was anybody there."""
        cdef int taken
        self.in_messages += 1
        self.published_ns = message.now_ns
        self.in_bytes += message.payload.size + message.header.size
        if self.closed:
            return 0
        if self.pedantic and not _valid_literal(message.subject):
            self.owner.invalid_publish_subject()
            if self.closed:
                return 0
        if self.account.mapping is not None and not self._map(message, turn):
            return 0
        if self.publish_permits is not None and not self.publish_permits.allows(
            message.subject, message.now_ns
        ):
            self.owner.violation("publish", message.subject.data[: message.subject.size])
            return 0
        if message.reply.size > 4 and (
            message.reply.data[0] == c"_" or message.reply.data[0] == c"$"
        ) and (
            _starts(message.reply, b"_R_.", 4) or _starts(message.reply, b"$JS.ACK.", 8)
            or _starts(message.reply, b"_GR_.", 5)
        ):
            self.owner.violation("reply", message.reply.data[: message.reply.size])
            return 0
        if message.subject.data[0] == c"_" and _starts(message.subject, b"_GR_.", 5) or (
            message.subject.data[0] == c"$" and _starts(message.subject, b"$NRG.", 5)
        ):
            self.owner.violation("publish", message.subject.data[: message.subject.size])
            return 0
        if self.verbose:
            self.say(b"+OK\r\n", 5, turn)
        self.account.in_messages += 1
        self.account.in_bytes += message.payload.size + message.header.size
        message.origin = <PyObject*> self
        taken = route(self.account, message, turn)
        if taken == 0 and self.no_responders and message.reply.size > 0:
            self._no_responders(message, turn)
        return taken

    cdef bint _map(self, Message* message, Turn turn) except -1:
        """The subject may stand for another: from here on it is that one. False: for none."""
        # `published` is one for the account: no publication happens while another is delivered
        assert self.account.sublist.scratch.depth == 0, "a publication inside another"
        if self.account.mapping.apply(message, self.account.mapping.published, turn):
            return True
        if self.verbose:
            self.say(b"+OK\r\n", 5, turn)
        return False

    cdef int _no_responders(self, Message* message, Turn turn) except -1:
        """503 to this connection's own plain subscription on the reply, if it has one.

        It does not count towards UNSUB's number of messages.
        """
        cdef Match found
        cdef int index
        cdef Receiver receiver
        cdef Subscription subscription
        cdef bytes head
        self.account.sublist.match(message.reply, &found)
        try:
            for index in range(found.plain):
                receiver = <Receiver> found.receivers[index]
                if type(receiver) is not Subscription:
                    continue
                subscription = <Subscription> receiver
                if subscription.client is not self:
                    continue
                head = b"NATS/1.0 503\r\nNats-Subject: %s\r\n\r\n" % (
                    message.subject.data[: message.subject.size]
                )
                line = b"HMSG %s %s %d %d\r\n%s\r\n" % (
                    message.reply.data[: message.reply.size], subscription.sid, len(head),
                    len(head), head,
                )
                self.say(<const char*> line, len(line), turn)
                break
        finally:
            self.account.sublist.release(&found)
        return 0


# always closed by its client, so nothing needs to look for cycles; there may be a million
@cython.no_gc
cdef class Subscription(Hearer):
    """Interest of one connection in one subject."""

    def __repr__(self) -> str:
        return f"Subscription({self.subject!r}, sid={self.sid!r})"

    def shown(self) -> tuple[bytes, bytes, bytes, int, int, int]:
        """Subject, queue, sid, messages delivered, their bound (0: none), whose connection."""
        return (
            self.subject, self.queue, self.sid, self.delivered, self.max_messages, self.client.cid
        )

    cdef int receive(self, Message* message, Turn turn) except -1:
        """Print MSG or HMSG into the connection's outbound buffer: the payload's only copy."""
        cdef Client client = self.client
        cdef Py_ssize_t header_size = 0, total, sid_size, size
        cdef int header_digits = 0, total_digits
        cdef char* to
        if self.closed or client.closed:
            return 0
        if message.origin == <PyObject*> client and not client.echo:
            return 0
        if self.denied is not None and self.denied.matches(message.subject):
            return 0
        if client.headers:
            header_size = message.header.size
            if message.info.size:
                if header_size < EMPTY_HEADER_SIZE:
                    header_size = EMPTY_HEADER_SIZE
                header_size += INFO_KEY_SIZE + message.info.size + 2
        total = header_size + message.payload.size
        sid_size = len(self.sid)
        total_digits = _digits(total)
        # "MSG " subject " " sid " " [reply " "] [header " "] total CRLF body CRLF
        size = message.subject.size + sid_size + total_digits + total + 10
        if message.reply.size:
            size += message.reply.size + 1
        if header_size:
            header_digits = _digits(header_size)
            size += 1 + header_digits + 1
        to = client.outbound.reserve(size, turn)
        if to == NULL:
            return 0
        if header_size:
            memcpy(to, b"HMSG ", 5)
            to += 5
        else:
            memcpy(to, b"MSG ", 4)
            to += 4
        memcpy(to, message.subject.data, message.subject.size)
        to += message.subject.size
        to[0] = c" "
        memcpy(to + 1, <const char*> self.sid, sid_size)
        to += 1 + sid_size
        to[0] = c" "
        to += 1
        if message.reply.size:
            memcpy(to, message.reply.data, message.reply.size)
            to += message.reply.size
            to[0] = c" "
            to += 1
        if header_size:
            to = _print_number(to, header_size, header_digits)
            to[0] = c" "
            to += 1
        to = _print_number(to, total, total_digits)
        to[0] = c"\r"
        to[1] = c"\n"
        to += 2
        if header_size:
            if message.info.size == 0:
                memcpy(to, message.header.data, header_size)
                to += header_size
            else:
                to = _print_header(to, message)
        memcpy(to, message.payload.data, message.payload.size)
        to += message.payload.size
        to[0] = c"\r"
        to[1] = c"\n"
        client.outbound.messages_sent += 1
        client.out_bytes += total
        client.account.out_messages += 1
        client.account.out_bytes += total
        if message.reply.size and client.publish_permits is not None and (
            client.publish_permits.replies_max
        ):
            client.publish_permits.grant_reply(message.reply, message.now_ns)
        self.delivered += 1
        if self.max_messages and self.delivered >= self.max_messages:
            self.close()
        return 1

    cdef bint interested(self, int64_t now_ns) except -1:
        return not self.closed and not self.client.closed

    cdef int report(self, Watcher watcher) except -1:
        return watcher.added(span_of(self.subject), span_of(self.queue), self)

    cdef int close(self) except -1:
        """Leave the sublist, the roll and the connection."""
        cdef AccountCore account = self.client.account
        if self.closed:
            return 0
        self.closed = True
        self.client.subscriptions.pop(self.sid, None)
        account.roll.strike(self)
        account.sublist.remove(span_of(self.subject), span_of(self.queue), self)
        return 0


cdef char* _print_header(char* to, Message* message) noexcept:
    """The header block with Nats-Request-Info as its last line."""
    cdef const char* header = EMPTY_HEADER
    cdef Py_ssize_t size = EMPTY_HEADER_SIZE
    if message.header.size >= EMPTY_HEADER_SIZE:
        header = message.header.data
        size = message.header.size
    memcpy(to, header, size - 2)
    to += size - 2
    memcpy(to, <const char*> INFO_KEY, INFO_KEY_SIZE)
    to += INFO_KEY_SIZE
    memcpy(to, message.info.data, message.info.size)
    to += message.info.size
    memcpy(to, b"\r\n\r\n", 4)
    return to + 4


cdef class Listing:
    """Walks the subscriptions of a client in order, some at a time, however long that takes.

    Shown are all that were there when it began and stay; of those that come or go meanwhile, some.
    """

    def __init__(self, Client client not None):
        self.client = client

    def subjects(self, Py_ssize_t count) -> list[str]:
        """Of the next `count`: to what they are; empty behind the last."""
        cdef list found = []
        cdef Subscription subscription
        self._resume()
        while len(found) < count:
            subscription = self._next()
            if subscription is None:
                break
            found.append(subscription.subject.decode("utf-8", "replace"))
        spend(len(found) * GATHER_NS)
        return found

    def some(self, Py_ssize_t count) -> list[tuple]:
        """The next `count`, as `Subscription.shown`; empty behind the last."""
        cdef list found = []
        cdef Subscription subscription
        self._resume()
        while len(found) < count:
            subscription = self._next()
            if subscription is None:
                break
            found.append(subscription.shown())
        spend(len(found) * 4 * GATHER_NS)
        return found

    cdef Subscription _next(self):
        """The one behind the last; None: that was the last."""
        cdef PyObject* value = NULL
        if not PyDict_Next(self.client.subscriptions, &self.place, NULL, &value):
            return None
        self.last = <Subscription> value
        return self.last

    cdef int _resume(self) except -1:
        """Find the place again, if the table has closed its gaps since: all moved to the front.

        That is once for as many new subscriptions as it has, so it may look from its beginning.
        """
        cdef PyObject* value = NULL
        cdef Py_ssize_t place = self.place - 1
        cdef Py_ssize_t passed = 0
        if self.last is None or self.last.closed:
            return 0
        if PyDict_Next(self.client.subscriptions, &place, NULL, &value) and (
            value == <PyObject*> self.last
        ):
            return 0
        place = 0
        while PyDict_Next(self.client.subscriptions, &place, NULL, &value):
            passed += 1
            if value == <PyObject*> self.last:
                break
        self.place = place
        spend(passed * PASS_NS)
        return 0
