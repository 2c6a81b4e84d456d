"""Tokens that come in any order, and bad ones: a whole server in virtual time."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import Export, Import
from isthmus.identity.nkeys import Kind
from isthmus.server.admission import Admission
from support.claims_requests import PACK, UPDATE, of
from support.operator_mode import account_token, user_token
from support.tokens import NOW_NS, key
from support.virtual import SimClient, VirtualServer

A, B = key(Kind.ACCOUNT, "pushed-a"), key(Kind.ACCOUNT, "pushed-b")
USER = key(Kind.USER, "pushed-user")
OLDER, NEWER = (account_token(A, name=f"{n}", now_ns=NOW_NS + n * NS_PER_S) for n in range(2))
FROM_A = (Import(subject="svc", account=A.public_key, type="service"),)
START_NS = NOW_NS + 3600 * NS_PER_S
Start = Callable[..., VirtualServer]


@pytest.fixture
def start(tmp_path) -> Iterator[Start]:
    """`start(tokens)`: a server that keeps them in memory; `full`: in a directory."""
    running: list[VirtualServer] = []

    def begin(*, full: bool = False, **tokens: str) -> VirtualServer:
        accounts = {{"a": A, "b": B}[name].public_key: token for name, token in tokens.items()}
        resolver = f"{{ type: full, dir: '{tmp_path}', interval: '1h' }}" if full else "MEMORY"
        running.append(VirtualServer(START_NS, accounts, resolver=resolver))
        return running[-1]

    yield begin
    for server in running:
        server.close()


def here(server: VirtualServer) -> str:
    """The token of A that is in force."""
    return server.server.registry.get(A.public_key).spec.token


def test_a_long_token_that_is_read_does_not_replace_one_that_was_pushed_meanwhile(
    start: Start, monkeypatch
):
    many = tuple(Export(subject=f"svc.{n}.{'x' * 200}", type="service") for n in range(400))
    server = start(a=account_token(A, exports=many))
    mode, registry = server.server.operator_mode, server.server.registry
    examine = mode.examine_large

    def examine_while_another_is_pushed(name: str):
        examined = examine(name)
        assert examined is not None
        registry.update(mode.accept(NEWER), START_NS)
        return examined

    monkeypatch.setattr(mode, "examine_large", examine_while_another_is_pushed)
    client = server.connect(user_token(USER, A), USER)
    assert not client.closed
    assert here(server) == NEWER


@pytest.mark.parametrize(("pushed", "found"), [(NEWER, OLDER), (OLDER, NEWER)])
def test_of_a_token_that_is_pushed_and_one_that_is_found_the_newer_counts(
    start: Start, pushed: str, found: str
):
    server = start(full=True, b=account_token(B, imports=FROM_A))
    server.system.subscribe(of(A, "LOOKUP"), "2")
    server.connect(user_token(USER, B), USER)
    [asked] = [frame for frame in server.system.take() if frame.sid == "2"]
    inbox = server.system.request(UPDATE, pushed.encode())
    server.loop.settle()
    assert here(server) == pushed
    [answer] = server.system.answers(inbox)  # it does not wait for the one that is asked
    assert b'"code":200' in answer.payload
    server.system.publish(asked.reply, found.encode())
    server.loop.settle()
    assert here(server) == NEWER
    server.stop()
    server.restart()
    server.connect(user_token(USER, A), USER)
    assert here(server) == NEWER


NEVER_GOOD = {
    "misspelt": account_token(
        A, now_ns=NOW_NS + NS_PER_S, exports=(Export(subject="foo bar", type="service"),)
    ),
    "another's": account_token(B, now_ns=NOW_NS + NS_PER_S),
    "self-made": account_token(A, now_ns=NOW_NS + NS_PER_S, signer=A),
    "garbage": "x.y.z",
}


@pytest.mark.parametrize("bad", NEVER_GOOD)
def test_a_bad_token_of_another_server_leaves_the_good_one(start: Start, bad: str):
    server = start(full=True, a=OLDER)
    server.system.subscribe(PACK, "2")
    server.loop.run_for(3601 * NS_PER_S)
    [asked] = [frame for frame in server.system.take() if frame.sid == "2"]

    def merge(token: str) -> str:
        """What the directory has of A after that."""
        server.system.publish(asked.reply, f"{A.public_key}|{token}".encode())
        server.loop.settle()
        inbox = server.system.request(of(A, "LOOKUP"))
        server.loop.settle()
        [answer] = server.system.answers(inbox)
        return answer.payload.decode()

    assert merge(NEVER_GOOD[bad]) == OLDER
    assert f"Account {A.public_key} of another server is not taken" in server.log.getvalue()
    assert merge(NEWER) == NEWER


MANY = tuple(
    Import(subject=f"svc.{n}", account=A.public_key, type="service", local_subject=f"a.{n}")
    for n in range(1000)
)
EXPORTING = account_token(A, exports=(Export(subject="svc.>", type="service"),))


def test_an_end_that_only_the_last_slice_of_a_change_finds_comes_for_who_is_silent(start: Start):
    server = start(a=EXPORTING, b=account_token(B))
    server.connect(user_token(USER, A), USER)  # it arrives before, and nobody follows
    client = server.connect(user_token(USER, B), USER)
    ends_s = START_NS // NS_PER_S + 60
    changed = account_token(B, imports=MANY, exp=ends_s, now_ns=NOW_NS + NS_PER_S)
    inbox = server.system.request(of(B, "UPDATE"), changed.encode())
    server.loop.run_for(59 * NS_PER_S)
    assert b'"code":200' in server.system.answers(inbox)[0].payload
    assert not client.closed
    server.loop.run_for(2 * NS_PER_S)
    assert client.closed
    assert client.error == "-ERR 'Account Authentication Expired'"


def test_logins_that_wait_for_a_change_are_told_and_take_nothing_from_it(start: Start, monkeypatch):
    server = start(a=EXPORTING, b=account_token(B))
    registry = server.server.registry
    server.connect(user_token(USER, B), USER)
    looked = []
    load_on = Admission._load_on
    monkeypatch.setattr(
        Admission, "_load_on", lambda self, steps: looked.append(self) or load_on(self, steps)
    )
    changed = account_token(B, imports=MANY, now_ns=NOW_NS + NS_PER_S)
    inbox = server.system.request(of(B, "UPDATE"), changed.encode())
    while not registry.undecided(B.public_key):
        server.loop.run_until_complete(asyncio.sleep(0))
    clients = [SimClient(server.loop, user_token(USER, B), USER) for _ in range(50)]
    for client in clients:
        client.send(b"PING\r\n")
    assert registry.undecided(B.public_key)
    server.loop.run_for(NS_PER_S)
    assert b'"code":200' in server.system.answers(inbox)[0].payload
    assert len(server.server.hub.members[B.public_key]) == 51
    assert len(looked) == 2 * len(clients)
