"""What a pushed token does to those who are connected: the same on our server and the real one.

push(token) ─► clients that must go are told why and closed; the others notice nothing
"""

import select
import time

import pytest
from msgspec.structs import replace

from isthmus.identity import jwt
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    UNLIMITED_USER,
    Activation,
    Export,
    GenericClaims,
    Import,
    Permission,
    Permissions,
    make_activation,
)
from isthmus.identity.nkeys import Kind
from support.operator_mode import (
    OPERATOR,
    SYSTEM_USER,
    SYSTEM_USER_TOKEN,
    SignedClient,
    account_token,
    config,
    user_token,
)
from support.tokens import key
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.oracle]

A, B = key(Kind.ACCOUNT, "live-a"), key(Kind.ACCOUNT, "live-b")
SIGNING = key(Kind.ACCOUNT, "live-signing")
USERS = [key(Kind.USER, f"live-{number}") for number in range(4)]
SERVICE = Export(subject="svc.>", type="service")
REVOKED = "-ERR 'User Authentication Revoked'"
TOO_MANY = "-ERR 'maximum account active connections exceeded'"
ACCOUNT_EXPIRED = "-ERR 'Account Authentication Expired'"
NO_RESPONDERS = b""
SILENCE = None


def now_ns():
    return time.time_ns()


class World:
    """A server with accounts A and B, clients in both, and somebody who pushes tokens."""

    def __init__(self, server):
        self.server = server
        self.clients = []
        self.system = SignedClient(server.port, SYSTEM_USER_TOKEN, SYSTEM_USER)

    def push(self, account, **body):
        token = account_token(account, now_ns=now_ns(), **body)
        [reply] = self.system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
        assert b'"code":200' in reply.payload, reply

    def connect(self, user=0, account=A, signer=None, body=UNLIMITED_USER, **claims):
        if signer is not None:
            body = replace(body, issuer_account=account.public_key)
        token = user_token(
            USERS[user], signer or account, body, now_ns=claims.pop("made_ns", now_ns()), **claims
        )
        client = SignedClient(self.server.port, token, USERS[user])
        assert client.error == ""
        self.clients.append(client)
        return client

    def close(self):
        for client in (self.system, *self.clients):
            client.__exit__()


@pytest.fixture
def world(kind, start_server, tmp_path):
    resolver = f"{{ type: full, dir: '{tmp_path / 'jwt'}', allow_delete: true }}"
    server = start_server(kind, config=config({}, resolver=resolver))
    made = World(server)
    made.push(A)
    made.push(B)
    yield made
    made.close()


def exchange(asking, answering, patience_s=10):
    """One request, answered if it comes through; what the asking one gets."""
    asking.send_request("svc.a", "_INBOX.a")
    while True:
        ready, _, _ = select.select([asking, answering], [], [], patience_s)
        if not ready:
            return SILENCE
        if answering in ready:
            for request in answering.came():
                assert answering.publish(request.reply, b"answer") == ""
        if asking in ready:
            for answer in asking.came():
                return answer.payload


@pytest.fixture
def pair(world):
    """A client of A that can answer, and one of B that can ask."""
    answering, asking = world.connect(0), world.connect(1, account=B)
    assert answering.subscribe("svc.>") == asking.subscribe("_INBOX.>") == ""
    return asking, answering


