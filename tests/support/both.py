"""Our server and the real one, asked the same things: answers must be equal but for times and ids.

`Both` sends every request to the two servers and compares what comes back, headers and payload;
what it returns is our answer, so that a test can also say what both answered.
"""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from support.raw import Message, RawClient
from support.servers import ServerProcess

KINDS = ("isthmus", "real")

_VARYING = (
    (re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), b"<time>"),
    (re.compile(rb'"_nats.ver":"[^"]*"'), b'"_nats.ver":"<version>"'),
    (re.compile(rb'"leader":"[^"]*"'), b'"leader":"<name>"'),
)


def masked(text: bytes) -> bytes:
    """`text` without what two servers cannot have in common."""
    for pattern, stand_in in _VARYING:
        text = pattern.sub(stand_in, text)
    return text


class Both:
    """Two servers and a connection to each."""

    def __init__(self, folder: Path, *, config: str = "") -> None:
        self._stack = ExitStack()
        self._folder = folder
        self._config = config
        self.servers: list[ServerProcess] = []
        self.clients: list[RawClient] = []

    def __enter__(self) -> Self:
        for kind in KINDS:
            folder = self._folder / kind
            flags = ("-js", "-sd", str(folder / "store"))
            server = ServerProcess(kind, folder, *flags, config=self._config)
            self.servers.append(self._stack.enter_context(server))
            self.clients.append(self._stack.enter_context(RawClient(server.port)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def restart(self) -> None:
        """Both end in order and come back where they were; the connections are new."""
        for index, server in enumerate(self.servers):
            self.clients[index].close()
            port = server.port
            server.stop()
            server.start(port)
            self.clients[index] = self._stack.enter_context(RawClient(port))

    def each(self, ask: Callable[[RawClient], Any]) -> Any:
        """What `ask` gets from either server, which must be the same."""
        ours, real = (ask(client) for client in self.clients)
        assert ours == real, f"\nours: {ours!r}\nreal: {real!r}"
        return ours

    def request(self, subject: str, payload: bytes = b"", *lines: bytes) -> tuple[bytes, bytes]:
        """Header and payload of the one answer; empty for no answer at all."""
        header = b"\r\n".join((b"NATS/1.0", *lines)) + b"\r\n\r\n" if lines else b""

        def ask(client: RawClient) -> tuple[bytes, bytes]:
            message = client.request(subject, payload, header=header)
            return (b"", b"") if message is None else _plain(message)

        return self.each(ask)

    def requests(self, subject: str, payload: bytes = b"") -> list[tuple[bytes, bytes]]:
        """The same for several answers, the last of which is a status."""

        def ask(client: RawClient) -> list[tuple[bytes, bytes]]:
            out = []
            message = client.request(subject, payload)
            while message is not None:
                out.append(_plain(message))
                if re.match(rb"NATS/1.0 \d", message.header):
                    return out
                message = client.message()
            raise AssertionError(f"no status ended the answers to {payload!r}: {out}")

        return self.each(ask)

    def pull(self, consumer: str, batch: int, expires_ns: int = 0) -> list[tuple[str, bytes]]:
        """What a pull of `<stream>.<consumer>` brings at once: subjects and payloads.

        `expires_ns` is how long it waits for the first: the real server counts a message for its
        consumers only after the publisher's answer.
        """

        def ask(client: RawClient) -> list[tuple[str, bytes]]:
            body = b'{"batch":%d,"no_wait":true,"expires":%d}' % (batch, expires_ns)
            client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{consumer}", body, reply="_INBOX.pull")
            out: list[tuple[str, bytes]] = []
            while len(out) < batch:
                message = client.message()
                assert message is not None
                if message.header.startswith(b"NATS/1.0 4"):
                    break
                out.append((message.subject, message.payload))
            return out

        return self.each(ask)

    def api(self, verb: str, body: object = b"") -> dict[str, Any]:
        """The answer of `$JS.API.<verb>`, read."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        _, answer = self.request(f"$JS.API.{verb}", payload)
        return json.loads(answer)

    def create(self, name: str, **config: Any) -> dict[str, Any]:
        """A stream that both accept."""
        answer = self.api(f"STREAM.CREATE.{name}", {"name": name, **config})
        assert "error" not in answer, answer
        return answer

    def state(self, name: str, **asked: Any) -> dict[str, Any]:
        """A stream's state."""
        return self.api(f"STREAM.INFO.{name}", asked)["state"]


def _plain(message: Message) -> tuple[bytes, bytes]:
    return masked(message.header), masked(message.payload)
