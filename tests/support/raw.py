"""A client of bare sockets: what it sends and gets are the bytes of the protocol.

Synchronous, for tests that compare a server's answers byte for byte.
"""

import json
import socket
from typing import NamedTuple, Self


class Message(NamedTuple):
    subject: str
    reply: str
    header: bytes
    payload: bytes


class RawClient:
    """One connection. Every request has its own inbox below `_INBOX.`."""

    def __init__(self, port: int, *, timeout_s: float = 5, **connect: object) -> None:
        self._timeout_s = timeout_s
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._buffer = b""
        self._kept: list[Message] = []
        self._requests = 0
        proof = self._proof(json.loads(self._line()[5:]))
        options = {"verbose": False, "headers": True, "no_responders": True, **proof, **connect}
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\nSUB _INBOX.> 1\r\nPING\r\n")
        self._until_pong()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def publish(self, subject: str, payload: bytes = b"", *, reply: str = "", header: bytes = b""):
        words = [subject, *([reply] if reply else [])]
        if header:
            words += [str(len(header)), str(len(header) + len(payload))]
        else:
            words.append(str(len(payload)))
        verb = "HPUB " if header else "PUB "
        self.send((verb + " ".join(words)).encode() + b"\r\n" + header + payload + b"\r\n")

    def message(self, timeout_s: float | None = None) -> Message | None:
        """The next message, or None if none comes in time."""
        if self._kept:
            return self._kept.pop(0)
        self._socket.settimeout(self._timeout_s if timeout_s is None else timeout_s)
        try:
            while True:
                line = self._line()
                verb, _, rest = line.partition(b" ")
                if verb in {b"MSG", b"HMSG"}:
                    return self._message(rest.split(), headers=verb == b"HMSG")
                if verb != b"PONG":
                    self._aside(line)
        except TimeoutError:
            return None

    def settle(self) -> None:
        """The server has read everything sent so far; messages that come meanwhile are kept."""
        self._socket.settimeout(self._timeout_s)
        self.send(b"PING\r\n")
        self._until_pong()

    def _until_pong(self) -> None:
        """Messages on the way are kept: others in the account may have inboxes too."""
        while (line := self._line()) != b"PONG":
            verb, _, rest = line.partition(b" ")
            if verb in {b"MSG", b"HMSG"}:
                self._kept.append(self._message(rest.split(), headers=verb == b"HMSG"))
            else:
                self._aside(line)

    def request(
        self, subject: str, payload: bytes = b"", *, header: bytes = b"", timeout_s: float = 5
    ) -> Message | None:
        """The first answer, or None; later answers to earlier requests are passed over."""
        self._requests += 1
        inbox = f"_INBOX.{self._requests}"
        self.publish(subject, payload, reply=inbox, header=header)
        while (message := self.message(timeout_s)) is not None:
            if message.subject == inbox:
                return message
        return None

    def api(self, verb: str, body: object = b"") -> bytes:
        """The JSON that `$JS.API.<verb>` answers; `body` is bytes, or becomes JSON."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = self.request(f"$JS.API.{verb}", payload)
        assert message is not None, verb
        return message.payload

    def _proof(self, info: dict[str, object]) -> dict[str, object]:
        """What CONNECT says about who this is; somebody without a name, unless overridden."""
        return {}

    def _aside(self, line: bytes) -> None:
        """A line that is neither a message nor an answer to our PING."""
        if line == b"PING":
            self.send(b"PONG\r\n")
        else:
            assert line.startswith(b"INFO"), line

    def _message(self, words: list[bytes], *, headers: bool) -> Message:
        sizes = 2 if headers else 1
        header_size = int(words[-2]) if headers else 0
        data = self._take(int(words[-1]) + 2)[:-2]
        names = [word.decode() for word in words[:-sizes]]
        reply = names[2] if len(names) == 3 else ""
        return Message(names[0], reply, data[:header_size], data[header_size:])

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._buffer += data
