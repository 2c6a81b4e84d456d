import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.base.values import format_time, parse_time_ns
from isthmus.jetstream.json_text import JsonError
from isthmus.jetstream.json_time import ZERO_TIME, canonical_time, in_utc


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (ZERO_TIME, ZERO_TIME),
        ("2020-01-01T00:00:00.120+01:00", "2020-01-01T00:00:00.12+01:00"),
        ("2020-01-01T00:00:00.1234567891Z", "2020-01-01T00:00:00.123456789Z"),
        ("2020-01-01T0:00:00Z", "2020-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00,5Z", "2020-01-01T00:00:00.5Z"),
        ("2020-01-01T00:00:00.000+00:00", "2020-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00-00:30", "2020-01-01T00:00:00-00:30"),
        ("2020-02-29T23:59:59Z", "2020-02-29T23:59:59Z"),
    ],
)
def test_a_time_keeps_its_zone_and_loses_idle_digits(text, canonical):
    assert canonical_time(text) == canonical


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("", 'cannot parse "" as "2006"'),
        ("2020", 'cannot parse "" as "-"'),
        ("2020-01-01 00:00:00Z", 'cannot parse " 00:00:00Z" as "T"'),
        ("2020-01-01T00:00:00", 'cannot parse "" as "Z07:00"'),
        ("2020-13-01T00:00:00Z", "month out of range"),
        ("2021-02-29T00:00:00Z", "day out of range"),
        ("2020-01-01T24:00:00Z", "hour out of range"),
        ("2020-01-01T00:60:00Z", "minute out of range"),
        ("2020-01-01T00:00:60Z", "second out of range"),
        ("2020-01-01T00:00:00+25:00", "time zone offset hour out of range"),
        ("2020-01-01T00:00:00+01:61", "time zone offset minute out of range"),
        ("2020-01-01T00:00:00Zx", 'extra text: "x"'),
    ],
)
def test_what_is_no_time_is_said_as_the_original_says_it(text, end):
    with pytest.raises(JsonError) as found:
        canonical_time(text)
    assert found.value.text.startswith(f'parsing time "{text}"')
    assert found.value.text.endswith(": " + end)


@given(st.integers(min_value=1, max_value=4_000_000_000_000_000_000))
def test_our_own_times_are_canonical(wall_ns):
    text = format_time(wall_ns)
    assert canonical_time(text) == text
    assert parse_time_ns(text) == wall_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-01T00:30:00.25+01:00", "2025-12-31T23:30:00.25Z"),
        ("9999-12-31T23:59:59.123456789+01:00", "9999-12-31T22:59:59.123456789Z"),
        ("0999-06-01T00:00:00-02:30", "0999-06-01T02:30:00Z"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_a_time_in_utc(text, expected):
    assert in_utc(text) == expected
