from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.cli.nsc.moments import (
    format_distance,
    format_local,
    format_moment,
    format_rfc1123,
    parse_moment_s,
    titled,
)

NOW = int(datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC).timestamp())
PACIFIC = timezone(timedelta(hours=-8), "PST")


def parsed(text: str) -> str:
    return format_moment(parse_moment_s("expiry", text, NOW, UTC))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", ""),
        ("0", ""),
        ("0d", ""),
        ("2030-05-01", "2030-05-01 00:00:00 UTC"),
        ("2030-05-01 10:20:30 UTC", "2030-05-01 10:20:30 UTC"),
        ("5m", "2026-01-31 12:05:00 UTC"),
        ("2h", "2026-01-31 14:00:00 UTC"),
        ("-2h", "2026-01-31 10:00:00 UTC"),
        ("1d", "2026-02-01 12:00:00 UTC"),
        ("2w", "2026-02-14 12:00:00 UTC"),
        ("1M", "2026-03-03 12:00:00 UTC"),
        ("-1M", "2025-12-31 12:00:00 UTC"),
        ("1y", "2027-01-31 12:00:00 UTC"),
        ("x30dy", "2026-03-02 12:00:00 UTC"),
    ],
)
def test_dates_and_distances(text, moment):
    assert parsed(text) == moment


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("soon", 'expiry "soon" is invalid: couldn\'t parse expiry: soon'),
        ("1x", 'expiry "1x" is invalid: couldn\'t parse expiry: 1x'),
        ("1.5d", 'expiry "1.5d" is invalid: start/expiry must be an integer value: 1.5d'),
        ("2030-13-01", 'expiry "2030-13-01" is invalid'),
        ("99999y", 'expiry "99999y" is invalid'),
    ],
)
def test_bad_moments_are_one_line(text, complaint):
    with pytest.raises(ValueError, match=r".") as caught:
        parsed(text)
    assert str(caught.value).startswith(complaint)


@given(st.text(max_size=20))
def test_any_text_is_a_moment_or_a_clear_line(text):
    try:
        parse_moment_s("start", text, NOW, UTC)
    except ValueError as error:
        assert str(error).startswith("start ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (1, "in 1 second"),
        (59, "in 59 seconds"),
        (60, "in 1 minute"),
        (3599, "in 59 minutes"),
        (3600, "in 1 hour"),
        (86_400, "in 1 day"),
        (-3 * 86_400, "3 days ago"),
        (7 * 86_400, "in 1 week"),
        (29 * 86_400, "in 4 weeks"),
        (30 * 86_400, "in 1 month"),
        (359 * 86_400, "in 11 months"),
        (365 * 86_400, "in 1 year"),
        (600 * 86_400, "in 2 years"),
        (-2000 * 86_400, "5 years ago"),
        (40 * 365 * 86_400, "in a long while"),
    ],
)
def test_distances_for_people(seconds, text):
    assert format_distance(NOW + seconds, NOW) == text


def test_no_moment_is_no_text():
    assert format_moment(0) == ""
    assert format_distance(0, NOW) == ""


def test_titles_are_capitalised():
    assert titled("in 1 year") == "In 1 Year"


def test_local_times_name_their_zone():
    assert format_rfc1123(1_645_845_620, PACIFIC) == "Fri, 25 Feb 2022 19:20:20 PST"
    assert format_local(1_645_845_620, PACIFIC) == "2022-02-25 19:20:20 -0800 PST"
