"""Keys and scalars of a configuration text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis.strategies import integers, text

from isthmus.config.errors import ConfigError
from isthmus.config.lexer import Kind, Lexer


def scalar(source):
    lexer = Lexer(source, "t.conf")
    found = lexer.scalar()
    return found.kind, found.value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("64k", 64_000),
        ("64kb", 65_536),
        ("64KiB", 65_536),
        ("64Ki", 65_536),
        ("1m", 1_000_000),
        ("1MB", 1_048_576),
        ("1g", 10**9),
        ("2GiB", 2 * 1024**3),
        ("1t", 10**12),
        ("1TB", 1024**4),
        ("1p", 10**15),
        ("1eb", 1024**6),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_size_suffix_is_a_power_of_1000_or_1024(source, value):
    assert scalar(source) == (Kind.INTEGER, value)


@pytest.mark.parametrize("source", ["10s", "1m30s", "2h", "10gbx", "64kx"])
def test_a_number_with_other_letters_is_a_string(source):
    assert scalar(source) == (Kind.STRING, source)


@pytest.mark.parametrize("word", ["true", "yes", "on", "TRUE", "Yes", "oN"])
def test_bare_words_for_true(word):
    assert scalar(word) == (Kind.BOOLEAN, True)


@pytest.mark.parametrize("word", ["false", "no", "off", "False", "NO"])
def test_bare_words_for_false(word):
    assert scalar(word) == (Kind.BOOLEAN, False)


@pytest.mark.parametrize("source", ['"true"', "'true'"])
def test_a_quoted_boolean_is_a_string(source):
    assert scalar(source) == (Kind.STRING, "true")


def test_an_address_is_a_string_and_a_fraction_is_not():
    assert scalar("127.0.0.1:4222") == (Kind.STRING, "127.0.0.1:4222")
    assert scalar("1.2.3.4") == (Kind.STRING, "1.2.3.4")
    assert scalar("1.5") == (Kind.FLOAT, 1.5)
    assert scalar("-0.25") == (Kind.FLOAT, -0.25)


def test_a_time():
    assert scalar("2026-01-31T12:00:00Z") == (Kind.TIME, datetime(2026, 1, 31, 12, tzinfo=UTC))


def test_escapes_count_in_double_quotes_and_bare_strings_only():
    assert scalar(r'"a\t\n\r\"\\\x41b"') == (Kind.STRING, 'a\t\n\r"\\Ab')
    assert scalar(r"a\x41b") == (Kind.STRING, "aAb")
    assert scalar(r"'a\tb'") == (Kind.STRING, r"a\tb")


def test_escaped_bytes_make_letters():
    assert scalar(r'"\xc3\xa9"') == (Kind.STRING, "é")


def test_an_escaped_boolean_is_a_string():
    assert scalar(r"tru\x65") == (Kind.STRING, "true")


def test_a_block_ends_with_a_parenthesis_on_its_own_line():
    assert scalar("(\n a ) b\n)\n") == (Kind.STRING, "\n a ) b\n")


@pytest.mark.parametrize("end", [" ", "\n", ",", ";", "]", "}", "\t"])
def test_a_bare_string_ends_at_a_separator(end):
    lexer = Lexer(f"abc{end}", "")
    assert lexer.scalar().value == "abc"
    assert lexer.peek(end)


def test_a_variable_is_its_name():
    assert scalar("$PORT") == (Kind.VARIABLE, "PORT")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('"abc', 'no closing "'),
        ("'abc", "no closing '"),
        ("(\nabc", 'a line with ")" alone'),
        (r'"\q"', r"unknown escape \q"),
        (r'"\x4"', "two hexadecimal digits"),
        ("-x", "not a number or a time"),
        ("10-20", "not a number or a time"),
        ("2026-13-01T00:00:00Z", "no such day or time"),
        (".5", "starts with a digit"),
        ("5kbi", "unknown size suffix"),
        ("9223372036854775808", "out of the range"),
        ("9" * 5000, "out of the range"),
        ("10e", "out of the range"),
    ],
)
def test_what_no_value_is(source, reason):
    with pytest.raises(ConfigError) as caught:
        scalar(source)
    assert reason in str(caught.value)


def test_no_error_quotes_a_value():
    for source in ['"hunter2', "'hunter2", "(hunter2", '"hunter2\\q"', "-hunter2", "99999-hunter2"]:
        with pytest.raises(ConfigError) as caught:
            scalar(source)
        assert "hunter2" not in str(caught.value)


def test_a_key_ends_at_a_blank_or_a_separator():
    for source in ("port 1", "port=1", "port:1", "port\n"):
        assert Lexer(source, "").key()[0] == "port"


def test_a_quoted_key_may_hold_anything_else():
    assert Lexer('"a b=c": 1', "").key()[0] == "a b=c"
    assert Lexer("'a \"b': 1", "").key()[0] == 'a "b'


def test_a_brace_in_a_key_is_a_missing_blank():
    with pytest.raises(ConfigError, match=r'put a blank between "jetstream" and "{"'):
        Lexer("jetstream{", "").key()


def test_columns_count_from_0_on_the_first_line_and_from_1_on_others():
    lexer = Lexer("ab\nab", "t.conf")
    assert str(lexer.position(1)) == "t.conf:1:1"
    assert str(lexer.position(3)) == "t.conf:2:1"
    assert str(lexer.position(4)) == "t.conf:2:2"


def test_columns_count_bytes():
    assert Lexer("é x", "").position(2).column == 3


@given(integers(-(2**63), 2**63 - 1))
def test_every_integer_of_64_bits_is_itself(value):
    assert scalar(str(value)) == (Kind.INTEGER, value)


@given(text())
def test_any_text_is_a_scalar_or_an_error_and_moves_on(source):
    lexer = Lexer(source, "")
    try:
        lexer.scalar()
    except ConfigError:
        return
    assert 0 <= lexer.offset <= len(source)


@given(text(alphabet="abcXYZ019-_.*>$ \t"))
def test_a_double_quoted_text_is_itself(value):
    assert scalar(f'"{value}"') == (Kind.STRING, value)
