"""What one account must not get out of what another says, on both servers.

Each case has accounts of its own: A exports, B imports, V is somebody else.
"""

import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import Activation, Export, Import, make_activation
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import SignedClient, account_token, config, system_client, user_token
from support.raw import RawClient
from support.servers import ServerProcess
from support.tokens import key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

USER = key(Kind.USER, "abuser")
NOW_NS = time.time_ns() // NS_PER_S * NS_PER_S
FAR_S = 99_999_999_999  # in the year 5138: no 64 bits of nanoseconds reach it
V = key(Kind.ACCOUNT, "abused-v")

ROUND = """
accounts {
  A { users: [{user: a, password: a}]
      exports: [{service: in}]
      imports: [{service: {account: B, subject: in}, to: go}
                {service: {account: C, subject: in}, to: go}]
      mappings: {in: go} }
  B { exports: [{service: in}]
      imports: [{service: {account: A, subject: in}, to: back}]
      mappings: {in: back} }
  C { exports: [{service: in}]
      imports: [{service: {account: A, subject: in}, to: back}]
      mappings: {in: back} }
}
"""


ANSWERED = """
accounts {
  A { users: [{user: a, password: a}]
      exports: [{service: svc}] }
  B { users: [{user: b, password: b}]
      exports: [{stream: "out.>"}]
      imports: [{service: {account: A, subject: svc}}] }
  C { users: [{user: c, password: c}]
      imports: [{stream: {account: B, subject: "out.>"}}] }
}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory) -> Iterator[ServerProcess]:
    """One server that takes pushes."""
    folder = tmp_path_factory.mktemp("abused")
    text = config({}, resolver=f'{{ type: full, dir: "{folder}/jwt" }}')
    with ServerProcess(request.param, folder / "run", config=text) as running:
        yield running


class Pair:
    """A and B as they were pushed, with a client each."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self._server = server
        self.a, self.b = key(Kind.ACCOUNT, f"{name}-a"), key(Kind.ACCOUNT, f"{name}-b")

    def push(self, export: Export, wanted: Import, *, exp: int = 0) -> None:
        with system_client(self._server.port) as system:
            for token in (
                account_token(self.a, now_ns=NOW_NS, exports=(export,)),
                account_token(self.b, now_ns=NOW_NS, imports=(wanted,), exp=exp),
            ):
                (answer,) = system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
                assert b'"jwt updated"' in answer.payload

    def client(self, account: KeyPair) -> SignedClient:
        token = user_token(USER, account, now_ns=NOW_NS)
        client = SignedClient(self._server.port, token, USER)
        assert client.error == ""
        return client

    def crosses(self, kind: str, *subjects: str) -> list[str]:
        """Which of `subjects`, said at the one end, are heard at the other."""
        asker, service = (self.b, self.a) if kind == "service" else (self.a, self.b)
        with self.client(service) as hears, self.client(asker) as says:
            assert hears.subscribe(">") == ""
            for subject in subjects:
                assert says.publish(subject) == ""
            with self.client(service) as last:  # what is behind all the others in the account
                last.publish("the.end")
            heard: list[str] = []
            while "the.end" not in heard:
                heard.append(hears.message().subject)
        return [subject for subject in heard if subject in subjects]


@pytest.mark.parametrize("kind", ["service", "stream"])
@pytest.mark.parametrize("whose", ["everybody", "own", "other"])
def test_the_importers_key_stands_at_its_place(server: ServerProcess, kind: str, whose: str):
    pair = Pair(server, f"position-{kind}-{whose}")
    own = pair.b.public_key
    remote = {"everybody": "priv.*.x", "own": f"priv.{own}.x", "other": f"priv.{V.public_key}.x"}
    pair.push(
        Export(subject="priv.*.x", type=kind, account_token_position=2),
        Import(subject=remote[whose], type=kind, account=pair.a.public_key),
    )
    heard = pair.crosses(kind, f"priv.{own}.x", f"priv.{V.public_key}.x")
    assert heard == ([f"priv.{own}.x"] if whose == "own" else [])


@pytest.mark.parametrize("kind", ["service", "stream"])
def test_an_end_that_no_clock_reaches_is_far_away(server: ServerProcess, kind: str):
    pair = Pair(server, f"far-{kind}")
    body = Activation(subject="far.x", kind=kind)
    activation = replace(make_activation(pair.b.public_key, "far.x", body), expires_s=FAR_S)
    pair.push(
        Export(subject="far.x", type=kind, token_required=True),
        Import(
            subject="far.x",
            type=kind,
            account=pair.a.public_key,
            token=jwt.encode(activation, pair.a, NOW_NS),
        ),
        exp=FAR_S,
    )
    assert pair.crosses(kind, "far.x") == ["far.x"]


def test_an_answer_goes_to_who_asked_and_no_further(kind: str, start_server):
    """B exports the subject on which it waits for the answer of A."""
    server = start_server(kind, config=ANSWERED)
    a, b, c = (RawClient(server.port, user=name, **{"pass": name}) for name in "abc")
    with a, b, c:
        for client, subject in ((a, b"svc"), (b, b"out.>"), (c, b"out.>")):
            client.send(b"SUB %s 2\r\n" % subject)
            client.settle()
        b.publish("svc", b"ask", reply="out.x")
        a.publish(a.message().reply, b"answer")
        assert b.message().payload == b"answer"
        b.publish("out.x", b"said")
        assert c.message().payload == b"said"


def test_what_mappings_lead_round_ends_where_it_was(kind: str, start_server):
    server = start_server(kind, config=ROUND)
    with RawClient(server.port, user="a", **{"pass": "a"}) as client:
        client.send(b"SUB go 2\r\n")
        client.publish("go", b"round")
        client.settle()
        client.publish("go", b"again")
        heard = [client.message().payload]
        while heard[-1] != b"again":
            heard.append(client.message().payload)
    assert heard == [b"round", b"round", b"round", b"again"]  # once itself, once by B and C each
