"""Request bodies into structs, by the rules of the original's decoder.

Names match without regard to case, the last of repeated members wins, objects and maps that come
twice are merged, `null` leaves a plain field as it was, several documents in one body are applied
one after the other, an unknown name is refused in strict mode. The first thing that does not fit is
reported with the original's text (`JsonError`); but what is not JSON is told first.

A struct is read by its annotations (`json_kinds`); a struct or tuple element whose name differs in
the original says so in `go_name`.

    decode(kind, body)        at once: for what is short, and for tests
    reading(kind, body)       in slices: nobody waits for a megabyte

Nothing is held but what is kept. A text that is no `Prose` has at most `TEXT_MAX` characters; of a
list, more than `LISTED_MAX` elements are read but only one more is kept: the rules refuse it.
"""

import re
from functools import cache
from types import NoneType
from typing import (
    Annotated,
    Any,
    NamedTuple,
    TypeGuard,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.slices import Sliced, at_once
from isthmus.base.values import Value
from isthmus.jetstream.json_kinds import IntegerKind, Policy, Prose, ProseKind, TimeKind
from isthmus.jetstream.json_text import JsonError, NotJsonError, Reader
from isthmus.jetstream.json_time import canonical_time

TEXT_MAX = 16_384  # characters: a control line of usual size holds a quarter
WORD_MAX = 4096  # characters of a name of a field, a word of a policy, a time
LISTED_MAX = 1000  # elements of a list that a request means

_NESTED = ("object", "array")
_INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)  # of 64 bits

T = TypeVar("T", bound=Value)
Kind = object  # a type, tuple[…], dict[str, str] or annotated integer, as in a struct's annotations
State = dict[str, Any]  # attributes read so far; a nested struct is a State until it is built
Path = tuple[str | int, ...]


def decode(kind: type[T], body: bytes, *, strict: bool = True) -> T:
    """The request in `body`, which may hold no document or several; raises `JsonError`."""
    return at_once(reading(kind, body, strict=strict))


def decode_single(kind: type[T], body: bytes) -> T:
    """The request in the one document of `body`, unknown names passed over."""
    return at_once(reading_single(kind, body))


def reading(kind: type[T], body: bytes, *, strict: bool = True) -> Sliced[T]:
    """`decode` in slices."""
    reader = Reader(body)
    decoder = _Decoder(reader, kind, strict=strict)
    state: State = {}
    while not reader.at_end():
        misfit = yield from decoder.document(state, kind)
        if misfit is not None:
            raise misfit
        if reader.tired:
            yield
    return _build(kind, state)


def reading_single(kind: type[T], body: bytes) -> Sliced[T]:
    """`decode_single` in slices."""
    reader = Reader(body, "unexpected end of JSON input")
    state: State = {}
    misfit = yield from _Decoder(reader, kind, strict=False).document(state, kind)
    if not reader.at_end():
        raise reader.unexpected("after top-level value")
    if misfit is not None:
        raise misfit
    return _build(kind, state)


