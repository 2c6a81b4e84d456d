"""The two servers under measurement: started alike, one at a time, on a free port; their cost."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

START_S = 15
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class MeasuredServer:
    """`kind` is "isthmus" or "nats-server"; `config` is a configuration file's text."""

    def __init__(self, kind: str, folder: Path, config: str) -> None:
        self.kind = kind
        self._folder = folder
        folder.mkdir(parents=True)
        (folder / "server.conf").write_text(config)
        ports = folder / "ports"
        ports.mkdir()
        if kind == "isthmus":
            line = [sys.executable, "-m", "isthmus"]
        else:
            real = Path(sys.executable).parent / "nats-server"
            line = [str(real) if real.exists() else "nats-server"]
        line += ["-a", "127.0.0.1", "-p", "-1", "-c", "server.conf"]
        line += ["--ports_file_dir", str(ports)]
        with (folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log)
        self.port = self._wait(ports)

    def _wait(self, ports: Path) -> int:
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                break
            for path in ports.glob("*.ports"):
                try:
                    return urlparse(json.loads(path.read_text())["nats"][0]).port or 0
                except json.JSONDecodeError:
                    continue
            time.sleep(0.01)
        log = (self._folder / "server.log").read_text(errors="replace")
        raise SystemExit(f"{self.kind} did not start:\n{log}")

    def cpu_s(self) -> float:
        """User and system time so far, seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def peak_memory_mb(self) -> float:
        """Largest resident size so far, MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self) -> None:
        """End it and remove its data."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
