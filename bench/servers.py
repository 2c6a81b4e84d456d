"""The two servers under measurement: started alike, one at a time, on a free port; their cost."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlparse

from bench.errors import RowError

START_S = 30
STOP_S = 20
CLOCK_OF_PROCESS = 2  # of all its threads, as the scheduler counts: clock_getcpuclockid(3)


class MeasuredServer:
    """`kind` is "isthmus" or "nats-server"; `config` is a configuration file's text.

    `files` are there before it starts, by their path in its folder.
    """

    def __init__(
        self, kind: str, folder: Path, config: str, files: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.port = 0
        self.monitor_port = 0
        self._folder = folder
        self._ports = folder / "ports"
        self._ports.mkdir(parents=True)
        (folder / "server.conf").write_text(config)
        for name, text in (files or {}).items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.started_s = 0.0
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, again after `kill`; returns when it said where it listens."""
        for path in self._ports.glob("*.ports"):
            path.unlink()
        if self.kind == "isthmus":
            line = [sys.executable, "-m", "isthmus"]
        else:
            real = Path(sys.executable).parent / "nats-server"
            line = [str(real) if real.exists() else "nats-server"]
        line += ["-a", "127.0.0.1", "-p", "-1", "-m", "-1", "-c", "server.conf"]
        line += ["--ports_file_dir", str(self._ports)]
        began = time.monotonic()
        with (self._folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(line, cwd=self._folder, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise
        self.started_s = time.monotonic() - began
        return self.process

    def _wait(self) -> None:
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                break
            for path in self._ports.glob("*.ports"):
                try:
                    found = json.loads(path.read_text())
                except json.JSONDecodeError:
                    continue
                self.port = urlparse(found["nats"][0]).port or 0
                self.monitor_port = urlparse((found.get("monitoring") or [""])[0]).port or 0
                return
            time.sleep(0.005)
        log = (self._folder / "server.log").read_text(errors="replace").strip()
        raise RowError(f"{self.kind} did not start: {log[-300:]}")

    def cpu_s(self) -> float:
        """User and system time so far, seconds.

        By its clock, which counts nanoseconds: the ticks of /proc are 10 ms, and there are points
        that take no longer than that.
        """
        return time.clock_gettime(~self.process.pid << 3 | CLOCK_OF_PROCESS)

    def memory_mb(self, which: str = "VmRSS") -> float:
        """Resident size now, or its peak (`VmHWM`), MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{which}:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it and remove its data."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
