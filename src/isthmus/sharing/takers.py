"""Who was given tokens for an export: lines in the export's description.

An account's token does not say for whom activations were issued, and there is no second place that
could. So `share` writes a line into the token itself, which every tool shows and none minds; lines
that people wrote stay as they are. Without such a line a taker is known only from its own account,
or once it is revoked.

    shared with AD7T… (ACCTB) since 2026-01-01T00:00:00Z until 2026-01-31T00:00:00Z

A description has a bound. Where it is reached, takers whose tokens count no more make room; if all
of them count, the new one is not written down.
"""

import re

import msgspec

from isthmus.base.values import NS_PER_S, Value, format_time, parse_time_ns
from isthmus.identity.claims import Export
from isthmus.identity.revocations import is_revoked
from isthmus.identity.urls import INFO_CHARS_MAX

_NAME_CHARS_MAX = 64
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_LINE = re.compile(
    rf"shared with (A[A-Z2-7]{{55}})(?: \((.*)\))? since ({_TIME})(?: until ({_TIME}))?"
)


class Taker(Value):
    """An account that has tokens for an export: issued when, good until when (0: no end)."""

    key: str
    name: str = ""
    since_s: int = 0
    until_s: int = 0


def takers(export: Export) -> tuple[Taker, ...]:
    """Whom tokens were issued for, as far as it is written down."""
    found = (_LINE.fullmatch(line) for line in export.description.splitlines())
    return tuple(
        Taker(
            key=line[1],
            name=line[2] or "",
            since_s=parse_time_ns(line[3]) // NS_PER_S,
            until_s=parse_time_ns(line[4]) // NS_PER_S if line[4] else 0,
        )
        for line in found
        if line
    )


def with_taker(export: Export, taker: Taker) -> Export:
    """`export` with `taker` written down; as it was if there is no room for it."""
    others = [line for line in export.description.splitlines() if not _about(line, taker.key)]
    spent = {_line(other) for other in takers(export) if _ended(export, other, taker.since_s)}
    while True:
        text = "\n".join([*others, _line(taker)])
        if len(text.encode()) <= INFO_CHARS_MAX:
            return msgspec.structs.replace(export, description=text)
        idle = next((line for line in others if line in spent), None)
        if idle is None:
            return export
        others.remove(idle)


def _line(taker: Taker) -> str:
    name = f" ({taker.name})" if taker.name else ""
    until = f" until {format_time(taker.until_s * NS_PER_S)}" if taker.until_s else ""
    return f"shared with {taker.key}{name} since {format_time(taker.since_s * NS_PER_S)}{until}"


def make_taker(key: str, name: str, since_s: int, until_s: int) -> Taker:
    """A taker whose name fits into a line."""
    shown = name if name.isprintable() and len(name) <= _NAME_CHARS_MAX else ""
    return Taker(key=key, name=shown, since_s=since_s, until_s=until_s)


def _about(line: str, key: str) -> bool:
    found = _LINE.fullmatch(line)
    return found is not None and found[1] == key


def _ended(export: Export, taker: Taker, now_s: int) -> bool:
    expired = 0 < taker.until_s <= now_s
    return expired or is_revoked(export.revocations, taker.key, taker.since_s)
