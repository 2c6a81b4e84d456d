"""From where and at what time of day a user may connect.

Time zones are data of the machine, so they come in as a function from name to `tzinfo`, which gives
None for a name it does not know; the empty name is the server's own zone.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import TimeRange
from isthmus.identity.validate import parse_network

Zones = Callable[[str], tzinfo | None]


def only_utc(name: str) -> tzinfo | None:
    """The `Zones` of who has no time zone data: the server's own zone is UTC."""
    return UTC if name in {"", "UTC"} else None


def from_allowed_network(address: str, sources: Iterable[str]) -> bool:
    """True if `address` lies in one of `sources`, or if there are none."""
    networks = [parse_network(source) for source in sources]
    if not networks:
        return True
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(network is not None and peer in network for network in networks)


def window_end_ns(windows: Sequence[TimeRange], zone: tzinfo, now_ns: int) -> int | None:
    """When the window that is open now closes; None if none is open.

    A window from 23:00 to 01:00 is open at half past midnight too.
    """
    now = datetime.fromtimestamp(now_ns // NS_PER_S, zone)
    ends = []
    for window in windows:
        start, end = _clock_time(window.start), _clock_time(window.end)
        if start is None or end is None:
            continue
        days = 1 if end < start else 0
        for back in range(days + 1):
            day = now.date() - timedelta(days=back)
            opens = datetime.combine(day, start, zone)
            closes = datetime.combine(day + timedelta(days=days), end, zone)
            if opens <= now < closes:
                ends.append(int(closes.timestamp()) * NS_PER_S)
    return max(ends, default=None)


def _clock_time(text: str) -> time | None:
    try:
        hour, minute, second = (
            int(part) for part in text.replace(",", ".").partition(".")[0].split(":")
        )
        return time(hour, minute, second)
    except ValueError:
        return None
