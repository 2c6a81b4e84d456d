"""A few requests over a plain socket, to prepare what is measured."""

import json
import socket


class RawClient:
    """One connection; `auth` are further fields of CONNECT."""

    def __init__(self, port: int, auth: dict[str, str] | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
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
                raise SystemExit(f"the server answered {line!r}")
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            if line.startswith(begins):
                return line

    def request(self, subject: str, payload: bytes = b"") -> bytes:
        """The answer's body."""
        self._count += 1
        head = f"PUB {subject} _INBOX.raw.{self._count} {len(payload)}\r\n".encode()
        self._socket.sendall(head + payload + b"\r\n")
        while True:
            line = self._file.readline()
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith((b"MSG", b"HMSG")):
                size = int(line.split()[-1])
                return self._file.read(size + 2)[:-2]
            elif not line or line.startswith(b"-ERR"):
                raise SystemExit(f"the server answered {line!r}")

    def api(self, subject: str, body: object) -> dict[str, object]:
        """A JetStream request that must succeed."""
        answer = json.loads(self.request(f"$JS.API.{subject}", json.dumps(body).encode()))
        if "error" in answer:
            raise SystemExit(f"{subject}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
