"""What a field of a request may hold, where its Python type does not say all of it.

An annotation carries the original's name of the kind, for the texts of errors, and its range.
Knows no struct and no body: `decoding` reads those.
"""

from enum import StrEnum
from typing import Annotated, NamedTuple, Self

import msgspec

from isthmus.base.quoting import quote
from isthmus.jetstream.json_text import JsonError, Node


class IntegerKind(NamedTuple):
    """An integer of the original: its name there and its range."""

    go_name: str
    lowest: int
    highest: int


class TimeKind(NamedTuple):
    """A time, kept as RFC 3339 text in the zone it came with."""

    go_name: str = "time.Time"


class ProseKind(NamedTuple):
    """A text that may be long: rules say how long."""

    go_name: str = "string"


_INT64 = msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)

Int = Annotated[int, IntegerKind("int", -(1 << 63), (1 << 63) - 1), _INT64]
Int32 = Annotated[int, IntegerKind("int32", -(1 << 31), (1 << 31) - 1)]
Int64 = Annotated[int, IntegerKind("int64", -(1 << 63), (1 << 63) - 1), _INT64]
Uint64 = Annotated[int, IntegerKind("uint64", 0, (1 << 64) - 1)]
Duration = Annotated[int, IntegerKind("time.Duration", -(1 << 63), (1 << 63) - 1), _INT64]
Time = Annotated[str, TimeKind()]
Prose = Annotated[str, ProseKind()]


class Policy(StrEnum):
    """One of a few words; anything else is refused with the original's text."""

    @classmethod
    def from_json(cls, node: Node) -> Self:
        """The policy that `node` spells, letter by letter."""
        for policy in cls:
            if node.raw == f'"{policy.value}"':
                return policy
        raise cls.refusal(node)

    @classmethod
    def refusal(cls, node: Node) -> JsonError:
        """Why `node` is none of the words."""
        return JsonError(f"can not unmarshal {quote(node.raw)}")
