"""A few requests over a plain socket, to prepare what is measured."""

import json
import socket

from bench.errors import RowError


class RawClient:
    """One connection; `auth` are further fields of CONNECT."""

    def __init__(
        self, port: int, auth: dict[str, str] | None = None, timeout_s: float = 30
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._file = self._socket.makefile("rb")
        self._count = 0
        self._line(b"INFO")
        connect = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        text = json.dumps(connect | (auth or {}))
        self._socket.sendall(f"CONNECT {text}\r\nSUB _INBOX.raw.* 1\r\nPING\r\n".encode())
        self._line(b"PONG")

    def _line(self, begins: bytes) -> bytes:
        while True:
            line = self._file.readline()
            if not line or line.startswith(b"-ERR"):
                raise RowError(f"the server answered {line!r}")
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            if line.startswith(begins):
                return line

    def _answer(self) -> bytes:
        while True:
            line = self._file.readline()
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith((b"MSG", b"HMSG")):
                size = int(line.split()[-1])
                return self._file.read(size + 2)[:-2]
            elif not line or line.startswith(b"-ERR"):
                raise RowError(f"the server answered {line!r}")

    def request(self, subject: str, payload: bytes = b"") -> bytes:
        """The answer's body."""
        return self.requests([(subject, payload)])[0]

    def requests(self, asked: list[tuple[str, bytes]]) -> list[bytes]:
        """All at once; the bodies of the answers."""
        data = bytearray()
        for subject, payload in asked:
            self._count += 1
            data += f"PUB {subject} _INBOX.raw.{self._count} {len(payload)}\r\n".encode()
            data += payload + b"\r\n"
        self._socket.sendall(data)
        return [self._answer() for _ in asked]

    def api(self, subject: str, body: object) -> dict[str, object]:
        """A JetStream request that must succeed."""
        answer = self.request(f"$JS.API.{subject}", json.dumps(body).encode())
        try:
            found: dict[str, object] = json.loads(answer)
        except json.JSONDecodeError:
            raise RowError(f"{subject}: the server answered {answer[:60]!r}") from None
        if "error" in found:
            raise RowError(f"{subject}: {found['error']}")
        return found

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()
