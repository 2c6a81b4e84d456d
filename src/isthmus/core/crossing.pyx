# cython: boundscheck=False, wraparound=False
"""One service import, and the way back; see `crossing.pxd` for the picture.

Owns the life of responses. Knows no JWT: policy says `open` or `close` and when the grant ends.
Invariant: a response is in the exporter's sublist, and awaited in the importer, exactly while it is
in its crossing's queue.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy

cimport cython

from isthmus.core.awaited cimport Awaited, Awaiting
from isthmus.core.client cimport Client
from isthmus.core.latency cimport Latency, Sample
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.receiver cimport Receiver
from isthmus.core.request_info cimport (
    find_info, with_server, with_service, without_info, without_service,
)
from isthmus.core.rewriting cimport SUBJECT_MAX, Rewriting
from isthmus.core.router cimport (
    HOPS_MAX, AccountCore, deliver, reaches, route, route_mapped,
)
from isthmus.core.turn cimport Turn

cdef enum:
    TOKEN_SIZE = 6              # random characters at the end of an `_R_` subject
    CLOSED_AT_ONCE = 1000       # responses of a grant that ends: half a millisecond
    FURTHER_MAX = 256           # borders that one request passes behind its first, in all branches

cdef int64_t THRESHOLD_MAX_NS = 1 << 62     # a sum with the time of day stays a number
cdef bytes ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# The crossings that the message under way is in, by its hops: a request goes through them as calls,
# each inside the one before. And how many there were behind the first, which is more in branches.
cdef PyObject* passing[HOPS_MAX]
cdef int further = 0


cdef class Crossing(Receiver):
    """A service import of `importer` from `exporter`.

    `local` is the subject in the importer, `parts` the remote subject as a list of literal pieces
    (bytes) and wildcard indexes (int, from 0), or None when both subjects are equal. Times in
    nanoseconds of wall clock; `ends_ns` 0: never. `subscribe`/`unsubscribe` enter and leave the
    importer's sublist.
    """

    def __init__(
        self, AccountCore importer not None, AccountCore exporter not None, *,
        bytes local not None, bytes remote not None, list parts=None,
        int response_type=SINGLETON, int64_t threshold_ns=120_000_000_000, int64_t ends_ns=0,
        bint share=False,
    ):
        assert response_type in (SINGLETON, STREAM, CHUNKED)
        assert threshold_ns > 0
        self.importer = importer
        self.exporter = exporter
        self.local = local
        self.remote = remote
        self.rewriting = None if parts is None else Rewriting(local, parts)
        self.response_type = response_type
        self.threshold_ns = threshold_ns
        self.ends_ns = ends_ns
        self.share = share
        self.export = remote
        self.alive = False
        self.subscribed = False

    def __repr__(self) -> str:
        return (
            f"Crossing({self.importer.name.decode()}:{self.local.decode()} -> "
            f"{self.exporter.name.decode()}:{self.remote.decode()}, alive={self.alive})"
        )

    def subscribe(self) -> None:
        """Enter the importer's sublist."""
        if not self.subscribed:
            self.importer.sublist.insert(span_of(self.local), span_of(b""), self)
            self.subscribed = True

    def unsubscribe(self) -> None:
        """Leave it for good; what is under way is closed."""
        self.close()
        if self.reverse is not None:
            self.reverse.reverse = None
            self.reverse = None
        if self.subscribed:
            self.importer.sublist.remove(span_of(self.local), span_of(b""), self)
            self.subscribed = False

    def configure(
        self, bytes export not None, int response_type, int64_t threshold_ns, bint share
    ) -> None:
        """What the export says now; answers under way keep their crossing and follow."""
        assert response_type in (SINGLETON, STREAM, CHUNKED)
        assert threshold_ns > 0
        self.export = export
        self.response_type = response_type
        self.threshold_ns = min(threshold_ns, THRESHOLD_MAX_NS)
        self.share = share
        if self.reverse is not None:
            self.reverse.response_type = response_type
            self.reverse.threshold_ns = self.threshold_ns

    def measure(self, Latency latency) -> None:
        """Measure how long answers take, or (None) do not."""
        self.latency = latency

    def open(self, int64_t ends_ns) -> None:
        """The grant holds until `ends_ns` (0: for ever)."""
        self.alive = True
        self.ends_ns = ends_ns
        if self.reverse is not None:
            self.reverse.alive = True
            self.reverse.ends_ns = ends_ns

    def close(self) -> None:
        """The grant does not hold: nothing crosses, in either direction."""
        self._end()
        if self.reverse is not None:
            self.reverse._end()

    def expire(self, int64_t now_ns, int at_most) -> int:
        """Close answers unused for `threshold_ns`, looking at so many at most; how many were."""
        cdef int looked = 0, closed = self._expire(now_ns, at_most, &looked)
        if self.reverse is not None:
            closed += self.reverse._expire(now_ns, at_most, &looked)
        return closed

    def deadline_ns(self) -> int:
        """When an answer under way may become stale; 0 if there is none."""
        moments = [
            (<Crossing> way)._stale_ns()
            for way in (self, self.reverse)
            if way is not None and (<Crossing> way).oldest != NULL
        ]
        return min(moments, default=0)

    def rest(self) -> bool:
        """True if no answer is under way: who keeps the list of such crossings drops this one."""
        self.listed = self.response_count > 0
        return not self.listed

    @property
    def response_count(self) -> int:
        """Answers under way, and answers to answers."""
        return self.waiting + (0 if self.reverse is None else self.reverse.waiting)

    cdef void _queue(self, Response response):
        """It was used last of all."""
        Py_INCREF(response)
        response.older = self.newest
        response.newer = NULL
        if self.newest != NULL:
            (<Response> self.newest).newer = <PyObject*> response
        else:
            self.oldest = <PyObject*> response
        self.newest = <PyObject*> response
        self.waiting += 1

    cdef void _unqueue(self, Response response):
        """The caller holds on to it."""
        if response.older != NULL:
            (<Response> response.older).newer = response.newer
        else:
            self.oldest = response.newer
        if response.newer != NULL:
            (<Response> response.newer).older = response.older
        else:
            self.newest = response.older
        self.waiting -= 1
        Py_DECREF(response)

    cdef int _end(self) except -1:
        """Nothing crosses, and what is under way never arrives."""
        cdef int left = CLOSED_AT_ONCE
        cdef Response response
        self.alive = False
        self.era += 1
        while self.oldest != NULL and left > 0:
            response = <Response> self.oldest
            response.close()
            left -= 1
        return 0

    cdef int64_t _stale_ns(self) except -1:
        """When the oldest answer may become stale; what ended before is overdue."""
        cdef Response oldest = <Response> self.oldest
        return oldest.queued_ns + self.threshold_ns if oldest.era == self.era else 1

    cdef int _expire(self, int64_t now_ns, int at_most, int* looked) except -1:
        """From the front: what was used since it was queued goes to the end, the stale ends."""
        cdef Response response
        cdef int closed = 0
        while self.oldest != NULL and looked[0] < at_most:
            response = <Response> self.oldest
            if response.era == self.era and now_ns - response.queued_ns < self.threshold_ns:
                break
            looked[0] += 1
            if response.era != self.era:
                response.close()
                closed += 1
            elif now_ns - response.used_ns >= self.threshold_ns:
                response.ended(504, b"", now_ns)
                response.close()
                closed += 1
            else:
                response.queued_ns = response.used_ns
                self._unqueue(response)
                self._queue(response)
        return closed

    cdef bint open_at(self, int64_t now_ns) noexcept:
        return self.alive and (self.ends_ns == 0 or now_ns < self.ends_ns)

    cdef bint interested(self, int64_t now_ns) except -1:
        return self.open_at(now_ns)

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef Message crossed
        cdef char subject[SUBJECT_MAX]
        cdef bytes info, header
        cdef Response response = None
        cdef Sample sample = None
        cdef PyObject* outer
        cdef int taken
        if not self.open_at(message.now_ns) or message.hops >= HOPS_MAX:
            return 0
        if not self._enters(message.hops):
            return 0
        crossed = message[0]
        crossed.hops += 1
        if self.rewriting is not None:
            crossed.to.data = subject
            crossed.to.size = self.rewriting.write(message.to, subject)
            if crossed.to.size < 0:
                return 0
            crossed.subject = crossed.to
        if message.header.size and find_info(message.header, 0) >= 0:
            header = without_info(message.header)      # nobody says for himself who he is
            crossed.header = span_of(header)
        info = self._describe(message)                  # kept alive here while it travels
        crossed.info = span_of(info)
        if self.latency is not None:
            sample = self.latency.begin(message, without_service(info), turn)
        if message.reply.size > 0 and not _is_ack(message.reply):
            response = _respond(self, message, turn, sample)
            crossed.reply = span_of(response.subject)
        elif sample is not None and message.reply.size == 0:
            self.latency.end(sample, 400, b"", message.now_ns)
        outer = passing[message.hops]
        passing[message.hops] = <PyObject*> self
        try:
            if self.exporter.mapping is None:
                taken = route(self.exporter, &crossed, turn)
            else:
                taken = route_mapped(self.exporter, &crossed, turn)
        finally:
            passing[message.hops] = outer
        if taken == 0:
            if response is not None:
                response.ended(503, b"", message.now_ns)
                response.close()
            return 0
        self.messages += 1
        self.bytes_crossed += message.payload.size + message.header.size
        self.used_ns = message.now_ns
        return 1

    cdef bint _enters(self, int hops) except -1:
        """False if the request went through the same export already, or has gone far enough.

        Mappings may lead it round where imports alone do not; branches would double each time.
        """
        global further
        cdef Crossing before
        cdef bint first = True
        cdef int at
        for at in range(hops):
            if passing[at] == NULL:
                continue                                # there it came by an answer
            first = False
            before = <Crossing> passing[at]
            if before.exporter is self.exporter and before.export == self.export:
                return False
        further = 0 if first else further + 1
        return further <= FURTHER_MAX

    cdef bytes _describe(self, Message* message):
        """Who asks, as JSON: the first requester, and through which account."""
        cdef Client client
        if message.hops == 0:
            if message.origin == NULL:
                return b'{"acc":' + self.importer.requester + b"}"
            client = <Client> message.origin
            return client.shared_info if self.share else client.info
        if message.info.size == 0:
            return b""
        info = with_service(message.info.data[: message.info.size], self.importer.requester)
        if self.share and message.origin != NULL:
            info = with_server(info, (<Client> message.origin).shared_info)
        return info


