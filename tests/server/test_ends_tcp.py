"""A lease of two seconds over TCP, in real time: what is sent after its end reaches nobody.

Each message says when it was sent, so that a slow machine changes nothing: none that was sent a
second after the end or later may arrive. C publishes; B has a pull under way, pushed messages and a
plain stream, and says nothing himself.
"""

import json
import select
import signal
import time
from pathlib import Path

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import Activation, Export, Import, make_activation
from isthmus.identity.nkeys import Kind
from support.leases import STORING
from support.operator_mode import SignedClient, account_token, config, system_client, user_token
from support.tokens import key

pytestmark = [pytest.mark.real]

C, B = key(Kind.ACCOUNT, "two-seconds-c"), key(Kind.ACCOUNT, "two-seconds-b")
USER = key(Kind.USER, "two-seconds-user")
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.PULL"
GRANTS = {"pull": ("service", NEXT), "push": ("stream", "deliver.p"), "st": ("stream", "st.>")}
LEASE_S = 2


class TwoSeconds:
    """A server with C and B; what ends is named by `cause`, at `ends_s`."""

    def __init__(self, start_server, folder: Path, cause: str, prefix: str) -> None:
        resolver = f"{{ type: full, dir: '{folder}/jwt' }}"
        self.server = start_server(
            "isthmus", "-js", "-sd", str(folder / "store"), config=config({}, resolver=resolver)
        )
        now_ns = time.time_ns()
        self.prefix = prefix
        self.ends_s = now_ns // NS_PER_S + 1 + LEASE_S
        ends = {cause: self.ends_s}
        tokens = (
            account_token(
                C,
                now_ns=now_ns,
                limits=STORING,
                exports=tuple(
                    Export(
                        name=name,
                        subject=subject,
                        type=kind,
                        response_type="Stream" if kind == "service" else "",
                        token_required=True,
                    )
                    for name, (kind, subject) in GRANTS.items()
                ),
            ),
            account_token(
                B,
                now_ns=now_ns,
                exp=ends.get("account", 0),
                imports=tuple(
                    self._import(name, ends.get("activation", 0), now_ns) for name in GRANTS
                ),
            ),
        )
        with system_client(self.server.port) as system:
            for token in tokens:
                [answer] = system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
                assert b'"code":200' in answer.payload, answer
        self.c = SignedClient(self.server.port, user_token(USER, C, now_ns=now_ns), USER)
        expiring = user_token(USER, B, now_ns=now_ns, expires_s=ends.get("user", 0))
        self.b = SignedClient(self.server.port, expiring, USER)
        assert self.c.error == self.b.error == ""
        self._store()
        self._take_part()

    def _import(self, name: str, ends_s: int, now_ns: int) -> Import:
        kind, subject = GRANTS[name]
        claims = make_activation(B.public_key, subject, Activation(subject=subject, kind=kind))
        claims = type(claims)(
            subject=claims.subject, name=claims.name, nats=claims.nats, expires_s=ends_s
        )
        return Import(
            name=name,
            subject=subject,
            account=C.public_key,
            token=jwt.encode(claims, C, now_ns),
            local_subject=self.prefix + subject,
            type=kind,
        )

    def _store(self) -> None:
        config = {"name": "S", "subjects": ["s.>"]}
        self._api("STREAM.CREATE.S", config)
        for name, more in (("PULL", {}), ("PUSH", {"deliver_subject": "deliver.p"})):
            config = {"durable_name": name, "ack_policy": "none"} | more
            body = {"stream_name": "S", "config": config}
            self._api(f"CONSUMER.DURABLE.CREATE.S.{name}", body)

    def _api(self, verb: str, body: object) -> None:
        [answer] = self.c.request(f"$JS.API.{verb}", json.dumps(body).encode())
        assert b'"error"' not in answer.payload, answer

    def _take_part(self) -> None:
        for subject in ("_INBOX.>", f"{self.prefix}deliver.p", f"{self.prefix}st.>"):
            assert self.b.subscribe(subject) == ""
        body = json.dumps({"batch": 1_000_000, "expires": 3600 * NS_PER_S}).encode()
        assert self.b.publish(self.prefix + NEXT, body, "_INBOX.pull") == ""

    def publish(self) -> None:
        """A message for the stream and a plain one; nobody waits."""
        mark = f"sent {time.time()}".encode()
        self.c.send_request("s.x", "", mark)
        self.c.send_request("st.a", "", mark)

    def settle(self) -> None:
        """What C published is read, and B has heard what it hears."""
        assert self.c.publish("over") == ""
        self.outcome = self.b.publish("over")

    def heard(self) -> dict[str, list[float]]:
        """For each way, when what came by it was sent."""
        out: dict[str, list[float]] = {"st.a": [], "PULL": [], "PUSH": []}
        for message in self.b.kept():
            if message.payload.startswith(b"sent "):
                way = message.reply.split(".")[3] if message.reply else "st.a"
                out[way].append(float(message.payload.split()[1]))
        return out


@pytest.fixture(params=["activation", "user", "account"])
def cause(request) -> str:
    return request.param


ERRORS = {
    "activation": "",
    "user": "-ERR 'User Authentication Expired'",
    "account": "-ERR 'Account Authentication Expired'",
}


@pytest.mark.parametrize("prefix", ["", "renamed."])
def test_an_idle_importer_with_a_pull_under_way(start_server, tmp_path, cause, prefix):
    world = TwoSeconds(start_server, tmp_path, cause, prefix)
    while time.time() < world.ends_s + 1.5:
        world.publish()
        select.select([], [], [], 0.01)
    world.settle()
    assert world.outcome == ERRORS[cause]
    for way, sent in world.heard().items():
        assert sent, way
        assert max(sent) < world.ends_s + 1, way


def test_a_process_that_is_suspended_over_the_end(start_server, tmp_path, cause):
    world = TwoSeconds(start_server, tmp_path, cause, "renamed.")
    world.publish()
    world.settle()
    before = world.heard()
    assert all(before.values()) or time.time() >= world.ends_s, before
    world.server.process.send_signal(signal.SIGSTOP)
    try:
        while time.time() < world.ends_s + 1.1:
            select.select([], [], [], 0.02)
        for _ in range(100):
            world.publish()
    finally:
        world.server.process.send_signal(signal.SIGCONT)
    world.settle()
    assert world.outcome == ERRORS[cause]
    assert not any(world.heard().values())
