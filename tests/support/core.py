"""The compiled message path without a server: connections in memory, what they send in a list.

`World` holds one turn, one read buffer and the accounts; `world.connect()` gives a
`MemoryConnection`, which owns the compiled client, parser and outbound as `server.connection` does,
with a handshake that asks for no credentials. Nothing here opens a socket or reads a clock.
"""

import weakref

import msgspec

from isthmus.base.errors import ProtocolError
from isthmus.core.client import Client
from isthmus.core.outbound import Outbound
from isthmus.core.parser import Parser, ReadBuffer
from isthmus.core.permits import PublishPermits, SubjectSet
from isthmus.core.router import AccountCore
from isthmus.core.turn import Turn

START_NS = 1_700_000_000_000_000_000


class RecordingTransport:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    def take(self) -> bytes:
        data = bytes(self.written)
        self.written.clear()
        return data


_worlds: weakref.WeakSet["World"] = weakref.WeakSet()


def end_worlds() -> None:
    """A test is over: let go of its worlds.

    What receivers and subscriptions hold is invisible to the garbage collector, so a world in which
    somebody still listens would stay for as long as the process.
    """
    for world in list(_worlds):
        world.end()


class World:
    """Accounts that share a loop."""

    def __init__(self, *, size: int = 131_072, headroom: int = 32_768) -> None:
        self.turn = Turn(seed=1)
        self.buffer = ReadBuffer(size, headroom)
        self.now_ns = START_NS
        self.accounts: dict[str, AccountCore] = {}
        self.cid = 0
        self.turn.begin(self.now_ns)
        self.connections: weakref.WeakSet[MemoryConnection] = weakref.WeakSet()
        _worlds.add(self)

    def end(self) -> None:
        """Nobody listens any more."""
        for connection in list(self.connections):
            connection.client.close()
        for account in self.accounts.values():
            account.sublist.clear()
        _worlds.discard(self)

    def account(self, name: str = "$G") -> AccountCore:
        if name not in self.accounts:
            token = b"%06d" % len(self.accounts)
            self.accounts[name] = AccountCore(name.encode(), 7919 + len(self.accounts), token)
        return self.accounts[name]

    def connect(self, account: str = "$G", **connect: object) -> "MemoryConnection":
        """A connection that said CONNECT: quiet, with headers, unless told otherwise."""
        connection = MemoryConnection(self, account)
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        connection.say(b"CONNECT " + msgspec.json.encode(options | connect))
        return connection

    def begin(self, step_ns: int = 0) -> Turn:
        self.now_ns += step_ns
        self.turn.begin(self.now_ns)
        self.turn.resume()
        return self.turn


class MemoryConnection:
    """One client in memory: `say` lines to the server, `heard` what came back."""

    def __init__(
        self,
        world: World,
        account: str = "$G",
        *,
        pending_max: int = 1 << 26,
        control_line_max: int = 4096,
        payload_max: int = 1_048_576,
        permits: PublishPermits | None = None,
        denied: SubjectSet | None = None,
    ) -> None:
        world.cid += 1
        self.world = world
        self.account = world.account(account)
        self.payload_max = payload_max
        self.permits = permits
        self.denied = denied
        self.transport = RecordingTransport()
        self.outbound = Outbound(self, pending_max)
        self.outbound.attach(self.transport, -1)
        self.client = Client(self, world.cid, self.outbound)
        self.parser = Parser(self.client, self, world.buffer, control_line_max)
        self.closed = False
        self.error: str | None = None
        self.events: list[tuple[object, ...]] = []
        world.connections.add(self)

    # --- a client's side ---

    def say(self, *lines: bytes) -> bytes:
        """Lines to the server, each with its end; what this connection heard until then."""
        return self.send(b"".join(line + b"\r\n" for line in lines))

    def send(self, data: bytes) -> bytes:
        """Raw bytes to the server through the shared buffer, as a socket does."""
        while data and not self.closed:
            turn = self.world.begin()
            view = self.parser.buffer()
            size = min(len(view), len(data))
            view[:size] = data[:size]
            try:
                self.parser.read(size, turn)
            except ProtocolError as error:
                self.end(error)
            turn.finish()
            data = data[size:]
        return self.heard()

    def heard(self) -> bytes:
        return self.transport.take()

    def end(self, error: ProtocolError | None = None) -> None:
        """The connection closes, as the server would do it."""
        self.closed = True
        if error is not None:
            self.error = error.text
            if error.text:
                self.client.send(f"-ERR '{error.text}'\r\n".encode(), self.world.turn)
        self.outbound.flush(self.world.turn)
        self.parser.end()
        self.client.close()

    # --- what the compiled objects ask of their owner ---

    def connect(self, text: bytes) -> None:
        try:
            asked = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProtocolError("") from error
        if not isinstance(asked, dict):
            raise ProtocolError("")
        self.client.leave()
        self.client.configure(
            echo=asked.get("echo", True),
            verbose=asked.get("verbose", True),
            pedantic=asked.get("pedantic", True),
            headers=asked.get("headers", False),
            no_responders=asked.get("no_responders", False),
        )
        self.client.admit(self.account, publish_permits=self.permits, payload_max=self.payload_max)
        self.client.describe(
            b'{"acc":"%s","rtt":1000}' % self.account.name,
            b'{"id":%d,"acc":"%s","rtt":1000,"kind":"Client"}'
            % (self.client.cid, self.account.name),
        )
        self.acknowledge()

    def first_operation(self) -> None:
        self.client.configure(
            echo=True, verbose=False, pedantic=False, headers=False, no_responders=False
        )
        self.client.admit(self.account, publish_permits=self.permits, payload_max=self.payload_max)

    def subscribe(self, subject: bytes, queue: bytes, sid: bytes) -> None:
        tokens = subject.split(b".")
        if b"" in tokens or b">" in tokens[:-1]:
            self.client.send(b"-ERR 'Invalid Subject'\r\n", self.world.turn)
            return
        self.client.subscribe(subject, queue, sid, self.denied)
        self.acknowledge()

    def unsubscribe(self, sid: bytes, most: int) -> None:
        self.client.unsubscribe(sid, most)
        self.acknowledge()

    def acknowledge(self) -> None:
        if self.client.verbose:
            self.client.send(b"+OK\r\n", self.world.turn)

    def ping(self) -> None:
        self.events.append(("ping",))

    def pong(self) -> None:
        self.events.append(("pong",))

    def peer_error(self, text: bytes) -> None:
        raise ProtocolError("", reason="Client Closed")

    def violation(self, kind: str, subject: bytes) -> None:
        self.events.append(("violation", kind, subject))
        what = "Publish to" if kind == "publish" else "Publish with Reply of"
        line = b"-ERR 'Permissions Violation for %s \"%s\"'\r\n" % (what.encode(), subject)
        self.client.send(line, self.world.turn)

    def invalid_publish_subject(self) -> None:
        self.client.send(b"-ERR 'Invalid Publish Subject'\r\n", self.world.turn)

    def slow_consumer(self, pending: int) -> None:
        self.events.append(("slow_consumer", pending))

    def write_failed(self, errno: int) -> None:
        self.events.append(("write_failed", errno))
