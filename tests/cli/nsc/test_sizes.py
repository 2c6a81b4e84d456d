import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.cli.nsc.sizes import format_bytes, parse_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        ("-1", -1),
        ("10", 10),
        ("10G", 10_000_000_000),
        ("10GiB", 10_737_418_240),
        ("10 gi", 10_737_418_240),
        ("1,000.5k", 1_000_500),
        ("1.5KiB", 1536),
        ("2E", 2 * 10**18),
        (".5k", 500),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_numbers_with_units(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["x", "-", "10x", "10 GG", "1.2.3", "99999999999999999999", "9E9"])
def test_bad_numbers_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_number(text)


@given(st.text())
def test_any_text_is_a_number_or_a_clear_line(text):
    try:
        value = parse_number(text)
    except ValueError as error:
        assert str(error)
    else:
        assert -(2**63) < value < 2**63


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (7, "7 B"),
        (10, "10 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1024, "1.0 kB"),
        (9_949, "9.9 kB"),
        (10_000, "10 kB"),
        (2_147_483_648, "2.1 GB"),
        (10**10, "10 GB"),
        (2**63 - 1, "9.2 EB"),
    ],
)
def test_bytes_for_people(count, text):
    assert format_bytes(count) == text
