"""Connections of a transcript: what they send, and what they get as it came, with names for chance.

`Line` is one connection. `mask` replaces what differs in every run: `_R_` subjects, times, round
trips, numbers of connections, tokens. Frames are read by the sizes they name, so these are right
wherever they are masked.
"""

import base64
import json
import re
import socket
import time

from isthmus.identity.nkeys import KeyPair

WAIT_S = 20  # of a machine that has much else to do; what comes is taken at once


def mask(text: str) -> str:
    """The text with everything that chance decides named."""
    text = re.sub(r"_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{8}\.T", "_R_.T", text)
    text = re.sub(r"_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}", "_R_", text)
    text = re.sub(r'"rtt":\d+', '"rtt":R', text)
    text = re.sub(r'"(start|timestamp)":"20\d\d-[-0-9T:.]*Z"', r'"\1":"T"', text)
    text = re.sub(r'"jwt":"eyJ[-\w.]*"', '"jwt":"J"', text)
    text = re.sub(r'"id":\d+', '"id":I', text)
    text = re.sub(r'"id":"[0-9A-Za-z]{22}"', '"id":"I"', text)
    text = re.sub(r'"server":"[^"]*"', '"server":"S"', text)
    if '"status":200' in text:
        text = re.sub(r'"(service|system|total)":\d+', r'"\1":D', text)
    if "Nats-Request-Info:" in text or '"type":"io.nats.server.metric' in text:
        head, _, body = text.partition("\n")
        if head.startswith("HMSG"):
            head = re.sub(r" \d+( \d+)$", r" N\1", head)
        text = re.sub(r" \d+$", " N", head) + "\n" + body
    return text


class Line:
    """A connection by bare socket. `names` maps keys to what the transcript calls them."""

    def __init__(
        self,
        port: int,
        *,
        token: str = "",
        signer: KeyPair | None = None,
        names: dict[str, str] | None = None,
        **connect: object,
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self._buffer = b""
        self._names = names or {}
        self.frames: list[str] = []
        self.reply = ""  # the last `_R_` subject, as it came
        info = json.loads(self._line()[5:])
        fields: dict[str, object] = {"verbose": False, "headers": True, "no_responders": True}
        fields |= {"protocol": 1, "lang": "py", "version": "0"}
        if signer is not None:
            signature = base64.urlsafe_b64encode(signer.sign(info["nonce"].encode()))
            fields |= {"jwt": token, "sig": signature.decode().rstrip("=")}
        self._send(b"CONNECT " + json.dumps(fields | connect).encode() + b"\r\n")
        self.settle()

    def close(self) -> None:
        self._socket.close()

    def say(self, text: str, payload: str = "") -> None:
        """One line; a publication with its payload."""
        data = f"{text}\r\n"
        if text.startswith(("PUB", "HPUB")):
            data += f"{payload}\r\n"
        self._send(data.encode())

    def settle(self) -> None:
        """Everything said so far has been taken in by the server."""
        self._socket.settimeout(WAIT_S)
        self._send(b"PING\r\n")
        while self._read() != "PONG":
            pass

    def expect(self, *wanted: str) -> None:
        """Exactly these, in any order between subscriptions, and nothing else."""
        ends = time.monotonic() + WAIT_S
        while len(self.frames) < len(wanted) and time.monotonic() < ends:
            self._socket.settimeout(max(ends - time.monotonic(), 0.01))
            try:
                self._read()
            except TimeoutError:
                break
        self.settle()
        got, self.frames = self.frames, []
        assert sorted(got) == sorted(wanted), "\n".join(["got", *got, "wanted", *wanted])

    def take(self, count: int = 1) -> list[str]:
        """The next frames, whatever they say."""
        while len(self.frames) < count:
            self._read()
        got, self.frames = self.frames, []
        return got

    def _read(self) -> str:
        line = self._line().decode()
        words = line.split()
        if words[0] == "PING":
            self._send(b"PONG\r\n")
        assert not line.startswith("-ERR"), line
        if words[0] in {"MSG", "HMSG"}:
            raw = self._take(int(words[-1]) + 2)
            assert raw.endswith(b"\r\n")
            if words[0] == "HMSG":
                assert raw[: int(words[-2])].endswith(b"\r\n\r\n")
            self._keep(" ".join(words), raw[:-2].decode())
        return line

    def _keep(self, head: str, body: str) -> None:
        found = re.findall(r"_R_\.\S+", head)
        if found:
            self.reply = found[-1]
        for key, name in self._names.items():
            head, body = head.replace(key, name), body.replace(key, name)
        self.frames.append(mask(f"{head}\n{body}"))

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)

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