cdef inline bint _is_ack(Span reply) noexcept:
    return reply.size > 8 and not memcmp(reply.data, b"$JS.ACK.", 8)


cdef bytes _make_subject(AccountCore exporter, Turn turn, bytes mark):
    """An `_R_` subject that nobody has; `mark` at its end says that it is measured."""
    cdef Py_ssize_t prefix = len(exporter.response_prefix)
    cdef const char* letters = ALPHABET
    cdef bytes subject
    cdef char* text
    cdef uint64_t random
    cdef Py_ssize_t at
    while True:
        subject = PyBytes_FromStringAndSize(NULL, prefix + TOKEN_SIZE)
        text = PyBytes_AS_STRING(subject)
        memcpy(text, <const char*> exporter.response_prefix, prefix)
        random = turn.random()
        for at in range(prefix, prefix + TOKEN_SIZE):
            text[at] = letters[random % 62]
            random //= 62
        if mark is not None:
            subject += mark
        if not exporter.sublist.has_literal(span_of(subject)):
            return subject


cdef Response _respond(Crossing crossing, Message* message, Turn turn, Sample sample):
    """Make and subscribe the way back for one request."""
    cdef Response oldest, response = Response.__new__(Response)
    response.crossing = crossing
    response.sample = sample
    response.subject = _make_subject(
        crossing.exporter, turn, None if sample is None else crossing.latency.mark
    )
    response.reply = message.reply.data[: message.reply.size]
    response.used_ns = response.queued_ns = message.now_ns
    response.era = crossing.era
    if crossing.oldest == NULL:
        turn.wake_at(message.now_ns + crossing.threshold_ns)
        if not crossing.listed:
            crossing.listed = True
            crossing.importer.answering.append(crossing)
    if crossing.waiting >= RESPONSES_MAX:
        oldest = <Response> crossing.oldest
        oldest.close()
    crossing._queue(response)
    crossing.exporter.sublist.insert(span_of(response.subject), span(NULL, 0), response)
    _awaited(crossing.importer).add(response)
    return response


