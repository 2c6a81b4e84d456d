"""Command lines as the original reads them."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.cli.groups import run_tool
from isthmus.cli.nsc.flags import (
    Flag,
    InvalidValueError,
    Parsed,
    canonical,
    canonical_group,
    parse_boolean,
    parse_duration,
    parse_integer,
    parse_list,
    parse_moment,
    parse_unsigned,
)
from isthmus.cli.streams import RecordedStreams

FLAGS = [
    Flag(["-n", "--name"]),
    Flag(["-p", "--private"], bare="true"),
    Flag(["-r", "--service"], bare="true"),
    Flag(["--count"], bare="1", old="--old-count"),
]


@pytest.mark.parametrize(
    ("args", "result"),
    [
        (["--name", "x"], ["--name=x", "--"]),
        (["--name=x"], ["--name=x", "--"]),
        (["--name="], ["--name=", "--"]),
        (["-n", "x"], ["--name=x", "--"]),
        (["-nx"], ["--name=x", "--"]),
        (["-n=x"], ["--name=x", "--"]),
        (["--name", "-1"], ["--name=-1", "--"]),
        (["--private"], ["--private=true", "--"]),
        (["--private=false"], ["--private=false", "--"]),
        (["--private", "a"], ["--private=true", "--", "a"]),
        (["-rp"], ["--service=true", "--private=true", "--"]),
        (["-pnx"], ["--private=true", "--name=x", "--"]),
        (["-p=false"], ["--private=false", "--"]),
        (["--count"], ["--count=1", "--"]),
        (["--count", "3"], ["--count=1", "--", "3"]),
        (["--count=3"], ["--count=3", "--"]),
        (["--old-count=3"], ["--count=3", "--"]),
        (["a", "-p", "b"], ["--private=true", "--", "a", "b"]),
        (["a", "--", "-p"], ["--", "a", "-p"]),
        (["-"], ["--", "-"]),
        ([], ["--"]),
    ],
)
def test_arguments_are_rewritten(args, result):
    assert canonical(FLAGS, args) == result


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["--bogus=1"], "unknown flag: --bogus"),
        (["-z"], "unknown shorthand flag: 'z' in -z"),
        (["-pz"], "unknown shorthand flag: 'z' in -pz"),
        (["--name"], "flag needs an argument: --name"),
        (["-n"], "flag needs an argument: 'n' in -n"),
    ],
)
def test_misuse_is_named(args, complaint):
    with pytest.raises(click.UsageError) as caught:
        canonical(FLAGS, args)
    assert caught.value.message == complaint


@pytest.mark.parametrize(
    ("args", "result"),
    [
        (["add", "-n", "x"], ["add", "-n", "x"]),
        (["--name", "x", "add", "y"], ["--name=x", "add", "y"]),
        (["-a", "A", "add", "y"], ["add", "-a", "A", "y"]),
        (["-a=A", "add"], ["add", "-a=A"]),
        (["-p", "add"], ["--private=true", "add"]),
        (["-p"], ["--private=true"]),
    ],
)
def test_flags_may_stand_before_the_command(args, result):
    assert canonical_group(FLAGS, args) == result


@given(st.lists(st.text(max_size=6), max_size=6))
def test_any_arguments_are_rewritten_or_refused(args):
    try:
        rewritten = canonical(FLAGS, args)
    except click.UsageError:
        return
    found = rewritten[: rewritten.index("--")]
    assert all(arg.startswith(("--name=", "--private=", "--service=", "--count=")) for arg in found)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_boolean, "T", True),
        (parse_boolean, "0", False),
        (parse_integer, "-1", -1),
        (parse_integer, "0x10", 16),
        (parse_unsigned, "7", 7),
        (parse_duration, "1m30s", 90_000_000_000),
        (parse_moment, "0", 0),
        (parse_moment, "1645816820", 1_645_816_820),
        (parse_moment, "2022-02-25T19:20:20Z", 1_645_816_820),
        (parse_list, "", ()),
        (parse_list, "a,b", ("a", "b")),
        (parse_list, '"a,b",c d', ("a,b", "c d")),
    ],
)
def test_values_are_parsed(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "complaint"),
    [
        (parse_boolean, "maybe", 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        (parse_integer, "one", 'strconv.ParseInt: parsing "one": invalid syntax'),
        (parse_unsigned, "-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (parse_duration, "soon", 'time: invalid duration "soon"'),
        (parse_moment, "noon", 'provided value "noon" is not a number nor parsable as RFC3339'),
        (parse_list, 'a,"b', "parse error on line 1"),
    ],
)
def test_bad_values_are_one_line(parse, text, complaint):
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)
    assert str(caught.value).startswith(complaint)


def test_a_bad_value_names_its_flag():
    flag = Flag(["-p", "--private"], bare="true", type=Parsed("bool", parse_boolean))
    command = click.Command("c", params=[flag])
    streams = RecordedStreams()
    assert run_tool(command, ["--private=x"], streams, name="c", prefix="Error: ") == 2
    assert streams.err_text.startswith('Error: invalid argument "x" for "-p, --private" flag: ')
    assert issubclass(InvalidValueError, click.UsageError)
