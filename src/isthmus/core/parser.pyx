# cython: boundscheck=False, wraparound=False, cdivision=True
"""Bytes to operations, for one connection; see `parser.pxd` for the picture.

Owns what a read leaves over. Knows the grammar and its limits, no accounts and no policy. Invariant:
any bytes either parse or raise `ProtocolError`, and never more is kept than one publication of
`payload_max` bytes plus one control line.
"""

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove

from isthmus.base.errors import ProtocolError
from isthmus.core.client cimport Client
from isthmus.core.message cimport Message, Span, span
from isthmus.core.turn cimport Turn

cdef enum:
    OPERATION_MAX = 16          # blanks and letters before the arguments of a control line
    TOKENS_MAX = 6

cdef Py_ssize_t PAYLOAD_BOUND = 2_147_483_647


def _unknown():
    return ProtocolError("Unknown Protocol Operation", reason="Parse Error")


def _silent():
    """Broken arguments end the connection without a word (measured on nats-server)."""
    return ProtocolError("", reason="Protocol Violation")


cdef inline bint _is(const char* data, const char* upper, int size) noexcept nogil:
    """The same letters, whatever their case."""
    cdef int at
    for at in range(size):
        if (data[at] & ~0x20) != upper[at]:
            return False
    return True


cdef inline Py_ssize_t _number(Span text) noexcept nogil:
    """A decimal number, or -1 if it is none or too large."""
    cdef Py_ssize_t at, out = 0
    if text.size == 0 or text.size > 18:
        return -1
    for at in range(text.size):
        if text.data[at] < c"0" or text.data[at] > c"9":
            return -1
        out = out * 10 + (text.data[at] - 48)
    return out


cdef inline int _split(const char* at, const char* end, Span* tokens) noexcept nogil:
    """Tokens between blanks; one more than TOKENS_MAX if there are more."""
    cdef int count = 0
    cdef const char* start
    while True:
        while at < end and (at[0] == c" " or at[0] == c"\t"):
            at += 1
        if at >= end:
            return count
        if count == TOKENS_MAX:
            return count + 1
        start = at
        while at < end and at[0] != c" " and at[0] != c"\t":
            at += 1
        tokens[count] = span(start, at - start)
        count += 1


