"""Where a demonstration is typed: a folder, a shell that shows what it runs, a server.

Everything lives below one temporary folder: keys, store, contexts, server data. Each command runs
as its own process, started from this one so that Python and the tools are not loaded anew for each.
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from isthmus.cli import main
from isthmus.cli.nats import connect as _loaded_once  # noqa: F401 — with the client library
from isthmus.cli.nats import main as _nats  # noqa: F401 — every command finds it loaded
from isthmus.cli.nsc import main as _nsc  # noqa: F401

COMMAND_S = 30
_FORK = multiprocessing.get_context("fork")


class DemoError(Exception):
    """A step did not give what it must."""


class Shell:
    """Runs the tools below one folder and shows what a person would see."""

    def __init__(self, folder: Path, *, color: bool) -> None:
        self.folder = folder
        self._color = color
        self._running: list[Background] = []
        self.environment = os.environ | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "NKEYS_PATH": str(folder / "keys"),
            "NO_COLOR": "1",
        }
        for name in ("NSC_HOME", "NATS_CONTEXT", "NATS_URL", "NATS_CREDS", "NATS_USER"):
            self.environment.pop(name, None)

    def say(self, text: str) -> None:
        """A heading."""
        print(f"\n\033[1m{text}\033[0m" if self._color else f"\n# {text}", flush=True)

    def start(self, command: str) -> Background:
        """Show and start a command that goes on running until `close`."""
        self._prompt(f"{command} &")
        started = Background(shlex.split(command), self.folder, self.environment)
        self._running.append(started)
        return started

    def close(self) -> None:
        """Stop what still runs."""
        while self._running:
            self._running.pop().stop()

    def run(self, command: str, *, fails: bool = False) -> str:
        """Show and run one command line; its output. Raises if it does not end as it must."""
        self._prompt(command)
        code, out = run_tool(shlex.split(command), self.folder, self.environment)
        print(out.rstrip("\n"), flush=True) if out.strip() else None
        if (code != 0) != fails:
            wanted = "fail" if fails else "succeed"
            raise DemoError(f"this command must {wanted}; it ended with exit code {code}")
        return out

    def _prompt(self, command: str) -> None:
        print(f"\033[32m$\033[0m {command}" if self._color else f"$ {command}", flush=True)


class Background:
    """A command that goes on running, as with `&`; its output is shown when it is waited for."""

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 — closed by `stop`
        self._process = _FORK.Process(
            target=_tool, args=(words, folder, environment, self._output.fileno())
        )
        self._process.start()
        self._shown = 0

    def wait_for(self, text: str) -> str:
        """Wait until it has printed `text`; everything that was not shown before."""
        ends = time.monotonic() + COMMAND_S
        while text not in (new := self.text()[self._shown :]):
            if not self._process.is_alive() or time.monotonic() > ends:
                raise DemoError(f"it did not print {text!r}, but:\n{new}")
            time.sleep(0.02)
        self._shown += len(new)
        print("".join(f"  | {line}\n" for line in new.strip().splitlines()), end="", flush=True)
        return new

    def text(self) -> str:
        """Everything it has printed."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGINT)
            self._process.join(COMMAND_S)
        self._process.kill()
        self._process.join()
        self._output.close()


def run_tool(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run `isthmus <words>` in `folder` as a process of its own; exit code and output."""
    with tempfile.TemporaryFile() as output:
        process = _FORK.Process(target=_tool, args=(words, folder, environment, output.fileno()))
        process.start()
        process.join(COMMAND_S)
        if process.is_alive():
            process.kill()
            process.join()
            raise DemoError(f"this command did not end within {COMMAND_S} s")
        output.seek(0)
        code = process.exitcode
        assert code is not None
        return code, output.read().decode(errors="replace")


def _tool(words: Sequence[str], folder: Path, environment: Mapping[str, str], output: int) -> None:
    """In the new process: stand where a shell would put it, and become the tool."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["isthmus", *words]
    main.main()


def check(holds: object, what: str) -> None:
    """Say that something is as it must be, or stop."""
    if not holds:
        raise DemoError(f"not so: {what}")
    print(f"  ✓ {what}", flush=True)