def test_a_revoked_user_is_told_and_the_others_stay(world):
    revoked, other = world.connect(0), world.connect(1)
    world.push(A, revocations={USERS[0].public_key: now_ns() // 10**9 + 1})
    assert revoked.ending() == REVOKED
    assert other.publish("still.here") == ""


def test_everybody_can_be_revoked_and_later_tokens_work(world):
    first, second = world.connect(0), world.connect(1)
    moment_s = now_ns() // 10**9 + 1
    world.push(A, revocations={"*": moment_s})
    assert first.ending() == second.ending() == REVOKED
    later = world.connect(0, made_ns=(moment_s + 1) * 10**9)
    assert later.publish("again") == ""


def test_over_a_lowered_limit_of_connections_the_newest_go(world):
    oldest, newer, newest = (world.connect(number) for number in range(3))
    world.push(A, limits=replace(UNLIMITED_ACCOUNT, connections=2))
    assert newest.ending() == TOO_MANY
    assert oldest.publish("a") == newer.publish("b") == ""


def test_over_a_lowered_limit_of_subscriptions_the_connection_goes(world):
    many, few = world.connect(0), world.connect(1)
    for number in range(3):
        many.subscribe(f"s.{number}")
    world.push(A, limits=replace(UNLIMITED_ACCOUNT, subs=2))
    assert many.ending() == "-ERR 'maximum subscriptions exceeded'"
    assert few.publish("a") == ""


def test_a_lowered_limit_of_payload_counts_for_the_next_message(world):
    client = world.connect()
    world.push(A, limits=replace(UNLIMITED_ACCOUNT, payload=8))
    assert client.publish("a", b"12345678") == ""
    assert client.publish("a", b"123456789") == "-ERR 'Maximum Payload Violation'"


def test_an_account_ends_when_its_token_ends(world):
    client, other = world.connect(0), world.connect(1, account=B)
    world.push(A, exp=now_ns() // 10**9 + 2)
    assert client.ending() == ACCOUNT_EXPIRED
    assert other.publish("a") == ""
    world.push(A)
    assert world.connect(0).publish("revived") == ""


def test_a_user_ends_when_its_token_ends(world):
    client, other = world.connect(0, expires_s=now_ns() // 10**9 + 2), world.connect(1)
    assert client.ending() == "-ERR 'User Authentication Expired'"
    assert other.publish("a") == ""


def test_users_of_a_signing_key_that_is_removed_go_in_silence(world):
    world.push(A, signing_keys=(SIGNING.public_key,))
    signed, other = world.connect(0, signer=SIGNING), world.connect(1)
    world.push(A)
    assert signed.ending() == "closed"
    assert other.publish("a") == ""


def test_default_permissions_change_for_those_without_their_own(world):
    client = world.connect()
    assert client.publish("secret") == ""
    deny = Permissions(pub=Permission(deny=("secret",)))
    world.push(A, default_permissions=deny)
    assert client.publish("secret") == "-ERR 'Permissions Violation for Publish to \"secret\"'"
    assert client.publish("open") == ""


def test_a_deleted_account_is_over(world):
    client, other = world.connect(0), world.connect(1, account=B)
    request = jwt.encode(
        GenericClaims(subject=OPERATOR.public_key, nats={"accounts": [A.public_key]}),
        OPERATOR,
        now_ns(),
    )
    [reply] = world.system.request("$SYS.REQ.CLAIMS.DELETE", request.encode())
    assert b'"code":200' in reply.payload, reply
    assert client.ending() == ACCOUNT_EXPIRED
    assert other.publish("a") == ""


def imports(token="", local=""):
    return (
        Import(
            subject="svc.a",
            account=A.public_key,
            type="service",
            token=token,
            local_subject=local,
        ),
    )


def test_an_importer_that_was_first_heals_when_the_exporter_comes(world, pair):
    world.push(B, imports=imports())
    assert exchange(*pair) == NO_RESPONDERS
    world.push(A, exports=(SERVICE,))
    assert exchange(*pair) == b"answer"


def test_an_export_that_goes_and_comes_back_needs_nothing_of_the_importer(world, pair):
    world.push(A, exports=(SERVICE,))
    world.push(B, imports=imports())
    assert exchange(*pair) == b"answer"
    world.push(A)
    assert exchange(*pair) == NO_RESPONDERS
    world.push(A, exports=(SERVICE,))
    assert exchange(*pair) == b"answer"


def activation(expires_s=0):
    nats = Activation(subject="svc.a", kind="service")
    claims = replace(make_activation(B.public_key, "svc.a", nats), expires_s=expires_s)
    return jwt.encode(claims, A, now_ns())


def test_a_public_export_that_becomes_private_asks_for_a_token(world, pair):
    world.push(A, exports=(SERVICE,))
    world.push(B, imports=imports())
    assert exchange(*pair) == b"answer"
    world.push(A, exports=(replace(SERVICE, token_required=True),))
    assert exchange(*pair) == NO_RESPONDERS
    world.push(B, imports=imports(activation()))
    assert exchange(*pair) == b"answer"


def test_a_grant_ends_with_its_token(kind, world, pair):
    world.push(A, exports=(replace(SERVICE, token_required=True),))
    ends_s = now_ns() // 10**9 + 2
    world.push(B, imports=imports(activation(ends_s)))
    assert exchange(*pair) == b"answer"
    while time.time() < ends_s + 1:  # no later than a second after the moment
        time.sleep(0.05)
    if kind == "isthmus":
        assert exchange(*pair) == NO_RESPONDERS
    wait_for(lambda: exchange(*pair, patience_s=0.5) == NO_RESPONDERS)
