"""The nats tool run in this process, and servers for it to talk to."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.cli.nats.main import run
from isthmus.cli.streams import RecordedStreams
from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for


@pytest.fixture(params=["isthmus", "real"], scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs on our server and on the real one."""
    return request.param


class Done:
    """What one command line came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n2| {self.err}"


class TerminalStreams(RecordedStreams):
    """Streams of a person at a terminal."""

    is_terminal = True


class Tool:
    """The nats tool with an own home folder. `tool("pub", "a", "b")` runs a command line."""

    def __init__(self, home: Path, url: str = "") -> None:
        self.home = home
        self.terminal = False  # True: a person sits at it, and types what `stdin` says
        self.environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
        if url:
            self.environ["NATS_URL"] = url

    @property
    def contexts(self) -> Path:
        return self.home / "config" / "nats"

    def __call__(self, *args: str, stdin: str = "") -> Done:
        streams = TerminalStreams(stdin) if self.terminal else RecordedStreams(stdin)
        code = run(args, streams, self.environ)
        return Done(code, streams.out_text, streams.err_text)

    def ok(self, *args: str, stdin: str = "") -> str:
        """Run a command line that must succeed; its report."""
        done = self(*args, stdin=stdin)
        assert done.code == 0, done
        return done.out

    def fails(self, *args: str, stdin: str = "", code: int = 1) -> str:
        """Run a command line that must fail with one line and perhaps a hint; the line."""
        done = self(*args, stdin=stdin)
        assert done.code == code, done
        lines = [line for line in done.err.splitlines() if line.startswith("nats: error: ")]
        assert len(lines) == 1, done
        assert "Traceback" not in done.err
        return lines[0].removeprefix("nats: error: ")

    def later(self, *args: str) -> "Later":
        """Run a command line beside the test."""
        return Later(self, args)


class Later:
    """A command line that runs in a thread; `done()` waits for its end."""

    def __init__(self, tool: Tool, args: tuple[str, ...]) -> None:
        self._found: list[Done] = []
        self._streams = RecordedStreams()
        self._thread = threading.Thread(target=self._run, args=(tool, args), daemon=True)
        self._thread.start()

    def _run(self, tool: Tool, args: tuple[str, ...]) -> None:
        code = run(args, self._streams, tool.environ)
        self._found.append(Done(code, self._streams.out_text, self._streams.err_text))

    def wait_until(self, text: str) -> None:
        """Return when `text` was printed, beside or in the report."""
        wait_for(lambda: text in self._streams.err_text + self._streams.out_text)

    @property
    def out(self) -> str:
        """What it reported so far."""
        return self._streams.out_text

    def done(self) -> Done:
        self._thread.join(20)
        assert self._found, "the command did not end"
        return self._found[0]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """The tool without a server."""
    return Tool(tmp_path / "home")


@pytest.fixture(scope="module")
def shared_server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with JetStream and one account, for the tests of one module."""
    folder = tmp_path_factory.mktemp(kind)
    with ServerProcess(kind, folder, "-js", "-sd", str(folder / "store")).start() as running:
        yield running


@pytest.fixture
def server(shared_server: ServerProcess) -> Iterator[ServerProcess]:
    """The module's server, without streams."""
    yield shared_server
    folder = shared_server.folder / "store" / "jetstream" / "$G" / "streams"
    with RawClient(shared_server.port) as client:
        for name in json.loads(client.api("STREAM.NAMES"))["streams"] or ():
            # The real server moves the files to `.name` and deletes them later: a stream of that
            # name, made meanwhile, has been seen with the old one's messages or last sequence.
            # A sealed stream is not purged, only deleted.
            client.api(f"STREAM.PURGE.{name}")
            assert json.loads(client.api(f"STREAM.DELETE.{name}"))["success"]
            for left in (folder / name, folder / f".{name}"):
                wait_for(lambda left=left: not left.exists())


@pytest.fixture
def nats(server: ServerProcess, tmp_path: Path) -> Tool:
    """The tool, connected to `server` by NATS_URL."""
    return Tool(tmp_path / "home", server.url)


@pytest.fixture
def restock(nats: Tool) -> Iterator[Tool]:
    """The tool, and the guide's stream and consumer with three messages."""
    nats.ok("stream", "add", "RESTOCK", "--subjects", "retail.>", "--defaults")
    nats.ok("consumer", "add", "RESTOCK", "C1", "--pull", "--defaults")
    for number in (1, 2, 3):
        nats.ok("pub", "retail.item", f"Restock {number}", "-J")
    return nats
