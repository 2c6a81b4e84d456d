"""What one run of a row has at hand: servers of one kind, the generator, accounts, and the bill."""

import http.client
import itertools
import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.generator import Generator, Running
from bench.raw import RawClient
from bench.servers import MeasuredServer
from bench.tenants import Tenants


@dataclass
class Figures:
    """What a run found. `value` is what counts, in the row's unit; the rest explains it."""

    value: float
    cpu_us: float | None = None  # of the server, per message
    client: float | None = None  # share of a core that the generator used
    peak_mb: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    note: str = ""


class Lab(ExitStack):
    """One run on a server of `kind`. What it started ends with the block."""

    def __init__(self, kind: str, folder: Path, generator: Generator) -> None:
        super().__init__()
        self.kind = kind
        self.ours = kind == "isthmus"
        self.generator = generator
        self._folder = folder
        self._numbers = itertools.count()
        self._server: MeasuredServer | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    @property
    def server(self) -> MeasuredServer:
        """The one that was started."""
        assert self._server is not None
        return self._server

    def start(
        self,
        config: str = "",
        tenants: Tenants | None = None,
        files: Mapping[str, str] | None = None,
    ) -> MeasuredServer:
        """A fresh server; with `tenants` in operator mode; `files` are in its folder."""
        folder = self._folder / f"{self.kind}-{next(self._numbers)}"
        text = config + (tenants.config if tenants else "")
        server = self._server = MeasuredServer(self.kind, folder, text, files)
        self.callback(server.stop)
        return server

    def client(self, auth: dict[str, str] | None = None) -> RawClient:
        """A connection to prepare something."""
        client = RawClient(self.server.port, auth)
        self.callback(client.close)
        return client

    def load(self, name: str, /, **arguments: object) -> dict[str, float]:
        """Run the generator to its end; `auth`, `auth2` are CONNECT fields."""
        return self.generator.run(self.server.port, name, _words(arguments))

    def held(self, name: str, /, **arguments: object) -> AbstractContextManager[dict[str, float]]:
        """A load that stays: connections, subscriptions."""
        return self.generator.held(self.server.port, name, _words(arguments))

    def running(self, name: str, /, **arguments: object) -> AbstractContextManager[Running]:
        """A load that runs beside what the block does."""
        return self.generator.running(self.server.port, name, _words(arguments))

    def measured(self, name: str, /, **arguments: object) -> Figures:
        """Run the generator and send the bill: `value` is the rate."""
        before = self.server.cpu_s()
        found = self.load(name, **arguments)
        cpu_s = self.server.cpu_s() - before
        return Figures(
            value=found["rate"],
            cpu_us=cpu_s / found["n"] * 1e6,
            client=found["cpu"] / found["seconds"],
            peak_mb=self.server.memory_mb("VmHWM"),
            p50_us=found["p50_ns"] / 1e3 if "p50_ns" in found else None,
            p99_us=found["p99_ns"] / 1e3 if "p99_ns" in found else None,
        )

    @staticmethod
    def settle() -> None:
        """Wait until what was loaded is on the disk.

        While the kernel still writes hundreds of megabytes, each fault and each read of the server
        costs it more system time: the same pulls cost 2.3 or 5.8 us, their user time unchanged.
        """
        os.sync()

    def get(self, path: str) -> tuple[int, int]:
        """A monitoring endpoint: its status and the size of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.monitor_port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, len(answer.read())
        finally:
            connection.close()


def _words(arguments: dict[str, object]) -> dict[str, object]:
    """CONNECT fields without their braces, everything else as it is."""
    return {
        key: json.dumps(value)[1:-1] if isinstance(value, dict) else value
        for key, value in arguments.items()
    }
