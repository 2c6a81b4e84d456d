"""JSON text, value by value, with the texts the original's decoder finds for what is not JSON.

Clients see these texts in error 10025 and in the status line of a refused pull, so they are made
here and not taken from a library; strings, which are what is long, a library reads. Whoever reads
sees what a library drops: the order of members, repeated names, numbers as they were written, and
the source text of each value.

    {"a": [1], "A": null}     object  name a  array  number 1  end  name A  null  end

Bytes that are not UTF-8 become U+FFFD, one each. Depth is bounded by `DEPTH_MAX`, and costs no
stack. A step costs a few microseconds, however long the body; a reader counts them, and is `tired`
when it is time to let others go on. Invariant: `_open` holds how each array and object that stands
around the next step is closed.
"""

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # it is public all the same
from typing import NamedTuple

from isthmus.base.quoting import back_quote, quote
from isthmus.base.slices import Sliced

DEPTH_MAX = 10_000  # nested arrays and objects, as in the original
SLICE = 100  # steps without a pause: a third of a millisecond
REPLACED_MAX = 5000  # characters of one text that are none
NUMBER_MAX = 16_384  # characters of a number
BLANKS_MAX = 65_536  # in a row
UNCLEAN_MAX = 65_536  # bytes of a body that is not UTF-8

_STEP_BYTES = 1024  # of a string: what costs about as much as a step
_BLANKS = re.compile(r"[ \t\r\n]*")
_NUMBER_STARTED = re.compile(
    r"-?(?:(?:0|[1-9]\d*)(?:\.(?:\d+(?:[eE][+-]?\d*)?)?|[eE][+-]?\d*)?)?", re.ASCII
)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]*")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LITERALS = {"t": ("bool", "true"), "f": ("bool", "false"), "n": ("null", "null")}
_CLOSERS = {"{": ("object", "}"), "[": ("array", "]")}
_ESCAPES = frozenset('"\\/bfnrt')
_ANY_VALUE = "looking for beginning of value"
_ANY_NAME = "looking for beginning of object key string"
_BEHIND = {"]": "after array element", "}": "after object key:value pair"}


