"""Where a demonstration is typed: a folder, a shell that shows what it runs, a server.

Everything lives below one temporary folder: keys, store, contexts, server data. Each command runs
as its own process, started from this one so that Python and the tools are not loaded anew for each.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlparse

from isthmus.cli import main
from isthmus.cli.nats import connect as _loaded_once  # noqa: F401 — with the client library
from isthmus.cli.nats import main as _nats  # noqa: F401 — every command finds it loaded
from isthmus.cli.nsc import main as _nsc  # noqa: F401

COMMAND_S = 30
START_S = 10
_FORK = multiprocessing.get_context("fork")


class DemoError(Exception):
    """A step did not give what it must."""


class Shell:
    """Runs the tools below one folder and shows what a person would see."""

    def __init__(self, folder: Path, *, color: bool) -> None:
        self.folder = folder
        self._color = color
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

    def run(self, command: str, *, fails: bool = False) -> str:
        """Show and run one command line; its output. Raises if it does not end as it must."""
        prompt = f"\033[32m$\033[0m {command}" if self._color else f"$ {command}"
        print(prompt, flush=True)
        code, out = run_tool(shlex.split(command), self.folder, self.environment)
        print(out.rstrip("\n"), flush=True) if out.strip() else None
        if (code != 0) != fails:
            wanted = "fail" if fails else "succeed"
            raise DemoError(f"this command must {wanted}; it ended with exit code {code}")
        return out


class DemoServer:
    """The server of the demonstration: `isthmus server` on a free port of 127.0.0.1."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        folder = self._shell.folder
        ports = folder / "ports"
        ports.mkdir()
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 — this program
                [
                    *(sys.executable, "-m", "isthmus", "-c", "server.conf"),
                    *("--ports_file_dir", str(ports)),
                ],
                cwd=folder,
                env=self._shell.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ends = time.monotonic() + START_S
        while time.monotonic() < ends and self._process.poll() is None:
            for path in ports.glob("*.ports"):
                address = urlparse(json.loads(path.read_text())["nats"][0])
                self.url = f"nats://127.0.0.1:{address.port}"
                return
            time.sleep(0.02)
        text = (folder / "server.log").read_text(errors="replace")
        self.stop()
        raise DemoError(f"the server did not start:\n{text}")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


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
