"""Flags of a command line as Go programs read them.

Owns the syntax and its error texts: `-x v`, `--x v`, `-x=v`; a boolean takes its value only after
`=`; the first word that is no flag, or `--`, ends the flags. Knows no flag: the table is given.

    -p 4222  --port=4222  -D  -D=false  -js --name n1  version
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from isthmus.base.errors import UsageError
from isthmus.base.values import Value

_BOOLEANS = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)
_INT64 = 2**63
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<digits>0[xX][0-9a-fA-F]{1,64}|0[bB][01]{1,64}|0[oO]?(?P<octal>[0-7]{1,64})"
    r"|0|[1-9][0-9]{0,64})"
)


class Flag(Value, kw_only=False):
    """One flag: its names, what it takes, and its line of the help."""

    names: tuple[str, ...]
    kind: Literal["boolean", "integer", "text"]
    about: str
    target: str = ""  # what it sets, in the words of whoever owns the table
    value: str = ""  # the name of its value in the help
    missing: str = ""  # not implemented: what to do instead


class FlagError(UsageError):
    """A command line that is misused."""


class Given(Value):
    """One flag as it stands on a command line."""

    flag: Flag
    name: str
    value: bool | int | str


def lookup(flags: Sequence[Flag]) -> dict[str, Flag]:
    """The flags by each of their names."""
    return {name: flag for flag in flags for name in flag.names}


def parse(args: Sequence[str], flags: Mapping[str, Flag]) -> tuple[list[Given], list[str]]:
    """The flags at the start of `args`, in order, and the words that follow them."""
    given = []
    rest = list(args)
    while rest:
        word = rest[0]
        if len(word) < 2 or not word.startswith("-"):
            break
        rest.pop(0)
        if word == "--":
            break
        body = word[2:] if word.startswith("--") else word[1:]
        name, equals, text = body.partition("=")
        if not name or name.startswith("-"):
            raise FlagError(f"bad flag syntax: {word}")
        flag = flags.get(name)
        if flag is None:
            raise FlagError(f"flag provided but not defined: -{name}")
        if flag.kind != "boolean" and not equals:
            if not rest:
                raise FlagError(f"flag needs an argument: -{name}")
            text = rest.pop(0)
        elif not equals:
            text = "true"
        given.append(Given(flag=flag, name=name, value=_CONVERT[flag.kind](name, text)))
    return given, rest


def _boolean(name: str, text: str) -> bool:
    if text not in _BOOLEANS:
        raise FlagError(f'invalid boolean value "{text}" for -{name}: parse error')
    return _BOOLEANS[text]


def _integer(name: str, text: str) -> int:
    """Decimal, or with the prefixes 0x, 0o, 0b; a leading 0 is octal, as in Go."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise FlagError(f'invalid value "{text}" for flag -{name}: parse error')
    digits, octal = match["digits"], match["octal"]
    value = int(match["sign"] + (f"0o{octal}" if octal else digits), 0)
    if not -_INT64 <= value < _INT64:
        raise FlagError(f'invalid value "{text}" for flag -{name}: value out of range')
    return value


def _text(_name: str, text: str) -> str:
    return text


_CONVERT: dict[str, Callable[[str, str], bool | int | str]] = {
    "boolean": _boolean,
    "integer": _integer,
    "text": _text,
}