class JsonError(ValueError):
    """Text that is not JSON, or JSON that does not fit the request; the text is the original's.

    `offset` counts the bytes read when it was found, for what is not JSON; else it is None.
    """

    def __init__(self, text: str, offset: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset


class NotJsonError(JsonError):
    """Text that is not JSON: told before anything that does not fit."""


class Node(NamedTuple):
    """One value: `kind` is object, array, string, number, bool or null, `raw` its source text."""

    kind: str
    raw: str


class Reader:
    """Reads `body` in steps. `end_text` is the error where it ends too early."""

    def __init__(self, body: bytes, end_text: str = "unexpected EOF") -> None:
        self.text = ""  # of the last name, string (unescaped), number, bool or null
        self._text = _decoded(body)
        self._end_text = end_text
        self._at = 0
        self._start = 0  # of the last value
        self._open: list[str] = []
        self._state = "value"  # value, first (of an array or object), name, after (a value)
        self._left = SLICE

    def at_end(self) -> bool:
        """True if only blanks are left."""
        return not self._char()

    @property
    def tired(self) -> bool:
        """True once after every slice."""
        if self._left > 0:
            return False
        self._left = SLICE
        return True

    @property
    def depth(self) -> int:
        """How many arrays and objects stand around what comes next."""
        return len(self._open)

    def step(self) -> str:
        """Read on: the kind of the value that begins or stands here, or `name`, or `end`."""
        self._left -= 1
        char = self._char()
        state = self._state
        if self._open:
            closer = self._open[-1]
            if state == "after":
                if char == closer:
                    return self._close()
                if char != ",":
                    raise self.unexpected(_BEHIND[closer])
                self._at += 1
                char = self._char()
                state = "name" if closer == "}" else "value"
            elif state == "first":
                if char == closer:
                    return self._close()
                state = "name" if closer == "}" else "value"
            if state == "name":
                return self._name(char)
        return self._value(char)

    def leave(self, depth: int) -> Sliced[None]:
        """Read on until no more than `depth` arrays and objects are open."""
        while len(self._open) > depth:
            self.step()
            if self.tired:
                yield

    def node(self, kind: str) -> Node:
        """The value of `kind` that has just been read to its end."""
        return Node(kind, _well_formed(self._text[self._start : self._at]))

    def whole(self, kind: str) -> Sliced[Node]:
        """The array or object of `kind` that has just begun; it is read to its end."""
        start = self._start
        yield from self.leave(self.depth - 1)
        self._start = start
        return self.node(kind)

    def unexpected(self, where: str) -> NotJsonError:
        """The error for the character that stands here."""
        if self._at >= len(self._text):
            return NotJsonError(self._end_text)
        char = _well_formed(self._text[self._at])
        shown = {"'": "\\'", '"': '"'}.get(char) or quote(char)[1:-1]
        return NotJsonError(f"invalid character '{shown}' {where}", self._offset(self._at + 1))

    def _offset(self, end: int) -> int:
        return len(self._text[:end].encode("utf-8", "surrogateescape"))

    def _char(self) -> str:
        """The next character that is not blank, or the empty string; it is not consumed."""
        char = self._text[self._at : self._at + 1]
        if char > " ":
            return char
        match = _BLANKS.match(self._text, self._at, self._at + BLANKS_MAX)
        assert match is not None
        if match.end() == self._at + BLANKS_MAX:
            raise NotJsonError(f"{BLANKS_MAX} blanks or more in a row")
        self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _close(self) -> str:
        self._at += 1
        self._open.pop()
        self._state = "after" if self._open else "value"
        return "end"

    def _name(self, char: str) -> str:
        if char != '"':
            raise self.unexpected(_ANY_NAME)
        self.text = self._string()
        if self._char() != ":":
            raise self.unexpected("after object key")
        self._at += 1
        self._state = "value"
        return "name"

    def _value(self, char: str) -> str:
        self._start = self._at
        if char in _CLOSERS:
            kind, closer = _CLOSERS[char]
            self._at += 1
            self._open.append(closer)
            self._state = "first"
            if len(self._open) > DEPTH_MAX:
                raise NotJsonError("exceeded max depth", self._offset(self._at))
            return kind
        if char == '"':
            kind, self.text = "string", self._string()
        elif char == "-" or "0" <= char <= "9":
            kind, self.text = "number", self._number()
        elif char in _LITERALS:
            kind, self.text = self._literal(*_LITERALS[char])
        else:
            raise self.unexpected(_ANY_VALUE)
        self._state = "after" if self._open else "value"
        return kind

    def _literal(self, kind: str, word: str) -> tuple[str, str]:
        for expected in word:
            if self._text[self._at : self._at + 1] != expected:
                raise self.unexpected(f"in literal {word} (expecting '{expected}')")
            self._at += 1
        return kind, word

    def _number(self) -> str:
        started = _NUMBER_STARTED.match(self._text, self._at, self._at + NUMBER_MAX)
        assert started is not None
        self._at = started.end()
        digits = started.group()
        if len(digits) == NUMBER_MAX:
            raise NotJsonError(f"number of {NUMBER_MAX} characters or more")
        if not "0" <= digits[-1] <= "9":
            raise self.unexpected("in numeric literal")  # where digits had to stand
        return digits

    def _string(self) -> str:
        start = self._at
        try:
            text, self._at = scanstring(self._text, start + 1, True)
        except JSONDecodeError as error:
            raise self._broken_string(error.pos, start) from None
        self._left -= (self._at - start) // _STEP_BYTES
        return _well_formed(text)

    def _broken_string(self, near: int, start: int) -> JsonError:
        """The error in the string that begins at `start`; the library found it `near`."""
        text = self._text
        if near == start:
            return NotJsonError(self._end_text)  # there is no quote behind it
        if text[near] < " ":
            self._at = near
            return self.unexpected("in string")
        self._at = near if text[near] == "\\" else near - 1
        code = text[self._at + 1 : self._at + 2]
        digits = text[self._at + 2 : self._at + 6] if code == "u" else ""
        if not code or code in _ESCAPES or (code == "u" and _HEXADECIMAL.fullmatch(digits)):
            return NotJsonError(self._end_text)  # it is fine as far as it goes
        end = self._at + 2 + len(digits)
        shown = back_quote(_well_formed(text[self._at : end]))
        return NotJsonError(f"invalid escape sequence {shown} in string", self._offset(end))


def _well_formed(text: str) -> str:
    """`text` with U+FFFD for each byte that was not UTF-8."""
    if text.isascii() or _encodable(text):
        return text
    text, replaced = _SURROGATES.subn("\ufffd", text, REPLACED_MAX)
    if replaced == REPLACED_MAX:
        raise NotJsonError(f"{REPLACED_MAX} characters or more of a text are not UTF-8")
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decoded(body: bytes) -> str:
    """Text in which a byte that is not UTF-8 is half of a character."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        if len(body) > UNCLEAN_MAX:
            text = f"{len(body)} bytes that are not UTF-8: at most {UNCLEAN_MAX}"
            raise NotJsonError(text) from None
        return body.decode("utf-8", "surrogateescape")
