"""Request bodies into structs, by the rules of the original's decoder.

Names match without regard to case, the last of repeated members wins, objects and maps that come
twice are merged, `null` leaves a plain field as it was, several documents in one body are applied
one after the other, an unknown name is refused in strict mode. The first thing that does not fit is
reported with the original's text (`JsonError`).

A struct is read by its annotations: the integer kinds below carry the original's name and range; a
struct or tuple element whose name differs in the original says so in `go_name`.
"""

import re
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import (
    Annotated,
    Any,
    NamedTuple,
    Self,
    TypeGuard,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.jetstream.json_text import JsonError, Node, documents, single_document
from isthmus.jetstream.json_time import canonical_time


class IntegerKind(NamedTuple):
    """An integer of the original: its name there and its range."""

    go_name: str
    lowest: int
    highest: int


class TimeKind(NamedTuple):
    """A time, kept as RFC 3339 text in the zone it came with."""

    go_name: str = "time.Time"


_INT64 = msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)

Int = Annotated[int, IntegerKind("int", -(1 << 63), (1 << 63) - 1), _INT64]
Int32 = Annotated[int, IntegerKind("int32", -(1 << 31), (1 << 31) - 1)]
Int64 = Annotated[int, IntegerKind("int64", -(1 << 63), (1 << 63) - 1), _INT64]
Uint64 = Annotated[int, IntegerKind("uint64", 0, (1 << 64) - 1)]
Duration = Annotated[int, IntegerKind("time.Duration", -(1 << 63), (1 << 63) - 1), _INT64]
Time = Annotated[str, TimeKind()]

_INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)  # of 64 bits

T = TypeVar("T", bound=Value)
Kind = object  # a type, tuple[…], dict[str, str] or annotated integer, as in a struct's annotations
State = dict[str, Any]  # attributes read so far; a nested struct is a State until it is built
Path = tuple[str | int, ...]


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


def decode(kind: type[T], body: bytes, *, strict: bool = True) -> T:
    """The request in `body`, which may hold no document or several; raises `JsonError`."""
    decoder = _Decoder(kind, strict=strict)
    state: State = {}
    for node in documents(body):
        decoder.document(state, kind, node)
    return _build(kind, state)


def decode_single(kind: type[T], body: bytes) -> T:
    """The request in the one document of `body`, unknown names passed over."""
    state: State = {}
    _Decoder(kind, strict=False).document(state, kind, single_document(body))
    return _build(kind, state)


class _Member(NamedTuple):
    attribute: str
    json_name: str
    kind: Kind
    nullable: bool  # null forgets an earlier value: what is a pointer, list or map there


@cache
def _members(kind: type[Value]) -> dict[str, _Member]:
    """The fields of `kind` by case-folded JSON name."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        choices = [part for part in get_args(hint) if part is not NoneType]
        optional = NoneType in get_args(hint)
        nullable = optional or get_origin(hint) in {tuple, dict}
        json_name = field.encode_name
        found[json_name.casefold()] = _Member(
            field.name, json_name, choices[0] if optional else hint, nullable
        )
    return found


def _is_struct(kind: Kind) -> TypeGuard[type[Value]]:
    return isinstance(kind, type) and issubclass(kind, Value)


def _is_policy(kind: Kind) -> TypeGuard[type[Policy]]:
    return isinstance(kind, type) and issubclass(kind, Policy)


def _short_name(kind: type[Value]) -> str:
    return cast("str", getattr(kind, "go_name", kind.__name__))


def _go_type(kind: Kind) -> str:
    """The original's name of a kind."""
    if _is_struct(kind):
        return f"server.{_short_name(kind)}"
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        return "[]" + ("*" if getattr(element, "go_pointer", False) else "") + _go_type(element)
    if get_origin(kind) is dict:
        return f"map[string]{_go_type(get_args(kind)[1])}"
    if get_origin(kind) is Annotated:
        return cast("str", get_args(kind)[1].go_name)
    return "bool" if kind is bool else "string"


def _build(kind: type[T], state: State) -> T:
    for member in _members(kind).values():
        value = state.get(member.attribute)
        if isinstance(value, dict) and _is_struct(member.kind):
            state[member.attribute] = _build(member.kind, value)
    return kind(**state)


class _Decoder:
    """Reads nodes into states; knows the name of the outermost struct for the texts of errors."""

    def __init__(self, root: type[Value], *, strict: bool) -> None:
        self._root = _short_name(root)
        self._strict = strict

    def document(self, state: State, kind: type[Value], node: Node) -> None:
        if node.kind != "null":
            self._struct(state, kind, node, ())

    def _struct(self, state: State, kind: type[Value], node: Node, path: Path) -> None:
        if node.kind != "object":
            raise self._mismatch(node, _go_type(kind), path)
        table = _members(kind)
        for name, value in node.members:
            member = table.get(name.casefold())
            if member is not None:
                self._member(state, member, value, (*path, member.json_name))
            elif self._strict:
                raise JsonError(f"json: unknown field {quote(name)}")

    def _member(self, state: State, member: _Member, node: Node, path: Path) -> None:
        kind, attribute = member.kind, member.attribute
        if node.kind == "null" and not _is_policy(kind):
            if member.nullable:
                state.pop(attribute, None)
        elif _is_struct(kind):
            self._struct(state.setdefault(attribute, {}), kind, node, path)
        elif get_origin(kind) is dict:
            if node.kind != "object":
                raise self._mismatch(node, _go_type(kind), path)
            table = state.setdefault(attribute, {})
            for name, value in node.members:
                table[name] = self._scalar(get_args(kind)[1], value, (*path, name))
        elif get_origin(kind) is tuple:
            if node.kind != "array":
                raise self._mismatch(node, _go_type(kind), path)
            element = get_args(kind)[0]
            state[attribute] = tuple(
                self._element(element, value, (*path, position))
                for position, value in enumerate(node.elements)
            )
        else:
            state[attribute] = self._scalar(kind, node, path)

    def _element(self, kind: Kind, node: Node, path: Path) -> object:
        if not _is_struct(kind):
            return self._scalar(kind, node, path)
        state: State = {}
        if node.kind != "null":
            self._struct(state, kind, node, path)
        return _build(kind, state)

    def _scalar(self, kind: Kind, node: Node, path: Path) -> object:
        """A policy, time, integer, boolean or text; for null its zero value."""
        if _is_policy(kind):
            return kind.from_json(node)
        if kind is bool or kind is str:
            expected = "bool" if kind is bool else "string"
            if node.kind not in {expected, "null"}:
                raise self._mismatch(node, expected, path)
            return node.text == "true" if kind is bool else node.text * (node.kind == "string")
        detail = get_args(kind)[1]
        if isinstance(detail, TimeKind):
            if node.kind != "string":
                raise self._mismatch(node, detail.go_name, path)
            return canonical_time(node.text)
        if node.kind == "null":
            return 0
        fits = node.kind == "number" and _INTEGER.fullmatch(node.text)
        if not fits or not detail.lowest <= int(node.text) <= detail.highest:
            raise self._mismatch(node, detail.go_name, path, integer=True)
        return int(node.text)

    def _mismatch(
        self, node: Node, go_type: str, path: Path, *, integer: bool = False
    ) -> JsonError:
        """The error for a value of the wrong kind."""
        what = f"number {node.raw}" if integer and node.kind == "number" else node.kind
        place = f"Go value of type {go_type}"
        if path:
            struct = "" if isinstance(path[-1], int) else "Go struct field "
            place = f"{struct}{self._root}.{'.'.join(map(str, path))} of type {go_type}"
        return JsonError(f"json: cannot unmarshal {what} into {place}")
