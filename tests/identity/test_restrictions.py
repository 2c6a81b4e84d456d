from datetime import UTC, datetime, timedelta, timezone

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import TimeRange
from isthmus.identity.restrictions import from_allowed_network, only_utc, window_end_ns

DAY = (TimeRange(start="08:00:00", end="18:00:00"),)
NIGHT = (TimeRange(start="23:00:00", end="01:00:00"),)


def at(hour, minute=0, second=0, day=5):
    return int(datetime(2026, 3, day, hour, minute, second, tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("address", "sources", "allowed"),
    [
        ("10.1.2.3", (), True),
        ("", (), True),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8", "11.0.0.0/8"), True),
        ("12.1.2.3", ("10.0.0.0/8", "11.0.0.0/8"), False),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("10.1.2.3", ("::ffff:10.1.2.3/128",), True),
        ("10.1.2.3", ("::ffff:a00:0/104",), True),
        ("10.1.2.3", ("::ffff:11.0.0.0/104",), False),
        ("10.1.2.3", ("::ffff:0:0/96",), True),
        ("10.1.2.3", ("::ffff:0:0/95",), False),
        ("10.1.2.3", ("::/0",), False),
        ("10.1.2.3", ("::10.1.2.3/128",), False),
        ("::1", ("::/64",), True),
        ("::1", ("10.0.0.0/8",), False),
        ("nonsense", ("0.0.0.0/0",), False),
        ("10.1.2.3", ("nonsense",), False),
    ],
)
def test_the_peer_is_in_an_allowed_network(address, sources, allowed):
    assert from_allowed_network(address, sources) is allowed


@pytest.mark.parametrize(
    ("windows", "now_ns", "end_ns"),
    [
        (DAY, at(12), at(18)),
        (DAY, at(8), at(18)),
        (DAY, at(18), None),
        (DAY, at(7, 59, 59), None),
        (NIGHT, at(23, 30), at(1, day=6)),
        (NIGHT, at(0, 30), at(1)),
        (NIGHT, at(1), None),
        (NIGHT, at(22), None),
        ((*DAY, *NIGHT), at(0, 30), at(1)),
        ((*DAY, TimeRange(start="10:00:00", end="20:00:00")), at(12), at(20)),
        ((TimeRange(start="8:00:00.5", end="18:00:00"),), at(12), at(18)),
        ((TimeRange(start="x", end="18:00:00"),), at(12), None),
        ((), at(12), None),
    ],
)
def test_the_open_window_ends(windows, now_ns, end_ns):
    assert window_end_ns(windows, UTC, now_ns) == end_ns


def test_windows_are_in_their_own_zone():
    zone = timezone(timedelta(hours=-5))
    assert window_end_ns(DAY, zone, at(12)) is None
    assert window_end_ns(DAY, zone, at(13)) == at(23)


def test_without_zone_data_only_utc_is_known():
    assert only_utc("") is UTC
    assert only_utc("UTC") is UTC
    assert only_utc("Europe/Berlin") is None
