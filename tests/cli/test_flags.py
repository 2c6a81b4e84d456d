"""Flags as Go programs read them."""

import pytest
from hypothesis import given
from hypothesis.strategies import lists, text

from isthmus.cli.flags import Flag, FlagError, lookup, parse

FLAGS = lookup(
    [
        Flag(("p", "port"), "integer", ""),
        Flag(("D", "debug"), "boolean", ""),
        Flag(("n", "name"), "text", ""),
    ]
)


def read(*args):
    given_flags, rest = parse(args, FLAGS)
    return [(one.name, one.value) for one in given_flags], rest


@pytest.mark.parametrize("line", ["-p 1", "--p 1", "-p=1", "--p=1"])
def test_ways_to_give_a_value(line):
    assert read(*line.split()) == ([("p", 1)], [])


def test_a_boolean_takes_its_value_only_after_an_equals_sign():
    assert read("-D", "false") == ([("D", True)], ["false"])
    assert read("-D=false") == ([("D", False)], [])
    for word in ("1", "t", "TRUE", "True"):
        assert read(f"-D={word}") == ([("D", True)], [])


def test_the_first_word_ends_the_flags():
    assert read("-p", "1", "version", "-D") == ([("p", 1)], ["version", "-D"])
    assert read("--", "-D") == ([], ["-D"])
    assert read("-", "-D") == ([], ["-", "-D"])


def test_a_value_may_begin_with_a_dash():
    assert read("-p", "-1", "-n", "-x") == ([("p", -1), ("n", "-x")], [])


@pytest.mark.parametrize(
    ("digits", "value"),
    [("0x10", 16), ("0b11", 3), ("0o17", 15), ("017", 15), ("0", 0), ("+5", 5), ("-0x10", -16)],
)
def test_integers_have_prefixes(digits, value):
    assert read("-p", digits) == ([("p", value)], [])


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--foo"], "flag provided but not defined: -foo"),
        (["-foo=1"], "flag provided but not defined: -foo"),
        (["-p"], "flag needs an argument: -p"),
        (["-p", "abc"], 'invalid value "abc" for flag -p: parse error'),
        (["-p="], 'invalid value "" for flag -p: parse error'),
        (["-p", "9" * 20], f'invalid value "{"9" * 20}" for flag -p: value out of range'),
        (["-p", "08"], 'invalid value "08" for flag -p: parse error'),
        (["-D=maybe"], 'invalid boolean value "maybe" for -D: parse error'),
        (["-D="], 'invalid boolean value "" for -D: parse error'),
        (["---p"], "bad flag syntax: ---p"),
        (["-=x"], "bad flag syntax: -=x"),
    ],
)
def test_the_words_for_what_is_wrong(args, text):
    with pytest.raises(FlagError) as caught:
        read(*args)
    assert str(caught.value) == text


@given(lists(text(alphabet="-=pDn019x ", max_size=6), max_size=6))
def test_any_line_is_read_or_refused(args):
    try:
        _, rest = parse(args, FLAGS)
    except FlagError:
        return
    assert args[len(args) - len(rest) :] == rest
