import pytest

from isthmus.cli.nats import formats

MS, S = 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (7, "7 B"),
        (172, "172 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (10_035, "9.8 KiB"),
        (10_240, "10 KiB"),
        (1_048_576, "1.0 MiB"),
        (10 * 1024**3, "10 GiB"),
    ],
)
def test_bytes_show_one_decimal_below_ten(size, text):
    assert formats.byte_count(size) == text


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0s"),
        (187_312, "187µs"),
        (250 * MS + 1, "250ms"),
        (30 * S, "30.00s"),
        (4_100 * MS, "4.10s"),
        (125 * S, "2m5s"),
        (3600 * S, "1h0m0s"),
        ((3 * 86_400 + 4 * 3600 + 5 * 60 + 6) * S, "3d4h5m6s"),
        (365 * 86_400 * S, "1y0d0h0m0s"),
        (2**63 - 1, "never"),
    ],
)
def test_durations_for_people(duration_ns, text):
    assert formats.age(duration_ns) == text


def test_the_zero_time_never_happened():
    assert formats.since("0001-01-01T00:00:00Z", 5 * S) == "never"
    assert formats.since("", 5 * S) == "never"


def test_how_long_ago_is_counted_from_now():
    assert formats.since("1970-01-01T00:00:02Z", 5 * S) == "3.00s"


def test_a_time_in_the_future_is_no_negative_age():
    assert formats.since("1970-01-01T00:00:09Z", 5 * S) == "0s"


def test_go_time_keeps_the_nanoseconds_and_trims_zeros():
    assert formats.go_time("2026-11-23T03:20:40.17075970Z") == (
        "2026-11-23 03:20:40.1707597 +0000 UTC"
    )
    assert formats.go_time("2026-11-23T03:20:40Z") == "2026-11-23 03:20:40 +0000 UTC"


def test_local_times(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    formats.datetime.now()
    assert formats.local_time("2026-11-03T03:20:40.9Z").endswith(":20:40")
    assert formats.stamp_time(1_793_676_040_170_759_701).endswith(":40.170759")


def test_counts_have_commas():
    assert formats.count(1_234_567) == "1,234,567"
    assert formats.limit(-1, "x") == formats.limit(0, "x") == "unlimited"
    assert formats.limit(5, "five") == "five"
