# cython: boundscheck=False, wraparound=False, cdivision=True
"""Direct gets of one stream; see `direct_inlet.pxd`.

Owns nothing but the buffer its headers are printed in. Knows the few plain forms of a request; the
owner knows JSON and everything else. Invariant: a request with a reply gets at least one answer.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memset

from isthmus.core.decimal cimport parse_u64
from isthmus.core.effort cimport LOOK_NS, spend
from isthmus.core.journal cimport Holder
from isthmus.core.lookup cimport Search
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.patterns cimport has_wildcard
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport route
from isthmus.core.segment cimport Record
from isthmus.core.stamp cimport Stamp
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Chore, Turn

cdef bytes GROUP = b"_sys_"
cdef bytes NOT_FOUND = b"404 Message Not Found"
cdef bytes BUSY = b"429 Too Many Requests"
cdef bytes GONE = b"503"            # the stream: what who asks now is told
cdef Py_ssize_t SEEKING_MAX = 4096  # requests that may look through one stream at the same time


cdef class DirectInlet(Receiver):
    """Answers requests for messages of `stored`.

    `owner.direct_get(named, header, payload, reply, turn)` reads any request: it returns the status
    to refuse with (bytes), `(seq, last_by_subject, next_by_subject, without headers)`, or None if
    it answers by `send` and `status`. `named` is the subject behind the stream's name, or b"".
    """

    def __init__(self, Stored stored not None, object owner not None):
        self.stored = stored
        self.owner = owner
        self.subjects = []
        self.stamp = Stamp(stored.name)

    def __repr__(self) -> str:
        return f"DirectInlet({self.stored!r})"

    def subscribe(self, list subjects not None) -> None:
        """Listen under these subjects and all below them; an empty list ends it.

        A mirror may listen under the subjects of its origin too: one of them answers.
        """
        for subject in self.subjects:
            if subject not in subjects:
                self.stored.account.sublist.remove(span_of(subject), span_of(GROUP), self)
                below = subject + b".>"
                self.stored.account.sublist.remove(span_of(below), span_of(GROUP), self)
        for subject in subjects:
            if subject not in self.subjects:
                self.stored.account.sublist.insert(span_of(subject), span_of(GROUP), self)
                below = subject + b".>"
                self.stored.account.sublist.insert(span_of(below), span_of(GROUP), self)
        self.subjects = list(subjects)

    def send(
        self, uint64_t seq, bytes reply not None, bytes more not None, bint bare, Turn turn not None
    ) -> int:
        """Send message `seq` with `more` header lines; the bytes sent, 0 if it is gone."""
        return self._send(seq, span_of(reply), span_of(more), bare, turn)

    def status(self, bytes reply not None, bytes line not None, Turn turn not None) -> None:
        """Send a status line, and what else stands in the header."""
        self._status(span_of(reply), span_of(line), turn)

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef DirectForm form
        cdef Span named = span(NULL, 0)
        cdef bytes subject
        cdef bint plain
        if self.stored.closed:
            return 0
        if message.reply.size == 0:
            return 1
        memset(&form, 0, sizeof(DirectForm))
        for subject in self.subjects:
            if message.to.size > len(subject) + 1 and not memcmp(
                message.to.data, <const char*> subject, len(subject)
            ) and message.to.data[len(subject)] == c".":
                named = span(
                    message.to.data + len(subject) + 1, message.to.size - len(subject) - 1
                )
        if named.size:
            form.last = named
            plain = message.payload.size == 0
        else:
            plain = _read(message.payload, &form)
        if message.header.size or not plain:
            return self._ask_owner(message, named, turn)
        return self._answer(&form, message.reply, turn)

    cdef int _ask_owner(self, Message* message, Span named, Turn turn) except -1:
        cdef DirectForm form
        cdef object answer = self.owner.direct_get(
            named.data[: named.size],
            message.header.data[: message.header.size],
            message.payload.data[: message.payload.size],
            message.reply.data[: message.reply.size],
            turn,
        )
        cdef bytes last, following
        if answer is None:
            return 1
        if isinstance(answer, bytes):
            return self._status(message.reply, span_of(answer), turn)
        form.seq, last, following, form.bare = answer
        form.last = span_of(last)
        form.next = span_of(following)
        return self._answer(&form, message.reply, turn)

    cdef int _answer(self, const DirectForm* form, Span reply, Turn turn) except -1:
        cdef Stored stored = self.stored
        cdef Span subject = form.last if form.last.size else form.next
        cdef Search search
        cdef Seeking seeking
        cdef bint lengthy
        if subject.size == 0:
            return self._found(form.seq, reply, form.bare, turn)
        search = Search(
            stored.log, stored.tree, subject.data[: subject.size], seq=form.seq,
            last=form.last.size > 0,
        )
        # what may take long waits where the turn has worked enough
        lengthy = form.next.size > 0 or has_wildcard(subject)
        if not (lengthy and turn.worked_enough()) and not search.step():
            return self._found(search.found, reply, form.bare, turn)
        if self.seeking == SEEKING_MAX:
            return self._status(reply, span_of(BUSY), turn)
        self.seeking += 1
        seeking = Seeking.__new__(Seeking)
        seeking.inlet = self
        seeking.search = search
        seeking.reply = reply.data[: reply.size]
        seeking.bare = form.bare
        seeking.spends = True
        turn.again(seeking)
        return 1

    cdef int _found(self, uint64_t seq, Span reply, bint bare, Turn turn) except -1:
        """Send the message, or say that there is none."""
        if seq == 0 or self._send(seq, reply, span(NULL, 0), bare, turn) == 0:
            self._status(reply, span_of(NOT_FOUND), turn)
        return 1

    cdef int _send(self, uint64_t seq, Span reply, Span more, bint bare, Turn turn) except -1:
        cdef Stored stored = self.stored
        cdef Record record
        cdef Message message
        cdef Kept kept
        cdef Py_ssize_t size
        if not stored.log.read(seq, &record):
            return 0
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        if not bare:
            message.header = self.stamp.print(&record, more)
        message.payload = record.payload
        message.now_ns = turn.now_ns
        size = max(1, message.header.size + message.payload.size)
        if seq > stored.visible_seq and stored.journal is not None:
            kept = Kept.__new__(Kept)
            kept.account = stored.account
            kept.header = message.header.data[: message.header.size] if not bare else b""
            kept.payload = message.payload.data[: message.payload.size]
            stored.journal.hold(stored.journal.end_lsn, kept, 0, reply, 0)
            return <int> size
        stored.log.borrows += 1
        try:
            route(stored.account, &message, turn)
        finally:
            stored.log.give_back()
        return <int> size

    cdef int _status(self, Span reply, Span line, Turn turn) except -1:
        cdef Message message
        cdef bytes text = b"NATS/1.0 " + line.data[: line.size] + b"\r\n\r\n"
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.header = span_of(text)
        message.now_ns = turn.now_ns
        route(self.stored.account, &message, turn)
        return 1


cdef class Seeking(Chore):
    """A request whose message is looked for."""

    cdef int settle(self, Turn turn) except -1:
        cdef DirectInlet inlet = self.inlet
        spend(LOOK_NS)
        if turn.worked_enough() and not inlet.stored.closed:
            turn.again(self)
            return 0
        if not inlet.stored.closed and self.search.step():
            turn.again(self)
            return 0
        inlet.seeking -= 1
        if inlet.stored.closed:
            inlet._status(span_of(self.reply), span_of(GONE), turn)
        else:
            inlet._found(self.search.found, span_of(self.reply), self.bare, turn)
        return 0


cdef class Kept(Holder):
    """An answer that waits for its message to be durable."""

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.header = span_of(self.header)
        message.payload = span_of(self.payload)
        message.now_ns = turn.now_ns
        route(self.account, &message, turn)
        return 0


cdef inline const char* _skip_blanks(const char* at, const char* end) noexcept nogil:
    while at < end and (at[0] == c" " or at[0] == c"\t" or at[0] == c"\r" or at[0] == c"\n"):
        at += 1
    return at


cdef const char* _text(const char* at, const char* end, Span* out) noexcept nogil:
    """A plain JSON string at `at`; the place behind it, or NULL if it is none."""
    if at == end or at[0] != c'"':
        return NULL
    at += 1
    out.data = at
    while at < end and at[0] != c'"':
        if at[0] == c"\\" or <unsigned char> at[0] < 32:
            return NULL
        at += 1
    out.size = at - out.data
    return at + 1 if at < end else NULL


cdef bint _read(Span body, DirectForm* form) noexcept nogil:
    """One of the plain forms; False: ask somebody who knows JSON."""
    cdef const char* at = _skip_blanks(body.data, body.data + body.size)
    cdef const char* end = body.data + body.size
    cdef const char* digits
    cdef Span name
    if at == end or at[0] != c"{":
        return False
    while True:
        at = _text(_skip_blanks(at + 1, end), end, &name)
        if at == NULL:
            return False
        at = _skip_blanks(at, end)
        if at == end or at[0] != c":":
            return False
        at = _skip_blanks(at + 1, end)
        if name.size == 3 and not memcmp(name.data, b"seq", 3):
            digits = at
            while at < end and 48 <= at[0] <= 57:
                at += 1
            if at == digits or digits[0] == c"0" or not parse_u64(digits, at - digits, &form.seq):
                return False
        elif name.size == 12 and not memcmp(name.data, b"last_by_subj", 12):
            at = _text(at, end, &form.last)
        elif name.size == 12 and not memcmp(name.data, b"next_by_subj", 12):
            at = _text(at, end, &form.next)
        else:
            return False
        if at == NULL:
            return False
        at = _skip_blanks(at, end)
        if at == end:
            return False
        if at[0] == c"}":
            break
        if at[0] != c",":
            return False
    if _skip_blanks(at + 1, end) != end:
        return False
    if form.last.size:
        return form.seq == 0 and form.next.size == 0
    return form.seq != 0 or form.next.size != 0
