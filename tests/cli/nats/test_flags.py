import click
import pytest

from isthmus.cli.nats.flags import AGE, DURATION, EXISTING_FILE, PAIR, POSITIVE, SIZE
from isthmus.cli.nats.main import root


def test_durations_have_long_units():
    assert DURATION.convert("1h30m", None, None) == 5_400 * 10**9
    assert DURATION.convert("2d", None, None) == 172_800 * 10**9
    assert AGE.convert("-1", None, None) == 0


def test_sizes_count_in_1024():
    assert SIZE.convert("1MB", None, None) == SIZE.convert("1MiB", None, None) == 1_048_576
    assert SIZE.convert("-1", None, None) == -1
    assert SIZE.convert("3G", None, None) == 3 * 1024**3


def test_pairs_take_either_separator():
    assert PAIR.convert("a=b:c", None, None) == ("a", "b:c")
    assert PAIR.convert("a:b=c", None, None) == ("a", "b=c")


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (DURATION, "5", "invalid duration"),
        (SIZE, "5X", "not a size"),
        (SIZE, "2147483648", "bytes value out of allowed range"),
        (PAIR, "nothing", "not NAME=VALUE"),
        (PAIR, "=x", "not NAME=VALUE"),
        (POSITIVE, "0", "below 1"),
        (POSITIVE, "x", "not a whole number"),
        (EXISTING_FILE, "/nope/x", "path '/nope/x' does not exist"),
        (EXISTING_FILE, "/", "'/' is a directory"),
    ],
)
def test_bad_values_say_what_is_wrong(kind, text, problem):
    with pytest.raises(click.BadParameter, match=problem):
        kind.convert(text, None, None)


def every_command(group=root, path=("nats",)):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(every_command())


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_takes_the_shared_flags(path):
    names = {name for param in COMMANDS[path].params for name in param.opts}
    assert {"--context", "--creds", "--js-api-prefix", "--js-domain", "--timeout"} <= names
    assert {"-s", "--server", "--user", "--password", "--nkey", "--tlsca"} <= names


@pytest.mark.parametrize("path", COMMANDS)
def test_no_command_has_a_flag_twice(path):
    names = [name for param in COMMANDS[path].params for name in param.opts + param.secondary_opts]
    assert len(names) == len({*names})


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does(path):
    assert COMMANDS[path].help
