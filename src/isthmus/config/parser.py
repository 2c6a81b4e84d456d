"""A configuration text into a tree of nodes: maps, arrays, variables and includes.

Owns the grammar of `docs/reference/configuration.md`. Knows no options; reads other files and the
environment only through what it is given.

    entry      key value, key = value, key : value, key { … }, include "file"
    between    entries: a new line, `,` or `;`      elements: a new line or `,`
    comments   # … and // … to the end of the line
    variable   $NAME: an earlier entry of this or an enclosing map, else the environment
    top        may be wrapped in { … }, so JSON is a configuration

A later entry replaces an earlier one of the same name; an entry's node has its key's position.
Invariant: nesting and includes are bounded by `DEPTH_MAX`, so any text parses or raises
`ConfigError`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from posixpath import dirname, join, normpath

from isthmus.config.errors import ConfigError, Position, refuse
from isthmus.config.lexer import Kind, Lexer

DEPTH_MAX = 64  # maps and arrays inside one another; includes inside includes

_BCRYPT = "2a$"  # a bare $2a$… is a hash, not a variable


class Node:
    """A value with its place. `used` tells that a variable referred to it: it may be no option."""

    __slots__ = ("position", "used", "value")

    def __init__(
        self,
        value: "str | int | float | bool | datetime | list[Node] | dict[str, Node]",
        position: Position,
    ) -> None:
        self.value = value
        self.position = position
        self.used = False


Read = Callable[[str], str]  # file name → text; raises OSError


def parse(
    text: str, *, file: str = "", read: Read | None = None, environment: Mapping[str, str]
) -> dict[str, Node]:
    """The entries of `text`. Without `read`, an include is an error."""
    return _Parser(text, file, read or _no_files, environment, includes=0, pending=()).parse()


def digest(entries: Mapping[str, Node]) -> str:
    """`sha256:…` of the entries, whatever their order and layout; the same as nats-server's."""
    return "sha256:" + hashlib.sha256(f"{_to_json(entries)}\n".encode()).hexdigest()


