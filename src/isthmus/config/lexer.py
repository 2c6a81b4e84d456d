r"""Characters of a configuration text into keys and scalar values, each with its position.

Owns the place in one text and the spelling of scalars. Knows nothing of maps, arrays, variables or
options: `parser.py` says whether a key or a value comes next, since that decides how it is read.
No error quotes a value: it may be a password.

    key        ends at a blank, `=` or `:`;                 or 'quoted', or "quoted"
    string     bare: ends at a blank , ; ] } ' or the line  'raw'   "with \t \n \r \" \\ \x41"
    block      ( … ) where `)` stands alone on its line
    integer    -5  10  64k = 64000  64kb = 65536            number + letters not a size: a string
    float      1.5      address  127.0.0.1:4222 (a string)  time  2026-01-31T12:00:00Z
    boolean    true false yes no on off, any case           variable  $NAME

Invariant: `offset` only moves forward and never past the end, so reading terminates.
"""

import bisect
import re
from datetime import UTC, datetime
from enum import Enum

from isthmus.base.values import Value
from isthmus.config.errors import ConfigError, Position, refuse


class Kind(Enum):
    """What a scalar is."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIME = "time"
    VARIABLE = "variable"


class Scalar(Value):
    """A value as it stands in the text, converted; a variable is still its name."""

    kind: Kind
    value: str | int | float | bool | datetime
    position: Position


_BLANKS = re.compile(r"[ \t]*")
_SPACE = re.compile(r"\s*")
_COMMENT = re.compile(r"(?:#|//)[^\r\n]*")
_BARE_PATH = re.compile(r"[^\s;,}]+")
_KEY = re.compile(r"[^\s=:]+")
_BARE_PART = re.compile(r"[^\\\r\n;,\]} \t']*")
_QUOTED_PART = re.compile(r'[^\\"]*')
_BLOCK = re.compile(r"\((.*?\n)\)(?=\n|\Z)", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ADDRESS = re.compile(r"\d+\.\d+\.[\d.:\-]*")
_FLOAT = re.compile(r"-?\d+\.\d+")
_INTEGER = re.compile(r"(-?\d+)([kmgtpe][bi]*)?(?=[\s;,\]}]|\Z)", re.IGNORECASE)
_LOOKS_NUMERIC = re.compile(r"\d+[-.]")
_LITERALS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", '"': '"', "\\": "\\"}
_POWERS = "kmgtpe"
_INT64 = 2**63


class Lexer:
    """One text and the place up to which it was read."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self.offset = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    # ------------------------------------------------------------------ places

    def position(self, offset: int | None = None) -> Position:
        """Where `offset` (or the place now) is."""
        offset = self.offset if offset is None else offset
        line = bisect.bisect_right(self._line_starts, offset)
        before = self._text[self._line_starts[line - 1] : offset]
        column = len(before.encode("utf-8", "surrogatepass")) + (line > 1)
        return Position(file=self._file, line=line, column=column)

    def error(self, text: str, offset: int | None = None) -> ConfigError:
        """An error at `offset` (or at the place now)."""
        return refuse(text, self.position(offset))

    def found(self) -> str:
        """What stands here, for an error message."""
        if self.at_end:
            return "the end of the file"
        here = self._text[self.offset]
        return "the end of the line" if here in "\r\n" else repr(here)

    # ------------------------------------------------------------------ structure

    @property
    def at_end(self) -> bool:
        """Nothing is left."""
        return self.offset >= len(self._text)

    def peek(self, characters: str) -> bool:
        """One of `characters` stands here."""
        return not self.at_end and self._text[self.offset] in characters

    def take(self, characters: str) -> bool:
        """Go past one of `characters` if it stands here."""
        if not self.peek(characters):
            return False
        self.offset += 1
        return True

    def skip_blanks(self) -> None:
        """Go past blanks and tabs."""
        self._skip(_BLANKS)

    def skip_space(self) -> None:
        """Go past blanks and new lines."""
        self._skip(_SPACE)

    def skip_comments(self) -> None:
        """Go past blanks, new lines and comments."""
        self._skip(_SPACE)
        while self._skip(_COMMENT):
            self._skip(_SPACE)

    def skip_to_line_end(self) -> None:
        """Go past blanks and a comment, not past the new line."""
        self._skip(_BLANKS)
        self._skip(_COMMENT)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self.offset)
        if match is None:
            return ""
        self.offset = match.end()
        return match[0]

    # ------------------------------------------------------------------ keys and values

    def key(self) -> tuple[str, Position, bool]:
        """The key here, its place, and whether it was quoted."""
        start = self.offset
        if self.peek("\"'"):
            quote = self._text[start]
            end = self._text.find(quote, start + 1)
            if end < 0:
                raise self.error(f"the key that starts here has no closing {quote}")
            self.offset = end + 1
            return self._text[start + 1 : end], self.position(start + 1), True
        name = self._skip(_KEY)
        if not name:
            raise self.error(f"expected a name, got {self.found()}")
        bare, brace, _ = name.partition("{")
        if brace and bare:
            raise self.error(f'put a blank between "{bare}" and "{{"', start)
        return name, self.position(start), False

    def include_path(self) -> str:
        """The file name after `include`."""
        self.skip_blanks()
        if self.at_end or self.peek("[{(-\\\r\n0123456789"):
            raise self.error(f"expected a file name after include, got {self.found()}")
        if not self.peek("\"'"):
            return self._skip(_BARE_PATH)  # ./a and ../a are fine here, unlike in values
        value = self.scalar()
        if value.kind is not Kind.STRING:
            raise self.error("expected a file name after include")
        return str(value.value)

    def scalar(self) -> Scalar:
        """The value here, which is neither a map nor an array."""
        start = self.offset
        if self.take("'"):
            return self._raw(start)
        if self.take('"'):
            return self._quoted(start)
        if self.peek("("):
            return self._block(start)
        if self.peek("-0123456789"):
            number = self._number(start)
            if number is not None:
                return number
        if self.peek("."):
            raise self.error("a number starts with a digit")
        return self._bare(start)

    def _raw(self, start: int) -> Scalar:
        end = self._text.find("'", self.offset)
        if end < 0:
            raise self.error("the string that starts here has no closing '", start)
        value = self._text[self.offset : end]
        self.offset = end + 1
        return Scalar(kind=Kind.STRING, value=value, position=self.position(start + 1))

    def _quoted(self, start: int) -> Scalar:
        parts = [self._skip(_QUOTED_PART)]
        while self.take("\\"):
            parts.extend((self._escape(), self._skip(_QUOTED_PART)))
        if not self.take('"'):
            raise self.error('the string that starts here has no closing "', start)
        return Scalar(kind=Kind.STRING, value=_join(parts), position=self.position(start + 1))

    def _escape(self) -> str:
        letter = self._text[self.offset : self.offset + 1]
        if letter == "x":
            digits = self._text[self.offset + 1 : self.offset + 3]
            if not re.fullmatch("[0-9a-fA-F]{2}", digits):
                raise self.error(r"\x needs two hexadecimal digits, for example \x41")
            self.offset += 3
            return bytes.fromhex(digits).decode("utf-8", "surrogateescape")
        if letter not in _ESCAPES or not letter:
            raise self.error(rf"unknown escape \{letter}; known are \xXX \t \n \r \" \\")
        self.offset += 1
        return _ESCAPES[letter]

    def _block(self, start: int) -> Scalar:
        match = _BLOCK.match(self._text, start)
        if match is None:
            raise self.error('the block that starts here needs a line with ")" alone', start)
        self.offset = match.end()
        return Scalar(kind=Kind.STRING, value=match[1], position=self.position(start + 1))

    def _number(self, start: int) -> Scalar | None:
        """A number, address or time; None if it only starts like one and is a string."""
        position = self.position(start)
        if text := self._skip(_TIME):
            return Scalar(kind=Kind.TIME, value=self._time(text, start), position=position)
        if text := self._skip(_ADDRESS):
            return Scalar(kind=Kind.STRING, value=text, position=position)
        if text := self._skip(_FLOAT):
            return Scalar(kind=Kind.FLOAT, value=float(text), position=position)
        match = _INTEGER.match(self._text, start)
        if match is not None:
            self.offset = match.end()
            value = self._integer(match[1], match[2] or "", start)
            return Scalar(kind=Kind.INTEGER, value=value, position=position)
        if self.peek("-") or _LOOKS_NUMERIC.match(self._text, start):
            raise self.error("not a number or a time; quote a string that starts like one")
        return None

    def _time(self, text: str, start: int) -> datetime:
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise self.error("there is no such day or time", start) from None

    def _integer(self, digits: str, suffix: str, start: int) -> int:
        value = int(digits) if len(digits) < 25 else _INT64
        if suffix:
            if len(suffix) > 1 and suffix[1:].lower() not in {"b", "i", "ib"}:
                raise self.error("unknown size suffix; known are k, kb, ki, kib, m, mb, …", start)
            value *= (1024 if suffix[1:] else 1000) ** (_POWERS.index(suffix[0].lower()) + 1)
        if not -_INT64 <= value < _INT64:
            raise self.error("the integer is out of the range of 64 bits", start)
        return value

    def _bare(self, start: int) -> Scalar:
        parts = [self._skip(_BARE_PART)]
        while self.take("\\"):
            parts.extend((self._escape(), self._skip(_BARE_PART)))
        self.take("'")  # ends a bare string too
        text = _join(parts)
        position = self.position(start)
        if len(parts) == 1 and text.lower() in _LITERALS:
            return Scalar(kind=Kind.BOOLEAN, value=_LITERALS[text.lower()], position=position)
        if len(parts) == 1 and text.startswith("$"):
            return Scalar(kind=Kind.VARIABLE, value=text[1:], position=position)
        return Scalar(kind=Kind.STRING, value=text, position=position)


def _join(parts: list[str]) -> str:
    """Text and escaped bytes together: two escaped bytes may be one letter."""
    if len(parts) == 1:
        return parts[0]
    return "".join(parts).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
