"""`isthmus`: the first word of the command line."""

import subprocess
import sys

import pytest

from isthmus.cli.main import run


def test_the_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("isthmus ")


def test_the_help_names_every_command(capsys):
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for word in ("server", "nsc", "nats", "demo"):
        assert f"isthmus {word}" in out


def test_server_flags_go_to_the_server(capsys):
    assert run(["server", "--foo"]) == 2
    assert "flag provided but not defined: -foo" in capsys.readouterr().err


@pytest.mark.parametrize("args", [[], ["foo"], ["-x"]])
def test_anything_else_is_misuse(capsys, args):
    assert run(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isthmus: ")


@pytest.mark.parametrize("word", ["nsc", "nats"])
def test_a_tool_is_called_by_its_name(word):
    line = [sys.executable, "-m", "isthmus.cli.main", word, "--help"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    assert word in done.stdout


def test_a_command_loads_only_what_it_needs():
    code = (
        "import sys; from isthmus.cli.main import run; run(['--version']);"
        "print([name for name in ('asyncio', 'click', 'nacl', 'nats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
