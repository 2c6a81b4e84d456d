"""The load generator: compiled from `bench/load`, run beside the server, one process per load."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import RowError

TIMEOUT_S = 90


class Generator:
    """Compiles on creation; `folder` keeps the program."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "load"
        sources = sorted(str(path) for path in (Path(__file__).parent / "load").glob("*.c"))
        line = [os.environ.get("CC", "cc"), "-O2", "-o", str(self._program), *sources, "-ldl"]
        subprocess.run(line, check=True)

    def run(self, port: int, name: str, arguments: dict[str, object]) -> dict[str, float]:
        """What it printed."""
        with self.held(port, name, arguments) as found:
            return found

    @contextmanager
    def held(
        self, port: int, name: str, arguments: dict[str, object]
    ) -> Iterator[dict[str, float]]:
        """What it printed; a row that holds something does so until the end of the block."""
        process = self._start(port, name, arguments)
        try:
            assert process.stdout is not None
            text = process.stdout.readline()  # the generator watches its own time
            if not text:
                _, error = process.communicate()
                raise RowError(error.strip() or f"load {name}: ended with {process.returncode}")
            yield json.loads(text)
        finally:
            _end(process)

    @contextmanager
    def running(self, port: int, name: str, arguments: dict[str, object]) -> Iterator["Running"]:
        """A load that goes on while something else happens; `finish` stops it."""
        process = self._start(port, name, arguments | {"until": "stdin"})
        try:
            yield Running(process, name)
        finally:
            _end(process)

    def _start(self, port: int, name: str, arguments: dict[str, object]) -> subprocess.Popen[str]:
        line = [str(self._program), str(port), name]
        line += [f"{key}={value}" for key, value in ({"timeout": TIMEOUT_S} | arguments).items()]
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Running:
    """A generator at work."""

    def __init__(self, process: subprocess.Popen[str], name: str) -> None:
        self._process = process
        self._name = name

    def finish(self) -> dict[str, float]:
        """Tell it to stop; what it printed."""
        text, error = self._process.communicate()
        if not text:
            raise RowError(error.strip() or f"load {self._name} printed nothing")
        return json.loads(text)


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
