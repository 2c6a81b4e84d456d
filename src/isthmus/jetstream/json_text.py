"""JSON text to a tree, with the texts the original's decoder finds for what is not JSON.

Clients see these texts in error 10025 and in the status line of a refused pull, so they are made
here and not taken from a library. A tree keeps what a library drops: the order of members, repeated
names, numbers as they were written, and the source text of each value.

    members    {"a": 1, "A": 2}  ->  [("a", 1), ("A", 2)]      the decoder decides what wins

Bytes that are not UTF-8 become U+FFFD, one each. Depth is bounded by `DEPTH_MAX`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from isthmus.base.quoting import back_quote, quote

DEPTH_MAX = 200  # nested arrays and objects; the deepest request has five

_BLANKS = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_NUMBER_STARTED = re.compile(
    r"-?(?:(?:0|[1-9]\d*)(?:\.(?:\d+(?:[eE][+-]?\d*)?)?|[eE][+-]?\d*)?)?", re.ASCII
)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]*")
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_LITERALS = {"t": ("bool", "true"), "f": ("bool", "false"), "n": ("null", "null")}
_ESCAPED = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip


class JsonError(ValueError):
    """Text that is not JSON, or JSON that does not fit the request; the text is the original's.

    `offset` counts the bytes read when it was found, for what is not JSON; else it is None.
    """

    def __init__(self, text: str, offset: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset


class Node(NamedTuple):
    """One value: `kind` is object, array, string, number, bool or null, `raw` its source text."""

    kind: str
    raw: str
    text: str = ""  # of a string, unescaped; of anything that holds no others, as written
    elements: "tuple[Node, ...]" = ()
    members: "tuple[tuple[str, Node], ...]" = ()


def documents(body: bytes) -> Iterator[Node]:
    """The documents of `body`, one after the other: usually one, none if it is blank."""
    reader = Reader(body)
    while not reader.at_end():
        yield reader.document()


def single_document(body: bytes) -> Node:
    """The one document of `body`; an empty body and anything behind the document are errors."""
    reader = Reader(body, "unexpected end of JSON input")
    node = reader.document()
    if not reader.at_end():
        raise reader.unexpected("after top-level value")
    return node


class Reader:
    """Reads JSON values from `body`; `_at` is where the next one begins."""

    def __init__(self, body: bytes, end_text: str = "unexpected EOF") -> None:
        self._text = body.decode("utf-8", "surrogateescape")
        self._end_text = end_text
        self._at = 0
        self._depth = 0

    def at_end(self) -> bool:
        """True if only blanks are left."""
        self._skip_blanks()
        return self._at == len(self._text)

    def document(self) -> Node:
        """The next value, and everything in it."""
        self._depth = 0
        return self._value("looking for beginning of value")

    def unexpected(self, where: str) -> JsonError:
        """The error for the character that stands here."""
        if self._at >= len(self._text):
            return JsonError(self._end_text)
        char = _well_formed(self._text[self._at])
        shown = {"'": "\\'", '"': '"'}.get(char) or quote(char)[1:-1]
        return JsonError(f"invalid character '{shown}' {where}", self._offset(self._at + 1))

    def _offset(self, end: int) -> int:
        return len(self._text[:end].encode("utf-8", "surrogateescape"))

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _next(self) -> str:
        """The next character that is not blank, or the empty string; it is not consumed."""
        char = self._text[self._at : self._at + 1]
        if char > " ":
            return char
        self._skip_blanks()
        return self._text[self._at : self._at + 1]

    def _value(self, where: str) -> Node:
        char = self._next()
        start = self._at
        text = ""
        elements: tuple[Node, ...] = ()
        members: tuple[tuple[str, Node], ...] = ()
        if char == "{":
            kind, members = "object", tuple(self._members())
        elif char == "[":
            kind, elements = "array", tuple(self._elements())
        elif char == '"':
            kind, text = "string", self._string()
        elif char == "-" or "0" <= char <= "9":
            kind, text = "number", self._number()
        elif char in _LITERALS:
            kind, text = self._literal(*_LITERALS[char])
        else:
            raise self.unexpected(where)
        return Node(kind, _well_formed(self._text[start : self._at]), text, elements, members)

    def _open(self) -> None:
        self._at += 1
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise JsonError("exceeded max depth", self._offset(self._at))

    def _members(self) -> list[tuple[str, Node]]:
        self._open()
        members: list[tuple[str, Node]] = []
        closed = self._next() == "}"
        while not closed:
            if self._next() != '"':
                raise self.unexpected("looking for beginning of object key string")
            name = self._string()
            if self._next() != ":":
                raise self.unexpected("after object key")
            self._at += 1
            members.append((name, self._value("looking for beginning of value")))
            closed = self._close_or_comma("}", "after object key:value pair")
        self._at += 1
        self._depth -= 1
        return members

    def _elements(self) -> list[Node]:
        self._open()
        elements: list[Node] = []
        closed = self._next() == "]"
        while not closed:
            elements.append(self._value("looking for beginning of value"))
            closed = self._close_or_comma("]", "after array element")
        self._at += 1
        self._depth -= 1
        return elements

    def _close_or_comma(self, close: str, where: str) -> bool:
        """True at the closing bracket; false behind a comma."""
        char = self._next()
        if char == close:
            return True
        if char != ",":
            raise self.unexpected(where)
        self._at += 1
        return False

    def _literal(self, kind: str, word: str) -> tuple[str, str]:
        for expected in word:
            if self._text[self._at : self._at + 1] != expected:
                raise self.unexpected(f"in literal {word} (expecting '{expected}')")
            self._at += 1
        return kind, word

    def _number(self) -> str:
        started = _NUMBER_STARTED.match(self._text, self._at)
        assert started is not None
        self._at = started.end()
        if _NUMBER.fullmatch(started.group()) is None:
            raise self.unexpected("in numeric literal")  # where digits had to stand
        return started.group()

    def _string(self) -> str:
        parts = []
        self._at += 1
        while True:
            match = _PLAIN.match(self._text, self._at)
            assert match is not None
            parts.append(match.group())
            self._at = match.end()
            char = self._text[self._at : self._at + 1]
            if char == '"':
                self._at += 1
                break
            if char != "\\":
                raise self.unexpected("in string")
            parts.append(self._escape())
        return _well_formed("".join(parts))

    def _escape(self) -> str:
        code = self._text[self._at + 1 : self._at + 2]
        if code in _ESCAPED and code:
            self._at += 2
            return _ESCAPED[code]
        if code == "u":
            return self._unicode_escape()
        if not code:
            raise JsonError(self._end_text)
        raise self._bad_escape(2)

    def _unicode_escape(self) -> str:
        digits = self._text[self._at + 2 : self._at + 6]
        if _HEXADECIMAL.fullmatch(digits) is None:
            raise self._bad_escape(2 + len(digits))
        if len(digits) < 4:
            raise JsonError(self._end_text)
        self._at += 6
        high = int(digits, 16)
        pair = _LOW_SURROGATE.match(self._text, self._at)
        if 0xD800 <= high < 0xDC00 and pair:
            self._at += 6
            return chr(0x10000 + ((high - 0xD800) << 10) + (int(pair[1], 16) - 0xDC00))
        return "\ufffd" if 0xD800 <= high < 0xE000 else chr(high)

    def _bad_escape(self, length: int) -> JsonError:
        sequence = _well_formed(self._text[self._at : self._at + length])
        text = f"invalid escape sequence {back_quote(sequence)} in string"
        return JsonError(text, self._offset(self._at + length))


def _well_formed(text: str) -> str:
    """`text` with U+FFFD for each byte that was not UTF-8."""
    return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)
