# cython: boundscheck=False, wraparound=False, cdivision=True
"""Messages of another stream; see `intake.pxd` for the picture.

Owns the position in one origin. Knows no API and no timer: its owner asks for consumers. Invariant:
what was stored of the origin is everything that its consumer delivered up to `origin_seq`, once.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from isthmus.core.decimal cimport parse_u64, print_u64
from isthmus.core.ingest cimport NO_ROOM, Ingest
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.rewriting cimport SUBJECT_MAX, Rewriting
from isthmus.core.roll cimport Hearer
from isthmus.core.router cimport route
from isthmus.core.segment cimport RECORD_REMOVE
from isthmus.core.stored cimport STORED, Stored
from isthmus.core.sublist cimport Watcher
from isthmus.core.turn cimport Turn

cdef enum:
    TOKENS_MAX = 16                 # of an ack reply
    LINE_MAX = 64                   # of what a label adds beside names and subject
    NEAR = 10                       # messages that a copy may lack and yet count as complete


cdef class Intake(Hearer):
    """One origin of the stream behind `ingest`.

    `label` is what the header of a copy says of the origin, `(before, behind)` its sequence; None
    in a mirror. `transforms` are `(pattern, Rewriting)`. `owner.interrupted(turn)` is told when
    something is missing, `owner.caught_up(turn)` once when hardly anything is.
    """

    def __init__(self, Ingest ingest not None, object owner not None, *, label, list transforms):
        self.ingest = ingest
        self.account = ingest.stored.account
        self.owner = owner
        self.mirror = label is None
        if label is not None:
            self.before = b"Nats-Stream-Source: " + label[0] + b" "
            self.behind = b" " + label[1] + b" "
        self.transforms = transforms
        self.subject = self.consumer = self.identity = b""

    def __dealloc__(self):
        free(self.scratch)

    def __repr__(self) -> str:
        return f"Intake({self.ingest.stored.name.decode()}, {self.subject!r})"

    def resume(self, uint64_t origin_seq, bytes identity not None=b"") -> None:
        """Where it stands, found from what is stored."""
        self.origin_seq = origin_seq
        self.identity = identity

    def restart(self) -> None:
        """The origin is another one: nothing of it was taken."""
        self.origin_seq = 0
        self.identity = b""

    def open(
        self, bytes subject not None, bytes consumer not None, uint64_t passed_seq,
        bytes identity not None, Turn turn not None,
    ) -> None:
        """Take what `consumer` delivers to `subject`; it begins behind `passed_seq`."""
        cdef Stored stored = self.ingest.stored
        self.close()
        self.subject = subject
        self.consumer = consumer
        self.identity = identity
        self.consumer_seq = 0
        self.interrupted = self.full = False
        self.active_ns = turn.now_ns
        if self.mirror:
            if passed_seq > stored.log.last_seq:
                self._skip(passed_seq, turn)
            self.origin_seq = stored.log.last_seq
        elif passed_seq > self.origin_seq:
            self.origin_seq = passed_seq
        self.account.sublist.insert(span_of(subject), span(NULL, 0), self)
        self.account.roll.enter(self)

    def close(self) -> None:
        """Take nothing any more."""
        if self.subject:
            self.account.roll.strike(self)
            self.account.sublist.remove(span_of(self.subject), span(NULL, 0), self)
            self.subject = b""

    def _skip(self, uint64_t seq, Turn turn):
        """The origin has nothing up to `seq` that is not here: nor will the mirror."""
        cdef Stored stored = self.ingest.stored
        if stored.journal is not None:
            stored.journal_removal(RECORD_REMOVE, seq, b"", turn)
        stored.log.skip(seq, turn.now_ns)
        stored.reply(
            stored.journal.end_lsn if stored.journal is not None else 0, seq, span(NULL, 0),
            STORED, turn,
        )

    cdef int report(self, Watcher watcher) except -1:
        return watcher.added(span_of(self.subject), span(NULL, 0), self) if self.subject else 0

    cdef int receive(self, Message* message, Turn turn) except -1:
        if not self.subject or self.ingest.stored.closed:
            return 0
        self.active_ns = turn.now_ns
        if self.interrupted:
            return 1
        if message.payload.size == 0 and message.header.size > 13 and not memcmp(
            message.header.data, b"NATS/1.0 100 ", 13
        ):
            return self._listen_to(message, turn)
        return self._take(message, turn)

    cdef int settle(self, Turn turn) except -1:
        if self.interrupted and self.subject:
            self.owner.interrupted(turn)
        elif self.near and self.subject:
            self.owner.caught_up(turn)
        return 0

    cdef int _take(self, Message* message, Turn turn) except -1:
        """A delivery: is it the next one?"""
        cdef Origin origin
        if not _read(message.reply, &origin) or origin.deliveries > 1:
            return 1
        if origin.consumer.size != len(self.consumer) or memcmp(
            origin.consumer.data, <const char*> self.consumer, origin.consumer.size
        ):
            return 1                                # one before this still had it under way
        if origin.consumer_seq <= self.consumer_seq:
            return 1
        if origin.consumer_seq != self.consumer_seq + 1:
            return self._interrupt(False, turn)
        if origin.seq <= self.origin_seq:
            self.consumer_seq = origin.consumer_seq
            return 1
        if self._copy(message, &origin, turn) == NO_ROOM:
            return self._interrupt(True, turn)
        self.consumer_seq = origin.consumer_seq
        self.origin_seq = origin.seq
        self.lag = origin.pending - 1 if origin.pending else 0
        if origin.pending < NEAR and not self.near:
            self.near = True
            turn.later(self)
        return 1

    cdef int _copy(self, Message* message, const Origin* origin, Turn turn) except -1:
        cdef char subject[SUBJECT_MAX]
        cdef Message copy
        cdef Rewriting rewriting
        cdef bytes pattern
        cdef Py_ssize_t size
        memset(&copy, 0, sizeof(Message))
        copy.header = self._header(message, origin.seq)
        copy.to = message.subject
        copy.payload = message.payload
        copy.now_ns = message.now_ns
        for pattern, rewriting in self.transforms:
            if subject_matches(span_of(pattern), message.subject):
                if rewriting is not None:
                    if rewriting.by_chance:
                        rewriting.chance = turn.random()
                    size = rewriting.write(message.subject, subject)
                    if size > 0:
                        copy.to = span(subject, size)
                    break
        copy.subject = copy.to
        if self.mirror:
            return self.ingest.copy(&copy, origin.seq, origin.time_ns, turn)
        return self.ingest.copy(&copy, 0, turn.now_ns, turn)

    cdef int _listen_to(self, Message* message, Turn turn) except -1:
        """Flow control, or a heartbeat."""
        cdef FlowAnswer answer
        cdef Stored stored = self.ingest.stored
        cdef Span value
        cdef uint64_t last
        if message.reply.size:
            answer = FlowAnswer.__new__(FlowAnswer)
            answer.account = self.account
            answer.header = (
                b"NATS/1.0\r\nNats-Last-Consumer: %d\r\nNats-Last-Stream: %d\r\n\r\n"
                % (self.consumer_seq, self.origin_seq)
            )
            if stored.journal is None or stored.journal.durable_lsn == stored.journal.end_lsn:
                return answer.durable(0, message.reply, 0, turn) + 1
            stored.journal.hold(stored.journal.end_lsn, answer, 0, message.reply, 0)
            return 1
        value = _value(message.header, b"Nats-Last-Consumer:", 19)
        if parse_u64(value.data, value.size, &last) and last and last != self.consumer_seq:
            return self._interrupt(False, turn)
        value = _value(message.header, b"Nats-Consumer-Stalled:", 22)
        if value.size:                              # our answer was lost
            answer = FlowAnswer.__new__(FlowAnswer)
            answer.account = self.account
            answer.header = b""
            answer.durable(0, value, 0, turn)
        return 1

    cdef int _interrupt(self, bint full, Turn turn) except -1:
        """Something is missing. Always 1."""
        self.interrupted = True
        self.full = full
        turn.later(self)
        return 1

    cdef Span _header(self, Message* message, uint64_t seq) except *:
        """The header block of a copy: no expectations, and where it comes from."""
        cdef Span header = message.header
        cdef const char* at = header.data
        cdef const char* end = header.data + header.size
        cdef const char* following
        cdef char* out
        cdef bint dropped = False
        cdef void* grown
        cdef Py_ssize_t needed = header.size + LINE_MAX
        if not self.mirror:
            needed += len(self.before) + len(self.behind) + message.subject.size + len(
                self.identity
            )
        if needed > self.scratch_capacity:
            grown = realloc(self.scratch, needed * 2)
            if grown == NULL:
                raise MemoryError
            self.scratch = <char*> grown
            self.scratch_capacity = needed * 2
        out = self.scratch
        memcpy(out, b"NATS/1.0\r\n", 10)
        out += 10
        if header.size:
            at = _line_end(at, end)
        while at < end:
            following = _line_end(at, end)
            if following - at <= 2:
                break                               # the empty line
            if _unwanted(at, following, not self.mirror):
                dropped = True
            else:
                memcpy(out, at, following - at)
                out += following - at
            at = following
        if not self.mirror:
            out = self._print_label(out, message.subject, seq)
        elif not dropped:
            return header
        if out - self.scratch == 10:
            return span(NULL, 0)
        memcpy(out, b"\r\n", 2)
        return span(self.scratch, out + 2 - self.scratch)

    cdef char* _print_label(self, char* out, Span subject, uint64_t seq) noexcept:
        memcpy(out, <const char*> self.before, len(self.before))
        out = print_u64(out + len(self.before), seq)
        memcpy(out, <const char*> self.behind, len(self.behind))
        out += len(self.behind)
        memcpy(out, subject.data, subject.size)
        out += subject.size
        if self.identity:
            out[0] = c" "
            memcpy(out + 1, <const char*> self.identity, len(self.identity))
            out += 1 + len(self.identity)
        memcpy(out, b"\r\n", 2)
        return out + 2


cdef class FlowAnswer(Holder):
    """Tells the origin that everything up to a request has arrived."""

    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1:
        cdef Message message
        memset(&message, 0, sizeof(Message))
        message.to = message.subject = reply
        message.header = span_of(self.header)
        message.now_ns = turn.now_ns
        route(self.account, &message, turn)
        return 0


cdef inline const char* _line_end(const char* at, const char* end) noexcept nogil:
    """Where the next line begins."""
    cdef const char* found = <const char*> memchr(at, c"\n", end - at)
    return end if found == NULL else found + 1


cdef inline bint _unwanted(const char* at, const char* end, bint source) noexcept nogil:
    """Is this a line that a copy does not have?"""
    cdef Py_ssize_t size = end - at
    if size < 11 or memcmp(at, b"Nats-", 5):
        return False
    if size > 14 and not memcmp(at + 5, b"Expected-", 9):
        return True
    if not memcmp(at + 5, b"Batch-", 6):
        return True
    return source and size > 19 and not memcmp(at + 5, b"Stream-Source:", 14)


cdef Span _value(Span header, const char* name, Py_ssize_t size) noexcept:
    """What stands behind `name` in a header block; nothing: it is not there."""
    cdef const char* at = header.data
    cdef const char* end = header.data + header.size
    cdef const char* following
    while at < end:
        following = _line_end(at, end)
        if following - at > size and not memcmp(at, name, size):
            at += size
            while at < following and at[0] == c" ":
                at += 1
            size = following - at
            while size > 0 and (at[size - 1] == c"\n" or at[size - 1] == c"\r"):
                size -= 1
            return span(at, size)
        at = following
    return span(NULL, 0)


cdef bint _read(Span reply, Origin* out) noexcept:
    """What an ack reply says; False if it is none."""
    cdef Span tokens[TOKENS_MAX]
    cdef Py_ssize_t at, start = 0
    cdef int count = 0, first
    cdef uint64_t time_ns = 0
    if reply.size < 8 or memcmp(reply.data, b"$JS.ACK.", 8):
        return False
    for at in range(reply.size + 1):
        if at == reply.size or reply.data[at] == c".":
            if count < TOKENS_MAX:
                tokens[count] = span(reply.data + start, at - start)
            count += 1
            start = at + 1
    if count == 9:
        first = 3
    elif count >= 11:
        first = 5
    else:
        return False
    out.consumer = tokens[first]
    if not (
        parse_u64(tokens[first + 1].data, tokens[first + 1].size, &out.deliveries)
        and parse_u64(tokens[first + 2].data, tokens[first + 2].size, &out.seq)
        and parse_u64(tokens[first + 3].data, tokens[first + 3].size, &out.consumer_seq)
        and parse_u64(tokens[first + 4].data, tokens[first + 4].size, &time_ns)
        and parse_u64(tokens[first + 5].data, tokens[first + 5].size, &out.pending)
    ):
        return False
    out.time_ns = <int64_t> time_ns
    return True
