"""A server in operator mode, and clients that prove who they are by bare sockets."""

import base64
import json
import socket
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, Self

from isthmus.identity import jwt
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    UNLIMITED_USER,
    Account,
    AccountClaims,
    Operator,
    OperatorClaims,
    User,
    UserClaims,
)
from isthmus.identity.nkeys import KeyPair, Kind
from support.tokens import NOW_NS, key

OPERATOR = key(Kind.OPERATOR, "operator")
OPERATOR_SIGNING = key(Kind.OPERATOR, "operator-signing")
SYSTEM = key(Kind.ACCOUNT, "system")
SYSTEM_USER = key(Kind.USER, "system-user")


def operator_token(**changes: object) -> str:
    body = Operator(
        signing_keys=(OPERATOR_SIGNING.public_key,), system_account=SYSTEM.public_key, **changes
    )
    claims = OperatorClaims(subject=OPERATOR.public_key, name="TestOperator", nats=body)
    return jwt.encode(claims, OPERATOR, NOW_NS)


def account_token(
    account: KeyPair,
    *,
    signer: KeyPair = OPERATOR,
    now_ns: int = NOW_NS,
    name="",
    exp=0,
    nbf=0,
    **body,
) -> str:
    """An account without limits but those that `body` names."""
    nats = Account(**({"limits": UNLIMITED_ACCOUNT} | body))
    claims = AccountClaims(
        subject=account.public_key, name=name, expires_s=exp, not_before_s=nbf, nats=nats
    )
    return jwt.encode(claims, signer, now_ns)


def user_token(
    user: KeyPair, signer: KeyPair, body: User = UNLIMITED_USER, *, now_ns=NOW_NS, **claims
) -> str:
    return jwt.encode(UserClaims(subject=user.public_key, nats=body, **claims), signer, now_ns)


SYSTEM_TOKEN = account_token(SYSTEM, name="SYS")
SYSTEM_USER_TOKEN = user_token(SYSTEM_USER, SYSTEM, name="sys")


def config(preload: Mapping[str, str], *, resolver: str = "MEMORY", operator: str = "") -> str:
    """A configuration in operator mode; the system account is always there."""
    tokens = {SYSTEM.public_key: SYSTEM_TOKEN} | dict(preload)
    lines = [f"  {name}: {token}" for name, token in tokens.items()]
    return "\n".join(
        [
            f"operator: {operator or operator_token()}",
            f"system_account: {SYSTEM.public_key}",
            f"resolver: {resolver}",
            "resolver_preload: {",
            *lines,
            "}",
        ]
    )


class Message(NamedTuple):
    subject: str
    reply: str
    payload: bytes


class SignedClient:
    """A connection that presents a token. `error` is what the server refused it with, or empty."""

    def __init__(
        self, port: int, token: str, signer: KeyPair | None, *, padded: bool = False, **connect
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._buffer = b""
        self._messages: deque[Message] = deque()
        nonce = json.loads(self._line()[5:])["nonce"]
        fields = {"jwt": token, "headers": True, "no_responders": True, "verbose": False}
        if signer is not None:
            raw = signer.sign(nonce.encode())
            coded = base64.b64encode(raw) if padded else base64.urlsafe_b64encode(raw).rstrip(b"=")
            fields["sig"] = coded.decode()
        self._send(b"CONNECT " + json.dumps(fields | connect).encode() + b"\r\nPING\r\n")
        self.error = self._outcome()
        self._requests = 0
        self._subscriptions = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def subscribe(self, subject: str) -> str:
        """The error the server answers with, or empty."""
        self._subscriptions += 1
        self._send(f"SUB {subject} s{self._subscriptions}\r\nPING\r\n".encode())
        return self._outcome()

    def publish(self, subject: str, payload: bytes = b"", reply: str = "") -> str:
        """The error the server answers with, or empty."""
        self._send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\nPING\r\n")
        return self._outcome()

    def request(self, subject: str, payload: bytes = b"", *, count: int = 1) -> list[Message]:
        """`count` answers; one without payload is the status of nobody being there, or an end."""
        self._requests += 1
        inbox = f"_INBOX.test.{self._requests}"
        data = f"SUB {inbox} {self._requests + 9}\r\nPUB {subject} {inbox} {len(payload)}\r\n"
        self._send(data.encode() + payload + b"\r\n")
        return [self.message() for _ in range(count)]

    def send_request(self, subject: str, reply: str, payload: bytes = b"ask") -> None:
        """Publish and wait for nothing."""
        self._send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def publish_all(self, subject: str, payloads: list[bytes]) -> None:
        """Publish many, and wait until the server has read them."""
        data = b"".join(b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(p), p) for p in payloads)
        self._send(data + b"PING\r\n")
        assert self._outcome() == ""

    def message(self) -> Message:
        while not self._messages:
            self._read()
        return self._messages.popleft()

    def ending(self) -> str:
        """Wait until the server closes the connection; the error it gave, or `closed`."""
        return self._outcome()

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def came(self) -> list[Message]:
        """What has come: reads once if nothing waits.

        All of what was read then: `select` would not tell of what stands behind a PING.
        """
        if not self._messages:
            self._read()
        while self._buffer:
            self._read()
        out = list(self._messages)
        self._messages.clear()
        return out

    def glance(self) -> str:
        """Read one line: the error if it is one, `closed` at the end, else empty."""
        try:
            line = self._read()
        except ConnectionError:
            return "closed"
        return line if line.startswith("-ERR") else ""

    def kept(self) -> list[Message]:
        """What was read on the way to something else."""
        out = list(self._messages)
        self._messages.clear()
        return out

    def _outcome(self) -> str:
        """Read until PONG or the end; the error on the way, if any."""
        error = ""
        while True:
            try:
                line = self._read()
            except ConnectionError:
                return error or "closed"
            if line.startswith("-ERR"):
                error = line
            if line == "PONG":
                return error

    def _read(self) -> str:
        """The next line; a message is kept for `message`."""
        line = self._line().decode()
        words = line.split()
        if words[0] in {"MSG", "HMSG"}:
            data = self._take(int(words[-1]) + 2)[:-2]
            names = words[1 : -2 if words[0] == "HMSG" else -1]
            header = int(words[-2]) if words[0] == "HMSG" else 0
            reply = names[2] if len(names) == 3 else ""
            self._messages.append(Message(names[0], reply, data[header:]))
        return line

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


def system_client(port: int) -> SignedClient:
    client = SignedClient(port, SYSTEM_USER_TOKEN, SYSTEM_USER)
    assert not client.error, client.error
    return client
