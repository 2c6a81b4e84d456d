"""Grants that change while messages flow: the same connections, streams and services, both servers.

A exports a stream and a service, B imports both under other names. Each test has accounts of its
own and pushes tokens to one server; the subscriptions that are there already see what follows.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import Activation, Export, Import, make_activation
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import account_token, config, system_client, user_token
from support.servers import ServerProcess
from support.tokens import key
from support.transcript import Line
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle]

UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
SIGNING = key(Kind.ACCOUNT, "exporter-signing")
USER = key(Kind.USER, "user")


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory) -> Iterator[ServerProcess]:
    """One server that takes pushes."""
    folder = tmp_path_factory.mktemp("updates")
    resolver = f'{{ type: full, dir: "{folder}/jwt" }}'
    server = ServerProcess(request.param, folder / "run", config=config({}, resolver=resolver))
    yield server.start()
    server.stop()


class World:
    """Two accounts; both follow `update`, which pushes what is named and leaves the rest."""

    def __init__(self, port: int, name: str) -> None:
        self.now_s = int(time.time())
        self.a, self.b = key(Kind.ACCOUNT, f"{name}-a"), key(Kind.ACCOUNT, f"{name}-b")
        self._system = system_client(port)
        self._fields = {
            "public": False,
            "exported": True,
            "imported": True,
            "revocations": {},
            "signer": self.a,
            "signing_keys": (),
            "expires_s": 0,
            "prefix": "in",
        }
        self._pushed: dict[str, str] = {}
        self.update()
        self.service = self._connect(port, self.a)
        self.source = self._connect(port, self.a)
        self.hearer = self._connect(port, self.b)
        self.asker = self._connect(port, self.b)
        self.service.say("SUB svc.* 1")
        self.service.settle()
        self.hearer.say("SUB *.ev.> 1")
        self.hearer.settle()
        self.asker.say("SUB _INBOX.> 2")
        self.asker.settle()

    def _connect(self, port: int, account: KeyPair) -> Line:
        token = user_token(USER, account, now_ns=self.now_s * NS_PER_S)
        return Line(port, token=token, signer=USER)

    def update(self, **changes: object) -> None:
        """Push what the two accounts are now; the importer only if it differs."""
        self._fields |= changes
        for account, token in ((self.a, self._exporter()), (self.b, self._importer())):
            body = jwt.decode_account(token).nats
            if self._pushed.get(account.public_key) != repr(body):
                self._pushed[account.public_key] = repr(body)
                (answer,) = self._system.request(UPDATE, token.encode())
                assert b'"code":200' in answer.payload, answer.payload

    def _exporter(self) -> str:
        fields = self._fields
        exports = tuple(
            Export(
                name=subject,
                subject=subject,
                type=kind,
                token_required=not fields["public"],
                revocations=fields["revocations"],
            )
            for kind, subject in (("stream", "ev.>"), ("service", "svc.*"))
        )
        return account_token(
            self.a,
            now_ns=time.time_ns(),
            exports=exports if fields["exported"] else (),
            signing_keys=fields["signing_keys"],
        )

    def _importer(self) -> str:
        fields = self._fields
        imports = []
        for kind, subject in (("stream", "ev.>"), ("service", "svc.*")):
            body = Activation(subject=subject, kind=kind)
            if fields["signer"] is not self.a:
                body = Activation(subject=subject, kind=kind, issuer_account=self.a.public_key)
            claims = make_activation(self.b.public_key, subject, body)
            claims = type(claims)(
                subject=claims.subject,
                name=claims.name,
                nats=claims.nats,
                expires_s=fields["expires_s"],
            )
            imports.append(
                Import(
                    name=subject,
                    subject=subject,
                    account=self.a.public_key,
                    token=jwt.encode(claims, fields["signer"], self.now_s * NS_PER_S),
                    local_subject=f"{fields['prefix']}.{subject}",
                    type=kind,
                )
            )
        imports = tuple(imports) if fields["imported"] else ()
        return account_token(self.b, now_ns=time.time_ns(), imports=imports)

    def heard(self, prefix: str = "in") -> tuple[bool, bool]:
        """Does a message of A's stream reach B, and a request of B the service of A?"""
        self.source.say("PUB ev.x 1", "x")
        self.source.settle()
        self.hearer.settle()
        stream = f"MSG {prefix}.ev.x 1 1\nx" in self.hearer.frames
        self.hearer.frames.clear()
        self.asker.say(f"PUB {prefix}.svc.a _INBOX.q 1", "q")
        self.asker.settle()
        self.service.settle()
        service = bool(self.service.frames)
        assert service != any("503" in frame for frame in self.asker.frames)
        self.service.frames.clear()
        self.asker.frames.clear()
        return stream, service

    def close(self) -> None:
        for line in (self.service, self.source, self.hearer, self.asker):
            line.close()


@pytest.fixture
def make_world(server, request) -> Iterator[Callable[[], World]]:
    worlds = []

    def make() -> World:
        worlds.append(World(server.port, request.node.originalname))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


ALL, NOTHING = (True, True), (False, False)


def test_an_import_that_goes_and_comes_back(make_world):
    world = make_world()
    assert world.heard() == ALL
    world.update(imported=False)
    assert world.heard() == NOTHING
    world.update(imported=True)
    assert world.heard() == ALL


def test_an_export_that_goes_and_comes_back_without_the_importer(make_world):
    world = make_world()
    assert world.heard() == ALL
    world.update(exported=False)
    wait_for(lambda: world.heard() == NOTHING)
    world.update(exported=True)
    wait_for(lambda: world.heard() == ALL)


def test_a_revoked_activation_and_one_that_is_newer(make_world):
    world = make_world()
    assert world.heard() == ALL
    for revoked, expected in (
        ({world.b.public_key: world.now_s + 1}, NOTHING),
        ({}, ALL),
        ({world.b.public_key: world.now_s - 100}, ALL),
        ({"*": world.now_s + 5}, NOTHING),
        ({}, ALL),
    ):
        world.update(revocations=revoked)
        wait_for(lambda expected=expected: world.heard() == expected)


def test_an_activation_by_a_signing_key_that_is_removed(make_world):
    world = make_world()
    world.update(signing_keys=(SIGNING.public_key,))
    world.update(signer=SIGNING)
    assert world.heard() == ALL
    world.update(signing_keys=())
    wait_for(lambda: world.heard() == NOTHING)
    world.update(signing_keys=(SIGNING.public_key,))
    wait_for(lambda: world.heard() == ALL)


def test_another_local_name(make_world):
    world = make_world()
    assert world.heard() == ALL
    world.update(prefix="other")
    assert world.heard("other") == ALL
    assert world.heard() == NOTHING


def test_a_grant_ends_within_a_second_of_its_end(make_world, server):
    world = make_world()
    ends_s = int(time.time()) + 4
    world.update(expires_s=ends_s)
    assert world.heard() == ALL or time.time() >= ends_s  # a machine may be that slow
    last = {"stream": 0.0, "service": 0.0}

    def over() -> bool:
        now_s = time.time()
        stream, service = world.heard()
        last["stream"] = now_s if stream else last["stream"]
        last["service"] = now_s if service else last["service"]
        return now_s > ends_s + 1

    wait_for(over)
    assert last["stream"] < ends_s + 1
    # the original looks for a service by its local name, which differs, and lets it go on
    assert (last["service"] < ends_s + 1) == (server.kind == "isthmus")