def without_fields(body: bytes) -> bool:
    """True if `body` is empty, or is one object without members."""
    try:
        reader = Reader(body)
        return not body or (
            reader.step() == "object" and reader.step() == "end" and reader.at_end()
        )
    except JsonError:
        return False


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
    """Reads values into states; knows the name of the outermost struct for the texts of errors."""

    def __init__(self, reader: Reader, root: type[Value], *, strict: bool) -> None:
        self._reader = reader
        self._root = _short_name(root)
        self._strict = strict

    def document(self, state: State, kind: type[Value]) -> Sliced[JsonError | None]:
        """One document, to its end; what does not fit in it."""
        try:
            found = self._reader.step()
            if found != "null":
                yield from self._struct(state, kind, found, ())
        except NotJsonError:
            raise
        except JsonError as error:
            misfit = error
        else:
            return None
        yield from self._reader.leave(0)
        return misfit

    def _struct(self, state: State, kind: type[Value], found: str, path: Path) -> Sliced[None]:
        if found != "object":
            raise self._mismatch(found, _go_type(kind), path)
        reader = self._reader
        table = _members(kind)
        while reader.step() == "name":
            name = reader.text
            member = table.get(name.casefold())
            if member is not None:
                yield from self._member(state, member, (*path, member.json_name))
            elif self._strict:
                raise JsonError(f"json: unknown field {quote(_short(name, path, WORD_MAX))}")
            elif reader.step() in _NESTED:
                yield from reader.leave(reader.depth - 1)
            if reader.tired:
                yield

    def _member(self, state: State, member: _Member, path: Path) -> Sliced[None]:
        kind, attribute = member.kind, member.attribute
        found = self._reader.step()
        if found == "null" and not _is_policy(kind):
            if member.nullable:
                state.pop(attribute, None)
        elif _is_struct(kind):
            yield from self._struct(state.setdefault(attribute, {}), kind, found, path)
        elif get_origin(kind) is dict:
            yield from self._map(state.setdefault(attribute, {}), kind, found, path)
        elif get_origin(kind) is tuple:
            state[attribute] = yield from self._list(kind, found, path)
        elif _is_policy(kind) and found in _NESTED:
            node = yield from self._reader.whole(found)
            _short(node.raw, path, WORD_MAX)
            raise kind.refusal(node)
        else:
            state[attribute] = self._scalar(_meaning(kind), found, path)

    def _map(self, table: State, kind: Kind, found: str, path: Path) -> Sliced[None]:
        if found != "object":
            raise self._mismatch(found, _go_type(kind), path)
        reader = self._reader
        element = _meaning(Prose if kind == dict[str, str] else get_args(kind)[1])
        while reader.step() == "name":
            name = reader.text
            table[name] = self._scalar(element, reader.step(), (*path, name))
            if reader.tired:
                yield

    def _list(self, kind: Kind, found: str, path: Path) -> Sliced[tuple[object, ...]]:
        if found != "array":
            raise self._mismatch(found, _go_type(kind), path)
        reader = self._reader
        element = get_args(kind)[0]
        meaning = None if _is_struct(element) else _meaning(element)
        out: list[object] = []
        position = 0
        while (found := reader.step()) != "end":
            place = (*path, position)
            if meaning is None:
                value: object = yield from self._element(element, found, place)
            else:
                value = self._scalar(meaning, found, place)
            if position <= LISTED_MAX:
                out.append(value)
            position += 1
            if reader.tired:
                yield
        return tuple(out)

    def _element(self, kind: type[Value], found: str, path: Path) -> Sliced[Value]:
        state: State = {}
        if found != "null":
            yield from self._struct(state, kind, found, path)
        return _build(kind, state)

    def _scalar(self, meaning: object, found: str, path: Path) -> object:
        """A policy, time, integer, boolean or text; for null its zero value."""
        if isinstance(meaning, IntegerKind):
            return self._integer(meaning, found, path)
        if meaning is str:
            return _short(self._text(found, path), path)
        if isinstance(meaning, ProseKind):
            return self._text(found, path)
        text = self._reader.text
        if meaning is bool:
            if found not in {"bool", "null"}:
                raise self._mismatch(found, "bool", path)
            return text == "true"
        if isinstance(meaning, TimeKind):
            if found != "string":
                raise self._mismatch(found, meaning.go_name, path)
            return canonical_time(_short(text, path, WORD_MAX))
        assert _is_policy(meaning), meaning
        node = self._reader.node(found)
        _short(node.raw, path, WORD_MAX)
        return meaning.from_json(node)

    def _integer(self, meaning: IntegerKind, found: str, path: Path) -> int:
        if found == "null":
            return 0
        text = self._reader.text
        fits = found == "number" and _INTEGER.fullmatch(text)
        if not fits or not meaning.lowest <= int(text) <= meaning.highest:
            raise self._mismatch(found, meaning.go_name, path, integer=True)
        return int(text)

    def _text(self, found: str, path: Path) -> str:
        if found not in {"string", "null"}:
            raise self._mismatch(found, "string", path)
        return self._reader.text if found == "string" else ""

    def _mismatch(
        self, found: str, go_type: str, path: Path, *, integer: bool = False
    ) -> JsonError:
        """The error for a value of the wrong kind."""
        what = f"number {self._reader.text}" if integer and found == "number" else found
        place = f"Go value of type {go_type}"
        if path:
            struct = "" if isinstance(path[-1], int) else "Go struct field "
            place = f"{struct}{self._root}.{'.'.join(map(str, path))} of type {go_type}"
        return JsonError(f"json: cannot unmarshal {what} into {place}")


def _meaning(kind: Kind) -> object:
    """What says how a scalar is read: its detail, or its type."""
    return get_args(kind)[1] if get_origin(kind) is Annotated else kind


def _short(text: str, path: Path, most: int = TEXT_MAX) -> str:
    """`text`, if it is no longer than anything that is meant."""
    if len(text) > most:
        where = f" in {'.'.join(map(str, path))}" if path else ""
        raise JsonError(f"text of {len(text)} characters{where}: at most {most}")
    return text
