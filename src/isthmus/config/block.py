"""One map of a configuration, read along its table of the schema.

Owns the checks that every option shares: is the name known, is it implemented, has the value the
right type and size. Knows no option by name. What is wrong is added to the findings and the default
is returned, so that one run reports every mistake.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from isthmus.base.values import NS_PER_S, parse_duration_ns
from isthmus.config.errors import Finding, Position
from isthmus.config.parser import Node
from isthmus.config.schema import LOOKUP, SCHEMA, Option, Type

_SIZE_POWERS = {"K": 10, "M": 20, "G": 30, "T": 40}
_WORDS: dict[type, str] = {
    dict: "a map",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number with a fraction",
    datetime: "a time",
}


class Findings:
    """What is wrong so far, in the order in which it was found."""

    def __init__(self) -> None:
        self._found: list[Finding] = []

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> bool:
        """Something is wrong that keeps the server from starting."""
        return any(not finding.warning for finding in self._found)

    def error(self, text: str, position: Position | None) -> None:
        """Note an error."""
        self._found.append(Finding(text=text, position=position))

    def warning(self, text: str, position: Position | None) -> None:
        """Note a warning."""
        self._found.append(Finding(text=text, position=position, warning=True))


class Block:
    """A map node whose names were checked; values are checked as they are asked for."""

    def __init__(self, node: Node, table: str, findings: Findings) -> None:
        assert isinstance(node.value, dict)
        self.position = node.position
        self._table = table
        self._findings = findings
        self._nodes: dict[str, Node] = {}
        for key, entry in node.value.items():
            option = LOOKUP[table].get(key.lower())
            if option is None:
                if not entry.used:
                    findings.error(f'unknown field "{key}"', entry.position)
            elif not option.missing:
                self._nodes[option.name] = entry
            elif not (option.inert and _asks_for_nothing(entry.value)):
                text = f'"{key}" is not implemented in isthmus: {option.missing}'
                findings.error(text, entry.position)

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def node(self, name: str) -> Node | None:
        """The node of an option that is present."""
        return self._nodes.get(name)

    def place(self, name: str) -> Position:
        """Where an option stands; the map's place if it doesn't."""
        return self._nodes[name].position if name in self._nodes else self.position

    @property
    def inside(self) -> Position:
        """Where the first of its entries stands, for what concerns the map as a whole."""
        return next(iter(self._nodes.values())).position if self._nodes else self.position

    def wrong(self, name: str, text: str) -> None:
        """Note an error at an option."""
        self._findings.error(text, self.place(name))

    def doubt(self, name: str, text: str) -> None:
        """Note a warning at an option."""
        self._findings.warning(text, self.place(name))

    def fields(self) -> dict[str, Any]:
        """Values of the options that fill a field of their own, by field; absent ones left out."""
        out = {}
        for option in SCHEMA[self._table]:
            if option.field and option.name in self._nodes:
                value = self._value(option)
                if value is not None and not (option.zero_is_default and value == 0):
                    out[option.field] = value
        return out

    def _value(self, option: Option) -> str | int | bool | tuple[str, ...] | None:
        match option.type:
            case Type.TEXT:
                return self.text(option.name)
            case Type.TEXTS:
                return self.texts(option.name)
            case Type.FLAG:
                return self.flag(option.name)
            case Type.NUMBER | Type.SIZE | Type.STORAGE:
                return self.number(option.name)
            case Type.DURATION:
                return self.duration_ns(option.name)
            case _:
                raise AssertionError(f"{option.name} has no plain value")

    # ------------------------------------------------------------------ typed values
    # Each is None if the option is absent, or wrong and noted.

    def text(self, name: str) -> str | None:
        """A string."""
        value = self._raw(name)
        if isinstance(value, str):
            return value
        self._mismatch(name, "a string")
        return None

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self._raw(name)
        if isinstance(value, bool):
            return value
        self._mismatch(name, "a boolean")
        return None

    def number(self, name: str) -> int | None:
        """An integer within the option's bounds."""
        value = self._raw(name)
        option = LOOKUP[self._table][name]
        if option.type is Type.STORAGE and isinstance(value, str):
            value = self._storage(name, value)
        if isinstance(value, bool) or not isinstance(value, int):
            self._mismatch(name, "an integer")
            return None
        return self._bounded(option, value)

    def duration_ns(self, name: str) -> int | None:
        """A duration in nanoseconds, within the option's bounds."""
        value = self._raw(name)
        option = LOOKUP[self._table][name]
        if isinstance(value, int) and not isinstance(value, bool) and option.seconds:
            text = f'invalid use of field "{name}": {name} should be converted to a duration'
            self.doubt(name, text)
            return self._bounded(option, value * NS_PER_S)
        if not isinstance(value, str):
            self._mismatch(name, 'a duration such as "2s"')
            return None
        try:
            return self._bounded(option, parse_duration_ns(value))
        except ValueError as error:
            self.wrong(name, f"{name}: {error}")
            return None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A string, or an array of strings."""
        node = self._nodes.get(name)
        if node is None:
            return None
        if isinstance(node.value, str):
            return (node.value,)
        if not isinstance(node.value, list):
            self._mismatch(name, "a string or an array of strings")
            return None
        out = []
        for element in node.value:
            if isinstance(element.value, str):
                out.append(element.value)
            else:
                text = f"{name}: every element must be a string, not {word(element.value)}"
                self._findings.error(text, element.position)
        return tuple(out)

    def block(self, name: str) -> "Block | None":
        """The map of an option, read along the option's own table."""
        node = self._nodes.get(name)
        if node is None:
            return None
        if not isinstance(node.value, dict):
            self._mismatch(name, "a map")
            return None
        return Block(node, LOOKUP[self._table][name].block, self._findings)

    def blocks(self, name: str) -> "list[Block]":
        """The maps of an array."""
        node = self._nodes.get(name)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self._mismatch(name, "an array of maps")
            return []
        table = LOOKUP[self._table][name].block
        out = []
        for element in node.value:
            if isinstance(element.value, dict):
                out.append(Block(element, table, self._findings))
            else:
                text = f"{name}: expected a map, not {word(element.value)}"
                self._findings.error(text, element.position)
        return out

    def pairs(self, name: str) -> dict[str, Node]:
        """The entries of a map with free names."""
        node = self._nodes.get(name)
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self._mismatch(name, "a map")
            return {}
        return node.value

    # ------------------------------------------------------------------ inside

    def _raw(self, name: str) -> object:
        node = self._nodes.get(name)
        return None if node is None else node.value

    def _mismatch(self, name: str, expected: str) -> None:
        """Note a wrong type, unless the option is just absent."""
        if name in self._nodes:
            found = word(self._nodes[name].value)
            self.wrong(name, f"{name} must be {expected}, not {found}")

    def _bounded(self, option: Option, value: int) -> int | None:
        if option.most is not None and value > option.most:
            self.wrong(option.name, f"{option.name} value is too big; at most {option.most}")
            return None
        if option.least is not None and value < option.least:
            self.wrong(option.name, f"{option.name} value is too small; at least {option.least}")
            return None
        return value

    def _storage(self, name: str, text: str) -> int | None:
        """Bytes of a quoted size; wrong ones are noted and count as absent."""
        power = _SIZE_POWERS.get(text[-1:])
        if power is not None and text[:-1].removeprefix("-").isdecimal():
            return int(text[:-1]) << power
        self.wrong(name, f'{name}: a quoted size ends in K, M, G or T, for example "10G"')
        return 0


def word(value: object) -> str:
    """What kind of value this is, for people."""
    return _WORDS[type(value)]


def _asks_for_nothing(value: object) -> bool:
    return value is False or (value == 0 and isinstance(value, int))
