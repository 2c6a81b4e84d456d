"""What a mapped subject becomes: the text of a destination into the parts of a rewriting.

    source  orders.*.>     destination  v2.{{partition(3,1)}}.$1.>

`$1` and `{{wildcard(1)}}` stand for wildcards of the source, `>` for its rest, the other functions
are those of `core/substitution.pxd`. A wildcard may stand several times, or nowhere; number 0 (and
any below) is the first token of the subject, as nats-server has it. A source without wildcards
leaves `partition` and `random`, which then look at all of it. A dot ends a token in `{{…}}` too.
"""

import re
from typing import NamedTuple

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.core.rewriting import Rewriting
from isthmus.core.substitution import Substitution

Part = bytes | int | Substitution

_NAMED = re.compile(r"\$([+-]?\d{1,9})", re.ASCII)
_CALL = re.compile(r"\{\{\s*(\w+)\s*\((.*)\)\s*\}\}")
_NUMBER_MAX = 2**31 - 1
# where a name may have a capital letter, besides at its beginning
_NAMES = {
    "wildcard": "wildcard",
    "partition": "partition",
    "random": "random",
    "left": "left",
    "right": "right",
    "split": "split",
    "splitfromleft": "splitFromLeft",
    "splitfromright": "splitFromRight",
    "slicefromleft": "sliceFromLeft",
    "slicefromright": "sliceFromRight",
}


def make_rewriting(source: str, destination: str) -> Rewriting:
    """The rewriting from `source` to `destination`. Raises `UsageError` for what does not fit."""
    tokens = destination.split(".")
    if not subjects.valid(re.sub(r"\{\{[^.]*?\}\}", "x", destination)):
        raise UsageError("invalid mapping destination: invalid transform")
    stars, rest = _wildcards(source)
    wild = _Wild(stars, stars + rest) if stars or rest else None
    if "*" in tokens or ("*" not in tokens and (">" in tokens) != rest):
        raise UsageError("invalid subject")
    parts: list[Part] = []
    text = ""
    for place, token in enumerate(tokens):
        text += "." if place else ""
        part: Part = stars if token == ">" else _part(token, wild)
        if isinstance(part, bytes):
            text += token
            continue
        if text:
            parts.append(text.encode())
            text = ""
        parts.append(part)
    if text:
        parts.append(text.encode())
    return Rewriting(source.encode(), parts)


def identity(subject: str) -> Rewriting:
    """The rewriting that leaves subjects of the pattern as they are."""
    stars, _ = _wildcards(subject)
    numbers = iter(range(1, stars + 1))
    same = [f"${next(numbers)}" if token == "*" else token for token in subject.split(".")]
    return make_rewriting(subject, ".".join(same))


def _wildcards(source: str) -> tuple[int, bool]:
    tokens = source.split(".")
    return tokens.count("*"), tokens[-1] == ">"


class _Wild(NamedTuple):
    """What a destination may refer to in a source that has wildcards."""

    stars: int
    first: int  # what a rewriting calls the first token


def _part(token: str, wild: _Wild | None) -> Part:
    """What a token stands for; `wild` is what the source has, None for a literal one."""
    named = _NAMED.fullmatch(token)
    if named is not None:
        return _wildcard(token, named[1], wild)
    if "{{" not in token:
        return token.encode()
    call = _CALL.fullmatch(token)
    name = "" if call is None else _canonical(call[1])
    if call is None or not name:
        raise UsageError(f"invalid mapping destination: unknown function in {token}")
    arguments = [argument.strip() for argument in call[2].split(",")]
    if name == "partition":
        return _partition(token, arguments, wild)
    if name in {"wildcard", "random"}:
        _require_count(token, arguments, 1)
        if name == "wildcard":
            return _wildcard(token, arguments[0], wild)
        return Substitution("random", (), _positive(token, arguments[0]))
    _require_count(token, arguments, 2)
    wildcard = _wildcard(token, arguments[0], wild)
    if name == "split":
        if " " in arguments[1] or not arguments[1]:
            raise _bad_argument(token)
        return Substitution(name, (wildcard,), 0, arguments[1].encode())
    number = _number(token, arguments[1])
    return Substitution(name, (wildcard,), number) if number > 0 else wildcard


def _canonical(name: str) -> str:
    """The function of a name as people write it; empty if there is none."""
    known = _NAMES.get(name.lower(), "")
    fits = all(
        mine == theirs.lower() or (mine == theirs.upper() and (at == 0 or theirs.isupper()))
        for at, (mine, theirs) in enumerate(zip(name, known, strict=False))
    )
    return known.lower() if known and fits else ""


def _partition(token: str, arguments: list[str], wild: _Wild | None) -> Substitution:
    number = _positive(token, arguments[0])
    if wild is None:
        return Substitution("partition", (), number)
    wildcards = [_wildcard(token, argument, wild) for argument in arguments[1:]]
    return Substitution("partition", wildcards, number)


def _require_count(token: str, arguments: list[str], count: int) -> None:
    if len(arguments) < count or not arguments[0]:
        raise UsageError(
            "invalid mapping destination: not enough arguments passed to the function in " + token
        )
    if len(arguments) > count:
        raise UsageError(
            "invalid mapping destination: too many arguments passed to the function in " + token
        )


def _wildcard(token: str, text: str, wild: _Wild | None) -> int:
    """A wildcard of the source, counted from 0, or its first token."""
    number = _number(token, text)
    if wild is not None and number < 1:
        return wild.first
    if wild is None or number > wild.stars:
        which = "" if wild is None else f": [{number}]"
        raise UsageError(
            f"invalid mapping destination: wildcard index out of range in {token}{which}"
        )
    return number - 1


def _positive(token: str, text: str) -> int:
    number = _number(token, text)
    if number < 1:
        raise _bad_argument(token)
    return number


def _number(token: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) or abs(int(text)) > _NUMBER_MAX:
        raise _bad_argument(token)
    return int(text)


def _bad_argument(token: str) -> UsageError:
    return UsageError(
        "invalid mapping destination: function argument is invalid or in the wrong format in "
        + token
    )
