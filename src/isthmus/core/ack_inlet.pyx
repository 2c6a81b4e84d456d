# cython: boundscheck=False, wraparound=False, cdivision=True
"""Acknowledgements of one consumer; see `ack_inlet.pxd` for their grammar.

Owns nothing: reads the subject and the body, and tells the cursor. Invariant: a
subject can name only what the cursor has delivered; anything else changes nothing.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport UINT64_MAX, int64_t, uint64_t
from libc.string cimport memchr, memcmp

from isthmus.core.cursor cimport Cursor
from isthmus.core.decimal cimport parse_u64
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.pull_inlet cimport PullInlet
from isthmus.core.receiver cimport Receiver
from isthmus.core.turn cimport Turn

cdef enum:
    TOKENS_LOOKED = 9           # of the longer form, up to the consumer sequence
    DIGITS_PLAIN = 18           # of a number that needs no look at whether it fits

# 36 years: a sum with the time of day stays a number
cdef int64_t DELAY_MAX_NS = 1_152_921_504_606_846_976


cdef class AckInlet(Receiver):
    """Tells `cursor` what became of its deliveries.

    `owner.nak_delay_ns(text)` reads a delay that is not the usual JSON; None if it is none.
    """

    def __init__(self, Cursor cursor not None, object owner not None, PullInlet pulls):
        self.cursor = cursor
        self.owner = owner
        self.pulls = pulls
        self.subjects = []

    def __repr__(self) -> str:
        return f"AckInlet({self.cursor!r})"

    def subscribe(self, list subjects not None) -> None:
        """Listen under these subjects and no others; an empty list ends it."""
        for subject in self.subjects:
            self.cursor.stored.account.sublist.remove(span_of(subject), span(NULL, 0), self)
        for subject in subjects:
            self.cursor.stored.account.sublist.insert(span_of(subject), span(NULL, 0), self)
        self.subjects = list(subjects)

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef AckTokens tokens
        cdef Span body = message.payload
        cdef bint answer = True
        cdef Cursor cursor = self.cursor
        if cursor.closed:
            return 0
        if not _plain(message.to, cursor.ack_prefix, &tokens) and not _parse(message.to, &tokens):
            return 1
        if body.size == 0 or _is(body, b"+ACK", 4) or _is(body, b"+OK", 3):
            if cursor.sample_percent:
                cursor.sample(tokens.seq, tokens.consumer_seq, tokens.deliveries, turn)
            answer = cursor.acknowledge(tokens.seq, tokens.consumer_seq, turn)
        elif _begins(body, b"+NXT", 4):
            if cursor.sample_percent:
                cursor.sample(tokens.seq, tokens.consumer_seq, tokens.deliveries, turn)
            cursor.acknowledge(tokens.seq, tokens.consumer_seq, turn)
            if message.reply.size and self.pulls is not None:
                self.pulls.request(
                    _trim(span(body.data + 4, body.size - 4)), span(NULL, 0), message.reply, turn
                )
            answer = False
        elif _begins(body, b"-NAK", 4):
            answer = tokens.seq > 0
            cursor.nak(
                tokens.seq, tokens.consumer_seq, tokens.deliveries,
                self._delay_ns(_trim(span(body.data + 4, body.size - 4))), turn,
            )
        elif _is(body, b"+WPI", 4):
            answer = tokens.seq > 0
            cursor.extend(tokens.seq, turn)
        elif _begins(body, b"+TERM", 5):
            answer = cursor.terminate(
                tokens.seq, tokens.consumer_seq, tokens.deliveries,
                _trim(span(body.data + 5, body.size - 5)), turn,
            )
        if answer and message.reply.size:
            cursor.confirm(message.reply, turn)
        return 1

    cdef int64_t _delay_ns(self, Span text) except -1:
        """Behind -NAK: nothing, {"delay": nanoseconds}, or a duration; -2: at once."""
        cdef const char* at = text.data
        cdef const char* end = text.data + text.size
        cdef const char* digits
        cdef uint64_t delay_ns
        cdef object parsed
        if text.size == 0:
            return -2
        if text.size > 10 and not memcmp(at, b'{"delay":', 9):
            at += 9
            while at < end and at[0] == c" ":
                at += 1
            digits = at
            while at < end and 48 <= at[0] <= 57:
                at += 1
            if at + 1 == end and at[0] == c"}" and at - digits < 18 and (
                parse_u64(digits, at - digits, &delay_ns)
            ):
                return <int64_t> delay_ns
        parsed = self.owner.nak_delay_ns(text.data[: text.size])
        return -2 if parsed is None else min(max(parsed, 0), DELAY_MAX_NS)


cdef inline bint _is(Span text, const char* word, Py_ssize_t size) noexcept:
    return text.size == size and not memcmp(text.data, word, size)


cdef inline bint _begins(Span text, const char* word, Py_ssize_t size) noexcept:
    return text.size >= size and not memcmp(text.data, word, size)


cdef Span _trim(Span text) noexcept:
    while text.size and (
        text.data[0] == c" " or text.data[0] == c"\t" or text.data[0] == c"\r"
        or text.data[0] == c"\n"
    ):
        text.data += 1
        text.size -= 1
    while text.size and (
        text.data[text.size - 1] == c" " or text.data[text.size - 1] == c"\t"
        or text.data[text.size - 1] == c"\r" or text.data[text.size - 1] == c"\n"
    ):
        text.size -= 1
    return text


cdef inline const char* _number(const char* at, const char* end, uint64_t* out) noexcept nogil:
    """A number that surely fits and the dot behind it; the place behind both, or NULL."""
    cdef uint64_t number = 0
    cdef const char* last = at + DIGITS_PLAIN if end - at > DIGITS_PLAIN else end
    cdef const char* start = at
    while at < last and 48 <= at[0] <= 57:
        number = number * 10 + <uint64_t> (at[0] - 48)
        at += 1
    if at == start or at == end or at[0] != c".":
        return NULL
    out[0] = number
    return at + 1


cdef bint _plain(Span subject, bytes prefix, AckTokens* out) noexcept:
    """The numbers as a delivery gave them: behind `prefix`, and nothing more than the five."""
    cdef Py_ssize_t size = len(prefix)
    cdef const char* end = subject.data + subject.size
    cdef const char* at = subject.data + size
    cdef const char* dot
    if subject.size <= size or memcmp(subject.data, PyBytes_AS_STRING(prefix), size):
        return False
    at = _number(at, end, &out.deliveries)
    if at != NULL:
        at = _number(at, end, &out.seq)
    if at != NULL:
        at = _number(at, end, &out.consumer_seq)
    if at == NULL:
        return False
    dot = <const char*> memchr(at, c".", end - at)          # between time and what is pending
    return dot != NULL and memchr(dot + 1, c".", end - dot - 1) == NULL


cdef bint _parse(Span subject, AckTokens* out) noexcept:
    """The numbers of any ack subject; False if it is none."""
    cdef Span tokens[TOKENS_LOOKED]
    cdef Py_ssize_t at, start = 0
    cdef int count = 0, first
    for at in range(subject.size + 1):
        if at == subject.size or subject.data[at] == c".":
            if count < TOKENS_LOOKED:
                tokens[count] = span(subject.data + start, at - start)
            count += 1
            start = at + 1
    if count == 9:
        first = 4
    elif count >= 11:
        first = 6
    else:
        return False
    # as if it were the highest where a number can not be read: nothing was ever that far
    if not parse_u64(tokens[first].data, tokens[first].size, &out.deliveries):
        out.deliveries = UINT64_MAX
    if not parse_u64(tokens[first + 1].data, tokens[first + 1].size, &out.seq):
        out.seq = UINT64_MAX
    if not parse_u64(tokens[first + 2].data, tokens[first + 2].size, &out.consumer_seq):
        out.consumer_seq = UINT64_MAX
    return True