cdef class ReadBuffer:
    """One per loop: every connection's reads land here, `size` bytes behind `headroom`."""

    def __init__(self, Py_ssize_t size=131_072, Py_ssize_t headroom=32_768):
        assert headroom >= 8192
        self.size = size
        self.headroom = headroom
        self.data = <char*> malloc(headroom + size)
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.data)


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
        """Parse nothing more until `resume`: somebody is being authenticated."""
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
        return PyMemoryView_FromMemory(
            self.shared.data + self.shared.headroom, self.shared.size, PyBUF_WRITE
        )

    def read(self, Py_ssize_t size, Turn turn not None) -> None:
        """`size` bytes arrived in `buffer()`."""
        cdef const char* data
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
        data = self.shared.data + self.shared.headroom - self.left_size
        if self.left_size:
            memcpy(<char*> data, self.left, self.left_size)
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

    cdef Py_ssize_t parse(self, const char* data, Py_ssize_t size, Turn turn) except -1:
        """Parse complete operations; bytes consumed. Sets `wanted` when a payload is incomplete."""
        cdef const char* at = data
        cdef const char* end = data + size
        cdef Py_ssize_t step
        while at < end and not self.held and not self.ended:
            if at + 4 < end and _is(at, b"PUB", 3) and (at[3] == c" " or at[3] == c"\t"):
                step = self._publication(at, at + 4, end, False, turn)
            elif at + 5 < end and _is(at, b"HPUB", 4) and (at[4] == c" " or at[4] == c"\t"):
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
        cdef Py_ssize_t size = (end if newline == NULL else newline) - arguments
        # the limit counts the arguments, without the line's end
        if size > self.control_line_max + 1 or (
            size > self.control_line_max and not (newline != NULL and newline[-1] == c"\r")
        ):
            raise ProtocolError(
                "maximum control line exceeded", reason="Maximum Control Line Exceeded"
            )
        return -1 if newline == NULL else size

    cdef Py_ssize_t _publication(
        self, const char* start, const char* arguments, const char* end, bint with_header, Turn turn
    ) except -1:
        """PUB or HPUB whose control line begins at `start`; bytes consumed, 0: incomplete."""
        cdef Span tokens[TOKENS_MAX]
        cdef Message message
        cdef const char* line_end
        cdef const char* body
        cdef Py_ssize_t line, total, header = 0
        cdef int count
        while arguments < end and (arguments[0] == c" " or arguments[0] == c"\t"):
            arguments += 1
        line = self._line_end(arguments, end)
        if line < 0:
            return 0
        if self.client.account is None:
            self.owner.first_operation()
            if self.client.account is None or self.held or self.ended:
                return 0
        line_end = arguments + line
        body = line_end + 1
        if line > 0 and line_end[-1] == c"\r":
            line_end -= 1
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
        if total > self.client.payload_max >= 0 or total > PAYLOAD_BOUND:
            raise ProtocolError(
                "Maximum Payload Violation", reason="Maximum Message Payload Exceeded"
            )
        if end - body < total + 2:
            self.wanted = (body - start) + total + 2
            return 0
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

    cdef Py_ssize_t _control(self, const char* at, const char* end, Turn turn) except -1:
        """Any other operation; bytes consumed, 0: incomplete."""
        cdef const char* name_end = at
        cdef const char* arguments
        cdef const char* line_end
        cdef Py_ssize_t line, name, consumed
        while name_end < end and name_end - at < 8 and name_end[0] not in b" \t\r\n":
            name_end += 1
        name = name_end - at
        if not self._may_begin(at, name):
            self._not_first()
            raise _unknown()
        if name_end == end:
            return 0
        if not self._known(at, name):
            self._not_first()
            raise _unknown()
        arguments = name_end
        while arguments < end and (arguments[0] == c" " or arguments[0] == c"\t"):
            arguments += 1
        line = self._line_end(arguments, end)
        if line < 0:
            return 0
        consumed = arguments - at + line + 1
        line_end = arguments + line
        if line > 0 and line_end[-1] == c"\r":
            line_end -= 1
        if name == 7 and _is(at, b"CONNECT", 7):
            self.owner.connect(arguments[: line_end - arguments])
            return consumed
        if self.client.account is None:
            self._not_first()
            if self.client.account is None or self.held or self.ended:
                return 0
        if name == 4 and _is(at, b"PING", 4):
            self.client.say(b"PONG\r\n", 6, turn)
            self.owner.ping()
        elif name == 4 and _is(at, b"PONG", 4):
            self.owner.pong()
        elif name == 3 and _is(at, b"SUB", 3):
            self._subscribe(arguments, line_end)
        elif name == 5 and _is(at, b"UNSUB", 5):
            self._unsubscribe(arguments, line_end)
        elif name == 4 and at[0] == c"-":
            self.owner.peer_error(arguments[: line_end - arguments])
        elif name == 3 and _is(at, b"PUB", 3) or name == 4 and _is(at, b"HPUB", 4):
            raise _silent()
        return consumed

    cdef int _not_first(self) except -1:
        """Anything but CONNECT before there is an account: the owner admits or raises."""
        if self.client.account is None:
            self.owner.first_operation()
        return 0

    cdef bint _may_begin(self, const char* at, Py_ssize_t size) noexcept:
        """True if the letters so far can still become an operation."""
        cdef int index
        cdef const char* names[10]
        cdef Py_ssize_t sizes[10]
        names[0] = b"PUB"; names[1] = b"HPUB"; names[2] = b"SUB"; names[3] = b"UNSUB"
        names[4] = b"PING"; names[5] = b"PONG"; names[6] = b"CONNECT"; names[7] = b"INFO"
        sizes[0] = 3; sizes[1] = 4; sizes[2] = 3; sizes[3] = 5
        sizes[4] = 4; sizes[5] = 4; sizes[6] = 7; sizes[7] = 4
        if size == 0:
            return False
        for index in range(8):
            if size <= sizes[index] and _is(at, names[index], <int> size):
                return True
        if at[0] == c"+":
            return size <= 3 and _is(at + 1, b"OK", <int> size - 1)
        if at[0] == c"-":
            return size <= 4 and _is(at + 1, b"ERR", <int> size - 1)
        return False

    cdef bint _known(self, const char* at, Py_ssize_t size) noexcept:
        """True if the whole name is an operation (given `_may_begin`)."""
        if at[0] == c"+":
            return size == 3
        if at[0] == c"-":
            return size == 4
        if size == 3:
            return _is(at, b"PUB", 3) or _is(at, b"SUB", 3)
        if size == 4:
            return (
                _is(at, b"PING", 4) or _is(at, b"PONG", 4) or _is(at, b"HPUB", 4)
                or _is(at, b"INFO", 4)
            )
        return size == 5 and _is(at, b"UNSUB", 5) or size == 7

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
