"""Times as headers show them, against the one formatter there is in Python."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.base.values import format_time
from isthmus.core.stamp import time_text


@given(st.integers(1, (1 << 63) - 1))
def test_a_time_is_printed_as_in_json(time_ns):
    assert time_text(time_ns).decode() == format_time(time_ns)


def test_the_ends_of_years_and_leap_days():
    days = ((951_782_400, b"2000-02-29"), (951_868_800, b"2000-03-01"), (0, b"1970-01-01"),
            (1_709_164_800, b"2024-02-29"), (4_107_542_400, b"2100-03-01"))  # fmt: skip
    for seconds, day in days:
        assert time_text(seconds * 1_000_000_000) == day + b"T00:00:00Z"
        assert time_text(seconds * 1_000_000_000 + 500_000_000) == day + b"T00:00:00.5Z"
