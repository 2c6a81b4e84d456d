"""Pushed tokens and their effect, all of it in one piece and in its order, on both servers.

The transcript, 10.11, was captured on the real server: A exports a service and a stream, B imports
both with activations; the connections are the same from the first push to the deletion. Where ours
guarantees more, the step says so.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    UNLIMITED_USER,
    Activation,
    Export,
    GenericClaims,
    Import,
    make_activation,
)
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import (
    OPERATOR,
    SYSTEM_USER,
    SYSTEM_USER_TOKEN,
    SignedClient,
    account_token,
    config,
    user_token,
)
from support.servers import ServerProcess
from support.tokens import key
from support.transcript import Line
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.oracle]

A, B = key(Kind.ACCOUNT, "claims-a"), key(Kind.ACCOUNT, "claims-b")
SIGNING = key(Kind.ACCOUNT, "claims-signing")
USERS = [key(Kind.USER, f"claims-{number}") for number in range(4)]
GRANTS = {"svc": "service", "st.>": "stream"}
ALL, NOTHING = (True, True), (False, False)
REVOKED = "-ERR 'User Authentication Revoked'"
TOO_MANY = "-ERR 'maximum account active connections exceeded'"
TOO_MANY_SUBSCRIPTIONS = "-ERR 'maximum subscriptions exceeded'"
EXPIRED = "-ERR 'Account Authentication Expired'"


class World:
    """What A exports and B imports, and what their connections see of it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.now_s = int(time.time())
        self._requests = 0
        self.a_fields: dict[str, object] = {}
        self.b_fields: dict[str, object] = {}
        self.system = Line(port, token=SYSTEM_USER_TOKEN, signer=SYSTEM_USER)
        self.system.say("SUB _INBOX.s.* 1")
        self.export()
        self.take()
        self.a, self.b = self._line(A), self._line(B)
        self.a.say("SUB svc 1")
        self.a.settle()
        for sid, subject in enumerate(("_INBOX.q.*", "st.>"), 1):
            self.b.say(f"SUB {subject} {sid}")
        self.b.settle()

    def _line(self, account: KeyPair) -> Line:
        token = user_token(USERS[0], account, now_ns=self.now_s * NS_PER_S)
        return Line(self.port, token=token, signer=USERS[0])

    def client(self, number: int, signer: KeyPair = B) -> SignedClient:
        """Another connection of B."""
        body = UNLIMITED_USER
        if signer is not B:
            body = replace(body, issuer_account=B.public_key)
        token = user_token(USERS[number], signer, body, now_ns=self.now_s * NS_PER_S)
        made = SignedClient(self.port, token, USERS[number])
        assert made.error == ""
        return made

    # --- what is pushed ---

    def request(self, subject: str, payload: str) -> dict[str, object]:
        """SYS asks; the `data` of the answer."""
        self._requests += 1
        inbox = f"_INBOX.s.{self._requests}"
        self.system.say(f"PUB {subject} {inbox} {len(payload)}", payload)
        (frame,) = self.system.take()
        head, _, body = frame.partition("\n")
        assert head.startswith(f"MSG {inbox} 1 "), head
        document = json.loads(body)
        assert list(document) == ["server", "data"], body
        return document["data"]

    def _push(self, account: KeyPair, **body: object) -> None:
        token = account_token(account, now_ns=time.time_ns(), **body)
        data = self.request("$SYS.REQ.CLAIMS.UPDATE", token)
        data.pop("findings", None)  # ours says what of it is not active
        assert list(data.items()) == [
            ("account", account.public_key),
            ("code", 200),
            ("message", "jwt updated"),
        ]

    def export(self, *, nothing: bool = False, **changes: object) -> None:
        """A is pushed: its two exports, each with these changes."""
        exports = tuple(
            Export(name=subject, subject=subject, type=kind, **({"token_required": True} | changes))
            for subject, kind in GRANTS.items()
        )
        self._push(A, exports=() if nothing else exports, **self.a_fields)

    def take(
        self, *, nothing=False, signer=A, expires_s=0, activated=True, local="", **fields: object
    ) -> None:
        """B is pushed: its two imports."""
        imports = []
        for subject, kind in GRANTS.items():
            issuer = "" if signer is A else A.public_key
            body = Activation(subject=subject, kind=kind, issuer_account=issuer)
            claims = make_activation(B.public_key, subject, body)
            claims = replace(claims, expires_s=expires_s)
            token = jwt.encode(claims, signer, self.now_s * NS_PER_S) if activated else ""
            imports.append(
                Import(
                    name=subject,
                    subject=subject,
                    account=A.public_key,
                    token=token,
                    local_subject=local + subject,
                    type=kind,
                )
            )
        self.b_fields = fields
        self._push(B, imports=() if nothing else tuple(imports), **fields)

    def renew(self) -> None:
        """B imports everything anew, and all passes."""
        self.take(nothing=True)
        self.take()
        self.becomes(ALL)

    # --- what is seen ---

    def passes(self, local: str = "") -> tuple[bool, bool]:
        """Does a request of B reach A, and A's stream B? B is told if nobody is there."""
        self.a.say("PUB st.x 1", "x")
        self.a.settle()
        self._requests += 1
        inbox = f"_INBOX.q.{self._requests}"
        self.b.say(f"PUB {local}svc {inbox} 1", "q")
        self.b.settle()
        self.a.settle()
        asked = [frame for frame in self.a.frames if frame.startswith("HMSG svc 1 _R_ ")]
        told = (
            f"HMSG {inbox} 1 {35 + len(local)} {35 + len(local)}\n"
            f"NATS/1.0 503\r\nNats-Subject: {local}svc\r\n\r\n"
        )
        stream = "MSG st.x 2 1\nx" in self.b.frames
        assert (told in self.b.frames) != bool(asked), (self.a.frames, self.b.frames)
        self.a.frames.clear()
        self.b.frames.clear()
        return bool(asked), stream

    def becomes(self, expected: tuple[bool, bool]) -> None:
        """It takes the real server a moment after the answer."""
        wait_for(lambda: self.passes() == expected)

    def close(self) -> None:
        for line in (self.system, self.a, self.b):
            line.close()