class _Parser:
    """One text on its way to entries."""

    def __init__(
        self,
        text: str,
        file: str,
        read: Read,
        environment: Mapping[str, str],
        *,
        includes: int,
        pending: tuple[str, ...],
    ) -> None:
        self._lexer = Lexer(text, file)
        self._file = file
        self._read = read
        self._environment = environment
        self._includes = includes  # how many files include this one
        self._pending = pending  # environment variables being read
        self._maps: list[dict[str, Node]] = []  # enclosing maps, outermost first
        self._depth = 0

    def parse(self) -> dict[str, Node]:
        lexer = self._lexer
        entries: dict[str, Node] = {}
        self._maps.append(entries)
        lexer.skip_comments()
        while not lexer.at_end:
            if lexer.peek("}"):
                raise lexer.error('this "}" closes nothing')
            if lexer.take("{"):
                self._entries(entries)
                self._entry_end("")
            else:
                self._entry(entries, top=True)
                self._entry_end("")
            lexer.skip_comments()
        return entries

    # ------------------------------------------------------------------ maps and arrays

    def _entries(self, into: dict[str, Node]) -> None:
        """Entries up to the closing brace, which is consumed."""
        lexer = self._lexer
        start = lexer.offset - 1
        lexer.skip_comments()
        while not lexer.take("}"):
            if lexer.at_end:
                raise lexer.error('the "{" here is never closed', start)
            if lexer.peek("]"):
                raise lexer.error('expected a name or "}", got "]"')
            self._entry(into, top=False)
            self._entry_end("}")
            lexer.skip_comments()

    def _entry(self, into: dict[str, Node], *, top: bool) -> None:
        lexer = self._lexer
        key, position, quoted = lexer.key()
        if not quoted and key.lower() == "include" and lexer.peek(" \t\r\n"):
            into.update(self._include())
            return
        lexer.skip_space()
        if lexer.take("=:"):
            if top:
                lexer.skip_blanks()
            else:
                lexer.skip_space()
        if lexer.at_end or lexer.peek("\r\n,;}]"):
            raise refuse(f'no value for "{key}"; got {lexer.found()}', position)
        into[key] = self._value(position)

    def _entry_end(self, closing: str) -> None:
        """A separator, or what closes the map; the latter stays."""
        lexer = self._lexer
        lexer.skip_to_line_end()
        if lexer.at_end or lexer.take("\r\n,;") or (closing and lexer.peek(closing)):
            return
        or_closing = f' or "{closing}"' if closing else ""
        raise lexer.error(
            f'expected a new line, ","{or_closing} after the value, got {lexer.found()}'
        )

    def _elements(self) -> list[Node]:
        """Elements up to the closing bracket, which is consumed."""
        lexer = self._lexer
        start = lexer.offset - 1
        elements = []
        lexer.skip_comments()
        while not lexer.take("]"):
            if lexer.at_end:
                raise lexer.error('the "[" here is never closed', start)
            if lexer.peek(",;}"):
                raise lexer.error(f'expected a value or "]", got {lexer.found()}')
            quoted = lexer.peek("\"'")  # a string's place is inside its quotes
            elements.append(self._value(lexer.position(lexer.offset + quoted)))
            lexer.skip_to_line_end()
            if not (lexer.at_end or lexer.take("\r\n,") or lexer.peek("]")):
                raise lexer.error(
                    f'expected ",", a new line or "]" after the value, got {lexer.found()}'
                )
            lexer.skip_comments()
        return elements

    def _value(self, position: Position) -> Node:
        lexer = self._lexer
        if lexer.peek("{["):
            if self._depth >= DEPTH_MAX:
                raise lexer.error(f"nested deeper than {DEPTH_MAX} levels")
            self._depth += 1
            node = self._list(position) if lexer.take("[") else self._map(position)
            self._depth -= 1
            return node
        scalar = lexer.scalar()
        if scalar.kind is Kind.VARIABLE:
            return Node(self._variable(str(scalar.value), position).value, position)
        return Node(scalar.value, position)

    def _list(self, position: Position) -> Node:
        return Node(self._elements(), position)

    def _map(self, position: Position) -> Node:
        self._lexer.take("{")
        entries: dict[str, Node] = {}
        self._maps.append(entries)
        self._entries(entries)
        self._maps.pop()
        return Node(entries, position)

    # ------------------------------------------------------------------ references

    def _variable(self, name: str, position: Position) -> Node:
        if name.startswith(_BCRYPT):
            return Node(f"${name}", position)
        if re.match(r"2[bxy]\$", name):
            raise refuse("a bcrypt hash that does not start with $2a$ needs quotes", position)
        for entries in reversed(self._maps):
            if name in entries:
                entries[name].used = True
                return entries[name]
        where = f"variable reference for '{name}' on line {self._lexer.position().line}"
        if name in self._pending:
            raise refuse(f"{where} could not be parsed: variable reference cycle for '{name}'")
        text = self._environment.get(name)
        if text is None:
            raise refuse(f"{where} can not be found")
        if not text.strip():
            return Node("", position)
        inner = _Parser(
            f"value={text}",
            "",
            self._read,
            self._environment,
            includes=self._includes,
            pending=(*self._pending, name),
        )
        try:
            return inner.parse()["value"]
        except ConfigError as error:
            raise refuse(f"{where} could not be parsed: {error}") from None

    def _include(self) -> dict[str, Node]:
        name = self._lexer.include_path()
        if self._includes >= DEPTH_MAX:
            raise refuse(f"error parsing include file '{name}', more than {DEPTH_MAX} levels deep")
        path = normpath(join(dirname(self._file), "./" + name))
        try:
            inner = _Parser(
                self._read(path),
                path,
                self._read,
                self._environment,
                includes=self._includes + 1,
                pending=self._pending,
            )
            return inner.parse()
        except OSError as error:
            reason = f"open {path}: {describe(error)}"
            raise refuse(f"error parsing include file '{name}', {reason}") from None
        except ConfigError as error:
            raise refuse(f"error parsing include file '{name}', {error}") from None


def describe(error: OSError) -> str:
    """The reason of an I/O error as servers write it: `no such file or directory`."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _no_files(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


def _to_json(value: object) -> str:
    """JSON with sorted keys and the escapes that keep it inert in HTML."""
    match value:
        case Node():
            return _to_json(value.value)
        case dict():
            parts = (f"{_to_json(key)}:{_to_json(value[key])}" for key in sorted(value))
            return "{" + ",".join(parts) + "}"
        case list():
            return "[" + ",".join(map(_to_json, value)) + "]"
        case datetime():
            return value.strftime('"%Y-%m-%dT%H:%M:%SZ"')
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case _:
            text = json.dumps(value, ensure_ascii=False)
            for character in "<>&\u2028\u2029":
                text = text.replace(character, f"\\u{ord(character):04x}")
            return text
