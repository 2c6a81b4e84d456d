"""A server that worlds are pushed to, and people who try to use what is shared.

One server serves all cases of a run: every world has accounts of its own, below the same operator.
The probes say what works, step by step; they know nothing of `nsc explain`, which is judged by
them.
"""

import base64
import json
from collections.abc import Iterable
from pathlib import Path

from isthmus.identity.creds import parse_creds
from sharing.catalogue.world import GIVER, World
from support.raw import Message, RawClient
from support.servers import ServerProcess

PATIENT_S = 5.0  # for what must come
BRIEF_S = 0.4  # for what a planted fault keeps away


class LoginError(ConnectionError):
    """The server does not let this user in."""


class UserClient(RawClient):
    """A connection with credentials. `errors` are the server's complaints about what it did."""

    def __init__(self, port: int, creds: str) -> None:
        self._creds = parse_creds(creds)
        self.errors: list[str] = []
        try:
            super().__init__(port, timeout_s=PATIENT_S)
        except ConnectionError as e:
            raise LoginError(self.errors) from e

    def _proof(self, info: dict[str, object]) -> dict[str, object]:
        nonce = str(info["nonce"]).encode()
        signature = base64.urlsafe_b64encode(self._creds.key.sign(nonce)).rstrip(b"=")
        return {"jwt": self._creds.token, "sig": signature.decode()}

    def _aside(self, line: bytes) -> None:
        if line.startswith(b"-ERR"):
            self.errors.append(line.decode())
        else:
            super()._aside(line)

    def subscribe(self, subject: str, queue: str = "") -> None:
        self.send(f"SUB {subject} {queue} 2\r\n".encode())
        self.settle()

    def answers(self, subject: str, payload: bytes, *, count: int, wait_s: float) -> list[Message]:
        """Up to `count` answers, the last of which may be a status; none if it was forbidden."""
        self._requests += 1
        inbox = f"_INBOX.{self._requests}"
        before = len(self.errors)
        self.send(f"UNSUB 1\r\nSUB {inbox} 1\r\n".encode())
        self.publish(subject, payload, reply=inbox)
        self.settle()
        out: list[Message] = []
        while len(out) < count and len(self.errors) == before:
            message = self.message(wait_s)
            if message is None:
                break
            out.append(message)
            if message.header.startswith(b"NATS/1.0 "):
                break
        return out


class Lab:
    """One server of `kind`; `base` is the store with the operator alone."""

    def __init__(self, kind: str, folder: Path, base: World) -> None:
        self.kind = kind
        config = base.ok("generate config --nats-resolver --sys-account SYS")
        (folder / "resolver.conf").write_text(
            config.replace("allow_delete: false", "allow_delete: true").replace(
                'timeout: "1.9s"', 'timeout: "100ms"'
            )
        )
        self.server = ServerProcess(
            kind,
            folder / "server",
            config=(
                'server_name: lab\njetstream { store_dir: "./store" }\ninclude ../resolver.conf\n'
            ),
        ).start()
        self.system = UserClient(self.server.port, base.creds("SYS", "sys"))

    def stop(self) -> None:
        self.system.close()
        self.server.stop()

    def push(self, world: World, *accounts: str) -> list[str]:
        """Hand the tokens of `accounts` to the server; its complaints."""
        out = []
        for account in accounts:
            token = world.path(account).read_text()
            answer = self.system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
            assert answer is not None, account
            body = json.loads(answer.payload)
            if "error" in body:
                out.append(body["error"]["description"])
        return out

    def client(self, world: World, account: str, user: str = "") -> UserClient:
        return UserClient(self.server.port, world.creds(account, user))

    # -- what the giver owns -----------------------------------------------------------------------

    def api(self, world: World, verb: str, body: object, *, account: str = GIVER) -> dict:
        """One call of the JetStream API by the owner of the account."""
        with self.client(world, account) as client:
            answer = json.loads(client.api(verb, body))
        assert "error" not in answer, answer
        return answer

    def add_stream(
        self, world: World, name: str, subjects: Iterable[str], *, account: str = GIVER, **config
    ) -> None:
        body = {"name": name, "subjects": list(subjects), "storage": "memory", **config}
        self.api(world, f"STREAM.CREATE.{name}", body, account=account)

    def add_consumer(self, world: World, stream: str, name: str, **config: object) -> None:
        body = {
            "stream_name": stream,
            "config": {"durable_name": name, "ack_policy": "explicit", **config},
        }
        self.api(world, f"CONSUMER.DURABLE.CREATE.{stream}.{name}", body)

    def publish(self, world: World, subject: str, count: int, *, account: str = GIVER) -> None:
        """`count` messages, each stored when this returns."""
        with self.client(world, account) as client:
            for number in range(count):
                answer = client.request(subject, b"%d" % number)
                assert answer is not None, number
                assert b'"seq":' in answer.payload, answer


def is_status(message: Message) -> bool:
    return message.header.startswith(b"NATS/1.0 ")