@pytest.fixture(params=["isthmus", "real"])
def server(request, tmp_path) -> Iterator[ServerProcess]:
    resolver = f'{{ type: full, dir: "{tmp_path}/jwt", allow_delete: true }}'
    server = ServerProcess(request.param, tmp_path / "run", config=config({}, resolver=resolver))
    yield server.start()
    server.stop()


def test_10_11_claim_updates_and_their_effect(server, tmp_path):
    world = World(server.port)
    try:
        assert world.passes() == ALL
        imports_go_and_come_back(world)
        activations_are_revoked(world)
        exports_go_and_come_back(world)
        tokens_are_needed_or_not(world)
        the_signing_key_of_an_activation_is_removed(world)
        activations_expire(world, prompt=server.kind == "isthmus")
        users_are_cut_off(world)
        the_account_expires(world)
        the_account_is_deleted(world, tmp_path / "jwt")
    finally:
        world.close()


def imports_go_and_come_back(world: World) -> None:
    world.take(nothing=True)
    world.becomes(NOTHING)
    world.take()
    world.becomes(ALL)


def activations_are_revoked(world: World) -> None:
    for revocations, expected in (
        ({B.public_key: world.now_s}, NOTHING),
        ({}, ALL),
        ({B.public_key: world.now_s - 100}, ALL),
        ({"*": world.now_s + 5}, NOTHING),
        ({}, ALL),
    ):
        world.export(revocations=revocations)
        world.becomes(expected)


def exports_go_and_come_back(world: World) -> None:
    """B is not touched."""
    world.export(nothing=True)
    world.becomes(NOTHING)
    world.export()
    world.becomes(ALL)


def tokens_are_needed_or_not(world: World) -> None:
    world.export(token_required=False)
    world.becomes(ALL)
    world.take(activated=False)
    world.becomes(ALL)
    world.export()
    world.becomes(NOTHING)
    world.renew()


def the_signing_key_of_an_activation_is_removed(world: World) -> None:
    world.a_fields = {"signing_keys": (SIGNING.public_key,)}
    world.export()
    world.take(signer=SIGNING)
    world.becomes(ALL)
    world.a_fields = {}
    world.export()
    world.becomes(NOTHING)
    world.renew()


def activations_expire(world: World, *, prompt: bool) -> None:
    """`prompt`: also where the service has another name in B."""
    world.take(expires_s=int(time.time()) + 2)
    world.becomes(NOTHING)
    ends_s = int(time.time()) + 2
    world.take(expires_s=ends_s, local="in.")
    wait_for(lambda: time.time() > ends_s + 1)
    assert world.passes("in.")[0] != prompt
    world.export(revocations={"*": 5})  # A is pushed again, as something else
    wait_for(lambda: world.passes("in.")[0] is False)
    world.export()
    world.renew()


def users_are_cut_off(world: World) -> None:
    revoked = world.client(1)
    world.take(revocations={USERS[1].public_key: world.now_s + 1})
    assert revoked.ending() == REVOKED
    world.take()

    newest = world.client(1)
    world.take(limits=replace(UNLIMITED_ACCOUNT, connections=1))
    assert newest.ending() == TOO_MANY
    world.take()

    many = world.client(2)
    for number in range(6):
        assert many.subscribe(f"many.{number}") == ""
    world.take(limits=replace(UNLIMITED_ACCOUNT, subs=4))
    assert many.ending() == TOO_MANY_SUBSCRIPTIONS
    world.take()

    world.take(signing_keys=(SIGNING.public_key,))
    signed = world.client(3, SIGNING)
    world.take()
    assert signed.ending() == "closed"
    world.becomes(ALL)  # the first connection was not touched by any of it


def the_account_expires(world: World) -> None:
    connected = world.client(1)
    world.take(exp=int(time.time()) + 2)
    assert connected.ending() == EXPIRED


def the_account_is_deleted(world: World, folder: Path) -> None:
    world.take()
    connected = world.client(1)
    request = GenericClaims(
        subject=OPERATOR.public_key, nats={"accounts": [B.public_key, A.public_key]}
    )
    data = world.request("$SYS.REQ.CLAIMS.DELETE", jwt.encode(request, OPERATOR, time.time_ns()))
    assert data == {"code": 200, "message": "deleted 2 accounts"}
    assert connected.ending() == EXPIRED
    for account in (A, B):
        wait_for((folder / f"{account.public_key}.jwt.deleted").exists)
        assert not (folder / f"{account.public_key}.jwt").exists()
