# cython: boundscheck=False, wraparound=False, cdivision=True
"""Bytes to operations, for one connection; see `parser.pxd` for the picture.

Owns what a read leaves over. Knows the grammar and its limits, no accounts and no policy.
Invariant: any bytes either parse or raise `ProtocolError`, and never more is kept than one
publication of `payload_max` bytes plus one control line.
"""

from cpython.buffer cimport PyBUF_WRITE
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcpy, memmove

from isthmus.base.errors import ProtocolError
from isthmus.core.client cimport Client
from isthmus.core.message cimport Message, Span, span
from isthmus.core.turn cimport Turn
from isthmus.core.words cimport blanks, lowest, word_at

cdef enum:
    TOKENS_MAX = 6              # a control line with more has too many anyway
    SIZE_DIGITS_MAX = 9         # longer numbers are refused (measured on nats-server)


cdef enum:
    NOTHING                     # whatever stands after the name is ignored, however long it is
    TOKENS                      # a blank and tokens
    DOCUMENT                    # JSON, with blanks before it or none


cdef struct Name:
    const char* text
    Py_ssize_t size
    int follows


cdef Name[10] NAMES
NAMES[PING] = Name(b"PING", 4, NOTHING)
NAMES[PONG] = Name(b"PONG", 4, NOTHING)
NAMES[OK] = Name(b"+OK", 3, NOTHING)
NAMES[ERR] = Name(b"-ERR", 4, TOKENS)
NAMES[SUB] = Name(b"SUB", 3, TOKENS)
NAMES[UNSUB] = Name(b"UNSUB", 5, TOKENS)
NAMES[CONNECT] = Name(b"CONNECT", 7, DOCUMENT)
NAMES[INFO] = Name(b"INFO", 4, DOCUMENT)
NAMES[PUB] = Name(b"PUB", 3, TOKENS)
NAMES[HPUB] = Name(b"HPUB", 4, TOKENS)


def _unknown():
    return ProtocolError("Unknown Protocol Operation", reason="Parse Error")


def _silent():
    """Broken arguments end the connection without a word (measured on nats-server)."""
    return ProtocolError("", reason="Protocol Violation")


cdef inline bint _is(const char* data, const char* upper, Py_ssize_t size) noexcept nogil:
    """The same letters, whatever their case."""
    cdef Py_ssize_t at
    for at in range(size):
        if (data[at] & ~0x20 if upper[at] >= c"A" else data[at]) != upper[at]:
            return False
    return True


cdef inline bint _blank(char letter) noexcept nogil:
    return letter == c" " or letter == c"\t"


cdef inline int _returns(const char* start, const char* end) noexcept nogil:
    """1 if a carriage return stands before `end`."""
    return end > start and (end - 1)[0] == c"\r"


cdef inline Py_ssize_t _number(Span text) noexcept nogil:
    """A decimal number, or -1 if it is none or too long."""
    cdef Py_ssize_t at, out = 0
    if text.size == 0 or text.size > SIZE_DIGITS_MAX:
        return -1
    for at in range(text.size):
        if text.data[at] < c"0" or text.data[at] > c"9":
            return -1
        out = out * 10 + (text.data[at] - 48)
    return out


cdef inline const char* _letters(const char* at, const char* end) noexcept nogil:
    """The first byte from `at` on that is a blank or a control character, at the latest `end`."""
    cdef uint64_t found
    while end - at >= 8:
        found = blanks(word_at(at))
        if found:
            return at + lowest(found)
        at += 8
    while <unsigned char> at[0] > 32:
        at += 1
    return at


cdef inline int _split(const char* at, const char* end, Span* tokens) noexcept nogil:
    """Tokens between blanks; one more than TOKENS_MAX if there are more.

    At `end` stands the line's end, which stops the inner loop.
    """
    cdef int count = 0
    cdef const char* start
    while True:
        while at < end and _blank(at[0]):
            at += 1
        if at >= end:
            return count
        if count == TOKENS_MAX:
            return count + 1
        start = at
        while True:
            at = _letters(at, end)
            if at >= end or _blank(at[0]):
                break
            at += 1                     # a control character is a letter like any other
        tokens[count] = span(start, at - start)
        count += 1


