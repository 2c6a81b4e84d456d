"""Lazy commands, and what each kind of failure turns into."""

import sys

import click
import pytest

from isthmus.base.errors import StoreError
from isthmus.cli.groups import CommandError, LazyGroup, Verb, run_tool
from isthmus.cli.streams import RecordedStreams

VERBS = {
    "tables": Verb(target="cli_lazy_example:command", summary="imported when called"),
    "secret": Verb(target="cli_lazy_example:command", summary="not listed", hidden=True),
}


@pytest.fixture
def example(tmp_path, monkeypatch):
    (tmp_path / "cli_lazy_example.py").write_text(
        "import click\n@click.command()\ndef command():\n    click.echo('called')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield LazyGroup("tool", verbs=VERBS, aliases={"table": "tables"})
    sys.modules.pop("cli_lazy_example", None)


def run(command, *args, state=None):
    streams = RecordedStreams()
    code = run_tool(command, args, streams, name="tool", prefix="Error: ", state=state)
    return code, streams.out_text, streams.err_text


def failing(error):
    @click.command()
    def command():
        raise error

    return command


def test_help_imports_no_command(example):
    code, out, err = run(example, "--help")
    assert (code, err) == (0, "")
    assert "imported when called" in out
    assert "not listed" not in out
    assert "cli_lazy_example" not in sys.modules


def test_a_command_runs_under_its_name_and_its_alias(example):
    assert run(example, "tables") == (0, "called\n", "")
    assert run(example, "table") == (0, "called\n", "")


def test_a_hidden_command_runs(example):
    assert run(example, "secret") == (0, "called\n", "")


def test_an_unknown_command_names_the_close_ones(example):
    code, out, err = run(example, "tabels")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == 'Error: unknown command "tabels" for "tool"'
    assert "tables" in err.splitlines()[1]


def test_an_unknown_option_is_misuse(example):
    code, out, err = run(example, "tables", "--no-such")
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert "--no-such" in err


def test_an_error_is_one_line_and_its_hint_the_next():
    code, out, err = run(failing(CommandError("no\nsuch thing", hint="make one")))
    assert (code, out, err) == (1, "", "Error: no such thing\nmake one\n")


def test_a_command_may_call_its_failure_misuse():
    assert run(failing(CommandError("wrong", exit_code=2)))[0] == 2


def test_errors_of_the_project_and_of_the_system_are_one_line():
    assert run(failing(StoreError("torn"))) == (1, "", "Error: torn\n")
    code, _, err = run(failing(FileNotFoundError(2, "No such file", "x.tok")))
    assert (code, len(err.splitlines())) == (1, 1)
    assert "x.tok" in err


def test_a_bug_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run(failing(ZeroDivisionError()))


def test_an_interrupt_ends_with_130():
    assert run(failing(KeyboardInterrupt()))[0] == 130


def test_a_reader_that_left_is_no_error_message():
    assert run(failing(BrokenPipeError())) == (1, "", "")


def test_the_returned_number_is_the_exit_code():
    @click.command()
    @click.pass_obj
    def command(obj):
        return obj

    assert run(command, state=3)[0] == 3
    assert run(command, state=None)[0] == 0
    assert run(command, state=True)[0] == 0
