"""Help is quick: it imports no verb and none of the heavy libraries."""

import json
import subprocess
import sys

import click
import pytest

from isthmus.cli.nsc import main
from isthmus.cli.nsc.flags import Flag

HEAVY = {"asyncio", "rich", "nats", "nacl", "ssl", "urllib.request"}


def modules_after(*args: str) -> set[str]:
    program = (
        "import io, json, sys\n"
        "from isthmus.cli.nsc.main import run\n"
        "from isthmus.cli.nsc.surroundings import of_process\n"
        "from isthmus.cli.streams import RecordedStreams\n"
        f"assert run({list(args)!r}, RecordedStreams(), of_process()) == 0\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("args", [["--help"], [], ["add", "--help"], ["--version"]])
def test_help_loads_neither_asyncio_nor_rich_nor_nats(args):
    loaded = modules_after(*args)
    assert HEAVY & loaded == set()
    assert "isthmus.cli.nsc.add_operator" not in loaded


def test_only_push_loads_asyncio_and_nats(tmp_path):
    loaded = modules_after("-H", str(tmp_path), "list", "operators")
    assert {"asyncio", "nats", "rich"} & loaded == set()


def commands(group=main.command, path=("nsc",)):
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_exists_and_says_what_it_does(path):
    command = ALL[path]
    assert command.name == path[-1]
    assert command.help
    for param in command.params:
        if isinstance(param, Flag) and not param.hidden:
            assert param.help, (path, param.name)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_no_two_flags_of_a_command_share_a_name(path):
    names = [
        name
        for param in ALL[path].params
        if isinstance(param, Flag)
        for name in (*param.opts, param.old)
        if name
    ]
    assert len(names) == len(set(names))
