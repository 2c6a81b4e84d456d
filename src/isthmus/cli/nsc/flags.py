"""Command lines as the original tool reads them.

Owns the grammar of flags and the types of their values; click does the rest. Knows no verb. The
grammar differs from click's own where scripts depend on it: switches take `=false`, a bare
`--allow-pub-response` means 1, a list is comma-separated and may be repeated, `-rp` is two
switches, `-s=x` a value, and flags of a command may stand before its name.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from isthmus.base.quoting import quote
from isthmus.base.values import parse_duration_ns, parse_time_ns
from isthmus.cli.nsc.sizes import parse_number

F = TypeVar("F", bound=Callable[..., Any])


class Flag(click.Option):
    """A flag. `bare` is its value when it stands alone (empty: it needs one).

    `old` is a former name, taken but not shown.
    """

    def __init__(self, *args: Any, bare: str = "", old: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.bare = bare
        self.old = old

    @property
    def long(self) -> str:
        """Its long name, without dashes."""
        return max(self.opts, key=len).lstrip("-")

    @property
    def title(self) -> str:
        """Its names as error messages show them: `-s, --subject`."""
        return ", ".join(sorted(self.opts, key=len))

    def make_metavar(self, ctx: click.Context) -> str:
        """Switches show no value in the help."""
        if self.bare == "true":
            return ""
        shown = super().make_metavar(ctx)
        return f"[={self.bare}]" if self.bare else shown


class InvalidValueError(click.UsageError):
    """A flag's value is not what it should be."""

    def __init__(self, flag: click.Parameter | None, value: str, reason: object) -> None:
        title = flag.title if isinstance(flag, Flag) else "argument"
        super().__init__(f"invalid argument {quote(value)} for {quote(title)} flag: {reason}")


# -- the grammar -----------------------------------------------------------------------------------


def canonical(flags: Sequence[Flag], args: Sequence[str]) -> list[str]:
    """Rewrite a command's arguments as `--name=value` …, `--`, positional arguments."""
    names = _names(flags)
    found: list[str] = []
    positional: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if arg == "--":
            positional += rest
            break
        if arg.startswith("--"):
            found.append(_long(arg, names, rest))
        elif arg.startswith("-") and len(arg) > 1:
            found += _short(arg, names, rest)
        else:
            positional.append(arg)
    return [*found, "--", *positional]


def canonical_group(flags: Sequence[Flag], args: Sequence[str]) -> list[str]:
    """Rewrite a group's arguments: its own flags, the command, everything else in its order.

    A flag that is not the group's is the command's; like the original it is taken to have a value.
    """
    names = _names(flags)
    found: list[str] = []
    later: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        name = arg.partition("=")[0] if arg.startswith("--") else arg[:2]
        if not arg.startswith("-") or arg in {"-", "--"}:
            return [*found, arg, *later, *rest]
        if name not in names:
            later.append(arg)
            if "=" not in arg and len(name) == len(arg) and rest:
                later.append(rest.pop(0))
        elif arg.startswith("--"):
            found.append(_long(arg, names, rest))
        else:
            found += _short(arg, names, rest)
    return [*found, *later]


def _names(flags: Sequence[Flag]) -> dict[str, Flag]:
    return {name: flag for flag in flags for name in (*flag.opts, flag.old)}


def _long(arg: str, names: Mapping[str, Flag], rest: list[str]) -> str:
    name, equals, value = arg.partition("=")
    flag = names.get(name)
    if flag is None:
        raise click.UsageError(f"unknown flag: {name}")
    if not equals:
        if flag.bare:
            value = flag.bare
        elif rest:
            value = rest.pop(0)
        else:
            raise click.UsageError(f"flag needs an argument: {name}")
    return f"--{flag.long}={value}"


def _short(arg: str, names: Mapping[str, Flag], rest: list[str]) -> list[str]:
    found = []
    letters = arg[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = names.get(f"-{letter}")
        if flag is None:
            raise click.UsageError(f"unknown shorthand flag: {quote(letter)[1:-1]!r} in {arg}")
        if letters.startswith("="):
            value, letters = letters[1:], ""
        elif flag.bare:
            value = flag.bare
        elif letters:
            value, letters = letters, ""
        elif rest:
            value = rest.pop(0)
        else:
            raise click.UsageError(f"flag needs an argument: {letter!r} in {arg}")
        found.append(f"--{flag.long}={value}")
    return found


# -- the types -------------------------------------------------------------------------------------


class Parsed(click.ParamType[Any]):
    """A type made from a function that raises `ValueError` with one clear line."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or an error that names the flag."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            raise InvalidValueError(param, value, error) from None


def parse_boolean(text: str) -> bool:
    """`true` and `false` in each of the spellings the original takes."""
    if text in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if text in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_integer(text: str) -> int:
    """A whole number; `0x` and the like are understood."""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax") from None


def parse_unsigned(text: str) -> int:
    """A whole number that is not negative."""
    if not text.isdecimal():
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    return int(text)


def parse_duration(text: str) -> int:
    """Nanoseconds."""
    try:
        return parse_duration_ns(text)
    except ValueError:
        raise ValueError(f"time: invalid duration {quote(text)}") from None


def parse_moment(text: str) -> int:
    """Seconds since 1970 of an RFC 3339 time or a whole number; 0 stands for now."""
    if text.lstrip("-").isdecimal():
        return int(text)
    try:
        return parse_time_ns(text) // 1_000_000_000
    except ValueError:
        raise ValueError(
            f"provided value {quote(text)} is not a number nor parsable as RFC3339"
        ) from None


def parse_list(text: str) -> tuple[str, ...]:
    """Comma-separated values; one with a comma stands in double quotes."""
    if not text:
        return ()
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(f"parse error on line 1: {error}") from None
    return tuple(rows[0])


TEXT = Parsed("string", str)
BOOLEAN = Parsed("bool", parse_boolean)
INTEGER = Parsed("int", parse_integer)
UNSIGNED = Parsed("uint", parse_unsigned)
NUMBER = Parsed("number", parse_number)
DURATION = Parsed("duration", parse_duration)
MOMENT = Parsed("date-time", parse_moment)
LIST = Parsed("strings", parse_list)


def flag(
    *names: str,
    help: str,  # noqa: A002
    type: click.ParamType[Any] | None = None,  # noqa: A002
    **options: Any,
) -> Callable[[F], F]:
    """A flag with a value; `None` means it was not given."""
    return click.option(*names, cls=Flag, help=help, type=type or TEXT, **options)


def switch(*names: str, help: str, **options: Any) -> Callable[[F], F]:  # noqa: A002
    """A flag that is true when it stands alone."""
    return click.option(*names, cls=Flag, bare="true", help=help, type=BOOLEAN, **options)


def lists(*names: str, help: str, **options: Any) -> Callable[[F], F]:  # noqa: A002
    """A flag with a comma-separated list, repeatable; the values of all are one tuple."""
    return click.option(
        *names, cls=Flag, help=help, type=LIST, multiple=True, callback=_flatten, **options
    )


def _flatten(
    ctx: click.Context, param: click.Parameter, value: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    return tuple(item for part in value for item in part)
