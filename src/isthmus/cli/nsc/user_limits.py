"""What `edit user` and `edit signing-key` do to limits: how much, which connections, where, when.

Owns the forms of those flags' values and the lines of the report. Knows no store and no keys.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.flags import INTEGER, NUMBER, Parsed, flag, lists, switch
from isthmus.cli.nsc.report import Report
from isthmus.identity.claims import TimeRange, UserLimits

F = TypeVar("F", bound=Callable[..., Any])
L = TypeVar("L", bound=UserLimits)
CONNECTION_TYPES = (
    "STANDARD",
    "WEBSOCKET",
    "LEAFNODE",
    "LEAFNODE_WS",
    "MQTT",
    "MQTT_WS",
    "IN_PROCESS",
)
_RANGE = re.compile(r"(\d\d:\d\d:\d\d)-(\d\d:\d\d:\d\d)")


class UserLimitFlags(Value):
    """What the flags said; `None` and empty lists were not given."""

    payload: int | None = None
    data: int | None = None
    subs: int | None = None
    bearer: bool | None = None
    conn_type: tuple[str, ...] = ()
    rm_conn_type: tuple[str, ...] = ()
    source_network: tuple[str, ...] = ()
    rm_source_network: tuple[str, ...] = ()
    time: tuple[TimeRange, ...] = ()
    rm_time: tuple[str, ...] = ()
    locale: str | None = None


def parse_range(text: str) -> TimeRange:
    """`hh:mm:ss-hh:mm:ss`."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f'require format: "15:04:05-15:04:05" got {quote(text)}')
    return TimeRange(start=match[1], end=match[2])


def parse_zone(text: str) -> str:
    """The name of a time zone this machine knows; empty is the server's own."""
    import zoneinfo

    try:
        if text:
            zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {text}") from None
    return text


def user_limit_flags(command: F) -> F:
    """Add the flags to a command."""
    ranges = Parsed("time-ranges", parse_range)
    zone = Parsed("time-zone", parse_zone)
    kinds = " ".join(CONNECTION_TYPES)
    decorators = [
        flag("--payload", type=NUMBER, help="bytes of one message (-1 is no limit)"),
        flag("--data", type=NUMBER, help="bytes (carried, not enforced by servers)"),
        flag("--subs", type=INTEGER, help="subscriptions (-1 is no limit)"),
        switch("--bearer", help="the token alone is enough: no proof of the key is asked for"),
        lists("--conn-type", help=f"allow kinds of connections: {kinds}"),
        lists("--rm-conn-type", help="remove kinds of connections"),
        lists("--source-network", help="add networks (CIDR) to connect from"),
        lists("--rm-source-network", help="remove networks"),
        flag("--time", type=ranges, multiple=True, help="add a daily window: hh:mm:ss-hh:mm:ss"),
        lists("--rm-time", help="remove windows by their start"),
        flag("--locale", type=zone, help="time zone of the windows"),
    ]
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def apply(flags: UserLimitFlags, body: L, report: Report) -> L:
    """`body` as the flags change it; each change is a line of the report."""
    changes: dict[str, Any] = {}
    numbers = (
        ("payload", flags.payload, "changed max imports to {}"),  # the original's wording
        ("data", flags.data, "changed max data to {}"),
        ("subs", flags.subs, "changed max number of subs to {}"),
    )
    for field, value, text in numbers:
        if value is not None:
            changes[field] = value
            report.ok(text.format(value))
    if flags.bearer is not None:
        changes["bearer_token"] = flags.bearer
        report.ok(
            f"changed bearer to {str(flags.bearer).lower()}"
            if flags.bearer != body.bearer_token
            else f"ignoring change to bearer - value is already {str(flags.bearer).lower()}"
        )
    changes["connection_types"] = _connection_types(body, flags, report)
    changes["sources"] = _sources(body, flags, report)
    changes["times"] = _times(body, flags, report)
    if flags.locale is not None:
        changes["zone"] = flags.locale
    return msgspec.structs.replace(body, **changes)


def _connection_types(body: UserLimits, flags: UserLimitFlags, report: Report) -> tuple[str, ...]:
    kinds = list(body.connection_types)
    for text in flags.conn_type:
        kind = text.strip().upper()
        if kind not in CONNECTION_TYPES:
            raise CommandError(
                f"unknown connection type {kind}", hint=f"one of: {', '.join(CONNECTION_TYPES)}"
            )
        kinds += [] if kind in kinds else [kind]
        report.ok(f"added connection type {kind}")
    for text in flags.rm_conn_type:
        kind = text.strip().upper()
        kinds = [known for known in kinds if known != kind]
        report.ok(f"removed connection type {kind}")
    return tuple(kinds)


def _sources(body: UserLimits, flags: UserLimitFlags, report: Report) -> tuple[str, ...]:
    before = body.sources.split(",") if isinstance(body.sources, str) else body.sources
    networks = {network for network in before if network}
    for network in flags.source_network:
        networks.add(network.strip().lower())
        report.ok(f"added src network {network}")
    for network in flags.rm_source_network:
        networks.discard(network.strip().lower())
        report.ok(f"removed src network {network}")
    return tuple(sorted(networks))


def _times(body: UserLimits, flags: UserLimitFlags, report: Report) -> tuple[TimeRange, ...]:
    times = list(body.times)
    for window in flags.time:
        times += [] if window in times else [window]
        report.ok(f"added time range {window.start}-{window.end}")
    for start in flags.rm_time:
        gone = [window for window in times if window.start == start]
        if not gone:
            raise CommandError(f"there is no time range that starts at {start}")
        for window in gone:
            report.ok(f"removed time range {window.start}-{window.end}")
        times = [window for window in times if window.start != start]
    return tuple(times)
