"""`isthmus demo`: the guide's whole scenario, with `--all` its family, on an own temporary server.

Each command is shown like at a shell prompt, then its real output, then what was checked of it. The
first thing that is not as it must be ends the demonstration with exit code 1.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import click

from isthmus.cli.demo import guide, push_consumer, service, stream
from isthmus.cli.demo.setting import DemoServer, set_up
from isthmus.cli.demo.shell import DemoError, Shell


def main() -> None:
    """The entry point: a command line that is not understood is one line and exit code 2."""
    try:
        sys.exit(command(prog_name="isthmus demo", standalone_mode=False))
    except click.UsageError as error:
        print(f"isthmus demo: {error.format_message()}", file=sys.stderr)
        sys.exit(2)


@click.command(help=__doc__)
@click.option("--keep", is_flag=True, help="Leave the folder and the running server for you.")
@click.option("--all", "whole", is_flag=True, help="The guide's whole family of scenarios.")
def command(*, keep: bool, whole: bool) -> None:
    """Run the story; exit code 1 where it does not hold."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-demo-"))
    shell = Shell(folder, color=sys.stdout.isatty())
    server = DemoServer(shell)
    kept = False
    try:
        keys = set_up(shell, server)
        for scenario in (guide, service, stream, push_consumer) if whole else (guide,):
            scenario.story(shell, keys)
        print("\nEverything the guide promises holds.")
        kept = keep
    except DemoError as error:
        print(f"isthmus demo: {error}", file=sys.stderr)
        sys.exit(1)
    finally:
        shell.close()
        if kept:
            _explain(shell, server)
        else:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _explain(shell: Shell, server: DemoServer) -> None:
    """How to go on by hand."""
    print(f"\nThe server runs on (process {server.pid}, {server.url}). To go on by hand:\n")
    print(f"  cd {shell.folder}")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "NKEYS_PATH"):
        print(f"  export {name}={shlex.quote(shell.environment[name])}")
    print("  isthmus nats stream info --context ACCTC RESTOCKEVENTS")
    print(f"\nTo end it: kill {server.pid}; rm -r {shell.folder}")