cdef Awaited _awaited(AccountCore importer):
    """The replies that the account waits for; it has the table from its first request on."""
    if importer.awaited is None:
        importer.awaited = Awaited(importer.sublist)
        importer.sublist.watch_changes(importer.awaited)
    return <Awaited> importer.awaited


# always closed by its crossing, so nothing needs to look for cycles
@cython.no_gc
cdef class Response(Awaiting):
    """The way back of one request: receives on `_R_…` in the exporter, delivers to who asked."""

    def __repr__(self) -> str:
        return f"Response({self.subject.decode()} -> {self.reply.decode()})"

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef Message back
        cdef Response further = None
        cdef int taken, wants_ack = 0
        cdef Crossing crossing = self.crossing
        if not self._open_at(message.now_ns) or message.hops >= HOPS_MAX:
            return 0
        back = message[0]
        back.hops += 1
        back.info = span(NULL, 0)
        back.to = span_of(self.reply)
        if message.subject.data == message.to.data:
            back.subject = back.to
        if message.reply.size > 0:
            wants_ack = _is_ack(message.reply)
            if not wants_ack:
                further = _answer_back(crossing, message, turn)
                back.reply = span_of(further.subject)
        self.used_ns = message.now_ns
        if self.sample is not None:
            self.ended(
                200, b"" if message.origin == NULL else (<Client> message.origin).shared_info,
                message.now_ns,
            )
        if crossing.response_type == SINGLETON or (
            message.payload.size == 0 and message.header.size == 0
        ):
            self.close()            # before it is heard: who unsubscribes then abandons nothing
        taken = deliver(&self.target, crossing.importer, &back, turn)
        if taken == 0:
            if further is not None:
                further.close()
            self.close()
            return 0
        crossing.answers += 1
        crossing.answer_bytes += message.payload.size + message.header.size
        crossing.deliveries += wants_ack
        crossing.used_ns = message.now_ns
        return taken

    cdef bint _open_at(self, int64_t now_ns) noexcept:
        return (
            not self.closed and self.era == self.crossing.era and self.crossing.open_at(now_ns)
        )

    cdef bint interested(self, int64_t now_ns) except -1:
        """The requester still listens, and the grant holds."""
        return (
            self._open_at(now_ns)
            and reaches(self.crossing.importer, span_of(self.reply), now_ns)
        )

    cdef int ended(self, int status, bytes responder, int64_t now_ns) except -1:
        """If it is measured: what became of it. Only the first end counts."""
        cdef Sample sample = self.sample
        if sample is not None:
            self.sample = None
            if self.crossing.latency is not None:
                self.crossing.latency.end(sample, status, responder, now_ns)
        return 0

    cdef int abandoned(self) except -1:
        self.ended(408, b"", 0)
        return self.close()

    cdef int close(self) except -1:
        """No further answer passes."""
        if self.closed:
            return 0
        self.closed = True
        _awaited(self.crossing.importer).discard(self)
        self.crossing.exporter.sublist.remove(span_of(self.subject), span(NULL, 0), self)
        self.crossing._unqueue(self)
        return 0


cdef Response _answer_back(Crossing crossing, Message* message, Turn turn):
    """An answer that wants an answer: the importer gets an `_R_` subject that leads back.

    Two crossings are enough, however often the two sides answer each other.
    """
    cdef Crossing reverse = crossing.reverse
    if reverse is None:
        reverse = Crossing(
            crossing.exporter, crossing.importer, local=b">", remote=b">",
            response_type=crossing.response_type, threshold_ns=crossing.threshold_ns,
        )
        reverse.alive = crossing.alive
        reverse.ends_ns = crossing.ends_ns
        reverse.reverse = crossing
        crossing.reverse = reverse
    return _respond(reverse, message, turn, None)
