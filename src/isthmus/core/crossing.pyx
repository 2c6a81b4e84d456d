# cython: boundscheck=False, wraparound=False
"""One service import, and the way back; see `crossing.pxd` for the picture.

Owns the rewriting of a subject and the life of responses. Knows no JWT: policy says `open` or
`close` and when the grant ends. Invariant: a response is in the exporter's sublist exactly while it
is in its crossing's `responses`.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

cimport cython

from isthmus.core.client cimport Client
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport HOPS_MAX, AccountCore, deliver, reaches, route
from isthmus.core.turn cimport Turn

cdef enum:
    SUBJECT_MAX = 8192          # a rewritten subject: two control lines
    INFO_MAX = 4096

cdef bytes ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


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
        self.same = parts is None
        self.parts = parts
        self.wildcards = sum(token in (b"*", b">") for token in local.split(b"."))
        self.response_type = response_type
        self.threshold_ns = threshold_ns
        self.ends_ns = ends_ns
        self.share = share
        self.alive = False
        self.subscribed = False
        self.responses = {}

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
        """Leave it; what is under way is closed."""
        self.close()
        if self.subscribed:
            self.importer.sublist.remove(span_of(self.local), span_of(b""), self)
            self.subscribed = False

    def configure(self, int response_type, int64_t threshold_ns, bint share) -> None:
        """What the export says now; answers under way keep their crossing and follow."""
        assert response_type in (SINGLETON, STREAM, CHUNKED)
        assert threshold_ns > 0
        self.response_type = response_type
        self.threshold_ns = threshold_ns
        self.share = share

    def open(self, int64_t ends_ns) -> None:
        """The grant holds until `ends_ns` (0: for ever)."""
        self.alive = True
        self.ends_ns = ends_ns

    def close(self) -> None:
        """The grant does not hold: nothing crosses, in either direction."""
        self.alive = False
        for response in list(self.responses):
            (<Response> response).close()
        if self.reverse is not None:
            self.reverse.close()

    def expire(self, int64_t now_ns, int at_most) -> int:
        """Close answers unused for `threshold_ns`, oldest first, at most so many; how many were."""
        cdef Response response
        cdef list stale = []
        for response in self.responses:
            if len(stale) >= at_most or now_ns - response.used_ns < self.threshold_ns:
                break
            stale.append(response)
        for response in stale:
            response.close()
        return len(stale)

    def deadline_ns(self) -> int:
        """When the oldest answer under way becomes stale; 0 if there is none."""
        if not self.responses:
            return 0
        return (<Response> next(iter(self.responses))).used_ns + self.threshold_ns

    @property
    def response_count(self) -> int:
        """Answers under way."""
        return len(self.responses)

    cdef bint open_at(self, int64_t now_ns) noexcept:
        return self.alive and (self.ends_ns == 0 or now_ns < self.ends_ns)

    cdef bint interested(self, int64_t now_ns) except -1:
        return self.open_at(now_ns)

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef Message crossed
        cdef char subject[SUBJECT_MAX]
        cdef char info[INFO_MAX]
        cdef Response response = None
        cdef int taken
        if not self.open_at(message.now_ns) or message.hops >= HOPS_MAX:
            return 0
        crossed = message[0]
        crossed.hops += 1
        if not self.same:
            crossed.to.data = subject
            crossed.to.size = self._rewrite(message.to, subject)
            if crossed.to.size < 0:
                return 0
            crossed.subject = crossed.to
        self._describe(message, &crossed, info)
        if message.reply.size > 0 and not (
            message.reply.size > 8 and not memcmp(message.reply.data, b"$JS.ACK.", 8)
        ):
            response = _respond(self, message, turn)
            crossed.reply = span_of(response.subject)
        taken = route(self.exporter, &crossed, turn)
        if taken == 0:
            if response is not None:
                response.close()
            return 0
        self.messages += 1
        self.bytes_crossed += message.payload.size + message.header.size
        return 1

    cdef int _describe(self, Message* message, Message* crossed, char* info) except -1:
        """Who asks, as JSON for the exporter: the first requester, then the account it came through."""
        cdef Client client
        cdef bytes text
        if message.hops == 0:
            if message.origin != NULL:
                client = <Client> message.origin
                text = client.shared_info if self.share else client.info
                crossed.info = span_of(text)
            else:
                text = b'{"acc":"' + self.importer.name + b'"}'
                if len(text) < INFO_MAX:
                    memcpy(info, <const char*> text, len(text))
                    crossed.info = span(info, len(text))
            return 0
        # chained: the first requester stays, `svc` names the account of this hop
        if message.info.size:
            text = _with_service(message.info.data[: message.info.size], self.importer.name)
            if len(text) < INFO_MAX:
                memcpy(info, <const char*> text, len(text))
                crossed.info = span(info, len(text))
        return 0

    cdef Py_ssize_t _rewrite(self, Span subject, char* out) noexcept:
        """The remote subject for the literal `subject`, which matches `local`; -1 if too long."""
        cdef Span values[64]
        cdef int count = 0
        cdef Py_ssize_t at = 0, size, end
        cdef const char* pattern = self.local
        cdef Py_ssize_t pattern_at = 0, pattern_size = len(self.local), pattern_end, start = 0
        cdef object part
        cdef bytes text
        while pattern_at <= pattern_size and count < 64:
            pattern_end = _next_dot(pattern, pattern_at, pattern_size)
            end = _next_dot(subject.data, start, subject.size)
            if pattern_end - pattern_at == 1 and pattern[pattern_at] == c">":
                values[count] = span(subject.data + start, subject.size - start)
                count += 1
                break
            if pattern_end - pattern_at == 1 and pattern[pattern_at] == c"*":
                values[count] = span(subject.data + start, end - start)
                count += 1
            pattern_at = pattern_end + 1
            start = end + 1
        for part in self.parts:
            if isinstance(part, bytes):
                text = <bytes> part
                size = len(text)
                if at + size > SUBJECT_MAX:
                    return -1
                memcpy(out + at, <const char*> text, size)
            else:
                if <int> part >= count:
                    return -1
                size = values[<int> part].size
                if at + size > SUBJECT_MAX:
                    return -1
                memcpy(out + at, values[<int> part].data, size)
            at += size
        return at


cdef inline Py_ssize_t _next_dot(const char* data, Py_ssize_t start, Py_ssize_t size) noexcept:
    cdef const char* dot
    if start >= size:
        return size
    dot = <const char*> memchr(data + start, c".", size - start)
    return size if dot == NULL else dot - data


cdef bytes _with_service(bytes info, bytes service):
    """`info` with `svc` set to the account the request came through."""
    import msgspec      # once per chained request
    known = msgspec.json.decode(info)
    out = {}
    for key, value in known.items():
        if key in ("svc",):
            continue
        out[key] = value
        if key == "acc":
            out["svc"] = service.decode()
    return msgspec.json.encode(out)


cdef Response _respond(Crossing crossing, Message* message, Turn turn):
    """Make and subscribe the way back for one request."""
    cdef Response response = Response.__new__(Response)
    cdef char token[6]
    cdef uint64_t random = turn.random()
    cdef int index
    cdef const char* letters = ALPHABET
    for index in range(6):
        token[index] = letters[random % 62]
        random //= 62
    response.crossing = crossing
    response.subject = crossing.exporter.response_prefix + token[:6]
    response.reply = message.reply.data[: message.reply.size]
    response.target.receiver = NULL
    response.target.generation = 0
    response.used_ns = message.now_ns
    response.closed = False
    if not crossing.responses:
        turn.wake_at(message.now_ns + crossing.threshold_ns)
    if len(crossing.responses) >= RESPONSES_MAX:
        (<Response> next(iter(crossing.responses))).close()
    crossing.responses[response] = None
    crossing.exporter.sublist.insert(span_of(response.subject), span_of(b""), response)
    return response


@cython.freelist(1024)
cdef class Response(Receiver):
    """The way back of one request: receives on `_R_…` in the exporter, delivers to the requester."""

    def __repr__(self) -> str:
        return f"Response({self.subject.decode()} -> {self.reply.decode()})"

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef Message back
        cdef Response further = None
        cdef int taken
        cdef Crossing crossing = self.crossing
        if self.closed or not crossing.open_at(message.now_ns) or message.hops >= HOPS_MAX:
            return 0
        back = message[0]
        back.hops += 1
        back.info = span(NULL, 0)
        back.to = span_of(self.reply)
        if message.subject.data == message.to.data:
            back.subject = back.to
        if message.reply.size > 0 and not (
            message.reply.size > 8 and not memcmp(message.reply.data, b"$JS.ACK.", 8)
        ):
            further = _answer_back(crossing, message, turn)
            back.reply = span_of(further.subject)
        crossing.answers += 1
        taken = deliver(&self.target, crossing.importer, &back, turn)
        if further is not None and taken == 0:
            further.close()
        if taken == 0 or crossing.response_type == SINGLETON or (
            message.payload.size == 0 and message.header.size == 0
        ):
            self.close()
        elif message.now_ns - self.used_ns > 1_000_000_000:
            self._touch(message.now_ns)
        return taken

    cdef bint interested(self, int64_t now_ns) except -1:
        """The requester still listens, and the grant holds."""
        return (
            not self.closed and self.crossing.open_at(now_ns)
            and reaches(self.crossing.importer, span_of(self.reply), now_ns)
        )

    cdef int _touch(self, int64_t now_ns) except -1:
        """Used again: to the end of the order, at most once a second."""
        self.used_ns = now_ns
        del self.crossing.responses[self]
        self.crossing.responses[self] = None
        return 0

    cdef int close(self) except -1:
        """No further answer passes."""
        if self.closed:
            return 0
        self.closed = True
        self.crossing.responses.pop(self, None)
        self.crossing.exporter.sublist.remove(span_of(self.subject), span_of(b""), self)
        return 0


cdef Response _answer_back(Crossing crossing, Message* message, Turn turn):
    """An answer that wants an answer: the importer gets an `_R_` subject that leads back."""
    cdef Crossing reverse = crossing.reverse
    if reverse is None:
        reverse = Crossing(
            crossing.exporter, crossing.importer, local=b">", remote=b">",
            response_type=SINGLETON, threshold_ns=crossing.threshold_ns,
        )
        crossing.reverse = reverse
    reverse.alive = crossing.alive
    reverse.ends_ns = crossing.ends_ns
    return _respond(reverse, message, turn)
