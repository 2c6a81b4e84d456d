"""The guides, as they stand there, typed by somebody who reads them."""

import socket
import subprocess
from pathlib import Path

import pytest

from support.shell import Shell
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow]

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
COMMANDS_MAX = 12


def commands(text):
    """The indented lines."""
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def answers(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", int(port))) == 0


class Reader:
    """Types the commands; in place of the default port stands a free one."""

    def __init__(self, folder: Path) -> None:
        self.shell = Shell(folder)
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "NKEYS_PATH"):
            self.shell.environment.pop(name)
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.shell.environment["NATS_URL"] = self.url
        self.server: subprocess.Popen[bytes] | None = None

    def type(self, line: str) -> str:
        if line.startswith("isthmus server"):
            return self._serve(line.removesuffix("&"))
        out = self.shell.run(line)
        if line.startswith("nsc init"):
            self.shell.run(
                f"nsc edit operator --rm-service-url nats://localhost:4222 --service-url {self.url}"
            )
        return out

    def _serve(self, line: str) -> str:
        with (self.shell.folder / "server.log").open("wb") as log:
            self.server = subprocess.Popen(
                [*line.split(), "-a", "127.0.0.1", "-p", self.port],
                cwd=self.shell.folder,
                env=self.shell.environment,
                stdout=log,
                stderr=log,
            )
        wait_for(lambda: answers(self.port))
        return ""

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(10)


@pytest.fixture
def reader(tmp_path):
    made = Reader(tmp_path)
    yield made
    made.stop()


def test_share_a_stream(reader):
    text = (GUIDES / "share-a-stream.md").read_text()
    first, _, more = text.partition("## What else there is")
    typed = commands(first)
    assert len(typed) <= COMMANDS_MAX
    out = {line: reader.type(line) for line in typed}
    (read,) = [line for line in typed if line.startswith("nats consumer next")]
    assert "one coffee" in out[read]
    assert "Acknowledged message" in out[read]
    assert out[typed[-1]].count("is revoked there") == 3
    reader.shell.fail(f"{read} --timeout 1s")

    given, received, renew, share, accept, explain = commands(more)
    assert "revoked" in reader.type(given)
    assert "revoked" in reader.type(received)
    reader.type(renew)
    reader.shell.run(next(line for line in typed if line.startswith("nats request")))
    assert "one coffee" in reader.type(read)
    reader.type(share)
    assert "nats consumer next --js-api-prefix SHOP.API" in reader.type(accept)
    reader.type(explain)
