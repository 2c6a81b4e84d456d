"""Our own programs, forked from a process that has them loaded.

A program that is started anew spends most of its time importing. Here each is a process of its own
all the same, with its own folder, environment, output, signals and exit code; only the imports are
shared. What is about the start itself (entry points, what is imported when) uses `subprocess`.

`Forked` has those methods of `subprocess.Popen` that tests use.
"""

import contextlib
import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import isthmus.cli.nats
import isthmus.cli.nsc

ENTRIES = {
    "nats": "isthmus.cli.nats.main",
    "nsc": "isthmus.cli.nsc.main",
    "server": "isthmus.cli.serve",
}
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *ENTRIES.values(),
        "isthmus.server.serve",
        "isthmus.server.server",
        "isthmus.config.load",
        "uvloop",
        *(
            f"{package.__name__}.{found.name}"
            for package in (isthmus.cli.nats, isthmus.cli.nsc)
            for found in pkgutil.iter_modules(package.__path__)
        ),
    ]
)


class Forked:
    """One of our programs; `program` is a key of `ENTRIES`."""

    def __init__(
        self,
        program: str,
        words: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        out: Path,
        err: Path,
    ) -> None:
        self.args = [program, *words]
        place = {"folder": str(folder), "environment": dict(environment)}
        place |= {"out": str(out), "err": str(err)}
        task = (program, list(words))
        self._process = _FORKS.Process(target=_become, args=task, kwargs=place, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(
    program: str, words: list[str], *, folder: str, environment: dict[str, str], out: str, err: str
) -> None:
    """In the new process: stand where a shell would put it, and be the program."""
    for path, number in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *words]
    import_module(ENTRIES[program]).main()