cdef Py_ssize_t _close_up(char* start, Py_ssize_t name, char* arguments) noexcept nogil:
    """Move the `name` bytes at `start` up to `arguments`; how far they went."""
    cdef Py_ssize_t gap = arguments - start - name
    if gap > 0:
        memmove(start + gap, start, name)
    return gap


cdef class ReadBuffer:
    """One per loop: every connection's reads land here, `size` bytes behind `headroom`."""

    def __init__(self, Py_ssize_t size=131_072, Py_ssize_t headroom=32_768):
        assert headroom >= 8192
        assert size > 0
        self.size = size
        self.headroom = headroom
        # whoever still holds the view keeps the memory alive
        self.memory = bytearray(headroom + size)
        self.data = PyByteArray_AS_STRING(self.memory)
        self.view = memoryview(self.memory)[headroom:]


cdef class Parser:
    """Parses for `client`. `owner` gets the rare operations as calls:

    `connect(json: bytes)`, `subscribe(subject, queue, sid)`, `unsubscribe(sid, max)`, `ping()`,
    `pong()`, `peer_error(text)`, and `first_operation()` when anything but CONNECT comes before
    there is an account: it must admit the client or raise.
    """

    def __init__(
        self, Client client not None, object owner, ReadBuffer shared not None,
        Py_ssize_t control_line_max=4096,
    ):
        assert control_line_max > 0
        self.client = client
        self.owner = owner
        self.shared = shared
        self.control_line_max = control_line_max

    def __dealloc__(self):
        free(self.left)

    @property
    def kept(self) -> int:
        """Bytes kept for the next read."""
        return self.left_size

    @property
    def holding(self) -> bool:
        """True between `hold` and `resume`."""
        return self.held

    def hold(self) -> None:
        """Parse nothing more until `resume`: somebody is being authenticated. Stop reading too."""
        self.held = True

    def end(self) -> None:
        """The connection closes: whatever comes is dropped."""
        self.ended = True
        self.owner = None

    def buffer(self) -> memoryview:
        """Where the next read goes."""
        if self.wanted > self.shared.headroom and not self.held:
            return PyMemoryView_FromMemory(
                self.left + self.left_size, self.wanted - self.left_size, PyBUF_WRITE
            )
        return self.shared.view

    def read(self, Py_ssize_t size, Turn turn not None) -> None:
        """`size` bytes arrived in `buffer()`."""
        cdef char* data
        cdef Py_ssize_t total, done
        if self.ended:
            return
        if self.held:
            self._keep(self.shared.data + self.shared.headroom, size)
            return
        if self.wanted > self.shared.headroom:
            self.left_size += size
            if self.left_size < self.wanted:
                return
            self._parse_left(turn)
            return
        if self.left_size > self.shared.headroom:
            # more than fits before the read: parse where it is kept
            self._keep(self.shared.data + self.shared.headroom, size)
            self._parse_left(turn)
            return
        data = self.shared.data + self.shared.headroom - self.left_size
        if self.left_size:
            memcpy(data, self.left, self.left_size)
        total = self.left_size + size
        self.left_size = 0
        self.wanted = 0
        done = self.parse(data, total, turn)
        if done < total and not self.ended:
            self._keep(data + done, total - done)
        elif self.left != NULL and self.left_capacity > 4096:
            free(self.left)
            self.left = NULL
            self.left_capacity = 0

    def feed(self, bytes data not None, Turn turn not None) -> None:
        """Bytes that did not come through `buffer()` (a link in memory, a WebSocket frame)."""
        if self.ended:
            return
        self._keep(<const char*> data, len(data))
        if not self.held and self.left_size >= self.wanted:
            self._parse_left(turn)

    def resume(self, Turn turn not None) -> None:
        """Go on with what was kept."""
        self.held = False
        if self.left_size and not self.ended:
            self._parse_left(turn)

    cdef int _parse_left(self, Turn turn) except -1:
        """Parse the kept bytes where they lie; what is left of them moves to the front."""
        cdef Py_ssize_t size = self.left_size, done
        cdef char* data = self.left
        # subscriptions and errors may call back: the bytes are out of reach while they are parsed
        cdef Py_ssize_t capacity = self.left_capacity
        self.left = NULL
        self.left_size = self.left_capacity = self.wanted = 0
        try:
            done = self.parse(data, size, turn)
            if done < size and not self.ended:
                self._keep(data + done, size - done)
        finally:
            if self.left == NULL and capacity <= 4096:
                self.left = data
                self.left_capacity = capacity
            else:
                free(data)
        return 0

    cdef int _keep(self, const char* data, Py_ssize_t size) except -1:
        """Append to what is kept, with room for all of a publication whose size is known."""
        cdef Py_ssize_t needed = self.left_size + size
        cdef char* grown
        if size == 0:
            return 0
        if needed < self.wanted:
            needed = self.wanted
        if needed > self.left_capacity:
            if needed < 512:
                needed = 512
            grown = <char*> realloc(self.left, needed)
            if grown == NULL:
                raise MemoryError
            self.left = grown
            self.left_capacity = needed
        memcpy(self.left + self.left_size, data, size)
        self.left_size += size
        return 0

    cdef Py_ssize_t parse(self, char* data, Py_ssize_t size, Turn turn) except -1:
        """Parse complete operations; bytes consumed. Sets `wanted` when a payload is incomplete.

        An incomplete line may be moved within `data`, to leave out what need not be kept.
        """
        cdef char* at = data
        cdef char* end = data + size
        cdef Py_ssize_t step
        while at < end and not self.held and not self.ended:
            if self.client.account is None and (at[0] & ~0x20) != c"C":
                self.owner.first_operation()
                if self.client.account is None:
                    assert self.held or self.ended
                    break
            if at + 4 < end and _is(at, b"PUB", 3) and _blank(at[3]):
                step = self._publication(at, at + 4, end, False, turn)
            elif at + 5 < end and _is(at, b"HPUB", 4) and _blank(at[4]):
                step = self._publication(at, at + 5, end, True, turn)
            else:
                step = self._control(at, end, turn)
            if step == 0:
                break
            at += step
        return at - data

    cdef Py_ssize_t _line_end(self, const char* arguments, const char* end) except -2:
        """Offset of the newline from `arguments`, or -1 if it has not come yet."""
        cdef const char* newline = <const char*> memchr(arguments, c"\n", end - arguments)
        cdef const char* line_end = end if newline == NULL else newline
        cdef Py_ssize_t size = line_end - arguments
        # the limit counts the arguments, without the line's end
        if size > self.control_line_max and size - _returns(arguments, line_end) > (
            self.control_line_max
        ):
            raise ProtocolError(
                "maximum control line exceeded", reason="Maximum Control Line Exceeded"
            )
        return -1 if newline == NULL else size

    cdef Py_ssize_t _publication(
        self, char* start, char* arguments, char* end, bint with_header, Turn turn
    ) except -1:
        """PUB or HPUB whose control line begins at `start`; bytes consumed, 0: incomplete."""
        cdef Span tokens[TOKENS_MAX]
        cdef Message message
        cdef const char* line_end
        cdef const char* body
        cdef Py_ssize_t line, total, missing, header = 0
        cdef Py_ssize_t name = arguments - start
        cdef int count
        while arguments < end and _blank(arguments[0]):
            arguments += 1
        line = self._line_end(arguments, end)
        if line < 0:
            return _close_up(start, name, arguments)
        line_end = arguments + line
        body = line_end + 1
        line_end -= _returns(arguments, line_end)
        count = _split(arguments, line_end, tokens)
        if with_header:
            if count not in (3, 4) or not self.client.headers:
                raise _silent()
            header = _number(tokens[count - 2])
            total = _number(tokens[count - 1])
            if header < 0 or total < 0 or header > total:
                raise _silent()
            message.reply = tokens[1] if count == 4 else span(NULL, 0)
        else:
            if count not in (2, 3):
                raise _silent()
            total = _number(tokens[count - 1])
            if total < 0:
                raise _silent()
            message.reply = tokens[1] if count == 3 else span(NULL, 0)
        if total > self.client.payload_max >= 0:
            raise ProtocolError(
                "Maximum Payload Violation", reason="Maximum Message Payload Exceeded"
            )
        missing = total + 2 - (end - body)
        if missing > 0:
            if missing == 1 and body[total] != c"\r":
                raise _unknown()
            self.wanted = (end - start) + missing
            return _close_up(start, name, arguments)
        if body[total] != c"\r" or body[total + 1] != c"\n":
            raise _unknown()
        message.to = message.subject = tokens[0]
        message.header = span(body, header)
        message.info = span(NULL, 0)
        message.payload = span(body + header, total - header)
        message.now_ns = turn.now_ns
        message.hops = 0
        message.origin = NULL
        self.client.publish(&message, turn)
        return (body - start) + total + 2

    cdef Py_ssize_t _control(self, char* at, char* end, Turn turn) except -1:
        """Any operation but a publication; bytes consumed, 0: incomplete."""
        cdef Py_ssize_t here = end - at
        cdef int index
        for index in range(OPERATIONS):
            if here < NAMES[index].size:
                if _is(at, NAMES[index].text, here):
                    return 0            # it may still become one
            elif _is(at, NAMES[index].text, NAMES[index].size):
                return self._line(index, at, end, turn)
        raise _unknown()

    cdef Py_ssize_t _line(
        self, int operation, char* at, char* end, Turn turn
    ) except -1:
        """The rest of a line whose name is complete."""
        cdef int follows = NAMES[operation].follows
        cdef char* arguments = at + NAMES[operation].size
        cdef char* line_end
        cdef Py_ssize_t line, name = NAMES[operation].size
        if follows == NOTHING:
            line_end = <char*> memchr(arguments, c"\n", end - arguments)
            if line_end == NULL:
                return _close_up(at, name, end)
            self._execute(operation, arguments, arguments, turn)
            return line_end + 1 - at
        if arguments == end:
            return 0
        if _blank(arguments[0]):
            name += 1
        elif follows == TOKENS:
            raise _unknown()
        while arguments < end and _blank(arguments[0]):
            arguments += 1
        line = self._line_end(arguments, end)
        if line < 0:
            return _close_up(at, name, arguments)
        line_end = arguments + line
        line_end -= _returns(arguments, line_end)
        self._execute(operation, arguments, line_end, turn)
        return arguments + line + 1 - at

    cdef int _execute(
        self, int operation, const char* arguments, const char* end, Turn turn
    ) except -1:
        if operation == PING:
            self.client.say(b"PONG\r\n", 6, turn)
            if not self.ended:          # the answer may have been one byte too many
                self.owner.ping()
        elif operation == PONG:
            self.owner.pong()
        elif operation == SUB:
            self._subscribe(arguments, end)
        elif operation == UNSUB:
            self._unsubscribe(arguments, end)
        elif operation == CONNECT:
            if arguments == end:
                raise _silent()
            self.owner.connect(arguments[: end - arguments])
        elif operation == INFO:
            if arguments == end or arguments[0] != c"{":
                raise _silent()
        elif operation == ERR:
            self.owner.peer_error(arguments[: end - arguments])
        return 0

    cdef int _subscribe(self, const char* arguments, const char* end) except -1:
        cdef Span tokens[TOKENS_MAX]
        cdef int count = _split(arguments, end, tokens)
        if count == 2:
            self.owner.subscribe(
                tokens[0].data[: tokens[0].size], b"", tokens[1].data[: tokens[1].size]
            )
        elif count == 3:
            self.owner.subscribe(
                tokens[0].data[: tokens[0].size], tokens[1].data[: tokens[1].size],
                tokens[2].data[: tokens[2].size],
            )
        else:
            raise _silent()
        return 0

    cdef int _unsubscribe(self, const char* arguments, const char* end) except -1:
        cdef Span tokens[TOKENS_MAX]
        cdef int count = _split(arguments, end, tokens)
        cdef Py_ssize_t most = 0
        if count == 2:
            most = _number(tokens[1])
            if most < 0:
                most = 0
        elif count != 1:
            raise _silent()
        self.owner.unsubscribe(tokens[0].data[: tokens[0].size], most)
        return 0
