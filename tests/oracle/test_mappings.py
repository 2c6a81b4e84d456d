"""Subjects that stand for others: of configured accounts, of signed ones, and across borders."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import Export, Import, WeightedMapping
from isthmus.identity.nkeys import KeyPair, Kind
from support.claims_requests import UPDATE
from support.operator_mode import SignedClient, account_token, config, system_client, user_token
from support.raw import Message, RawClient
from support.servers import ServerProcess
from support.tokens import key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

CONFIGURED = """
mappings { of.all: of.them }
accounts {
  A {
    users: [
      {user: a, password: a},
      {user: before, password: x, permissions: {publish: [x.src, _INBOX.>]}},
      {user: after, password: x, permissions: {publish: [x.dst]}}
    ]
    mappings {
      x.src: x.dst
      "w.*.*": "v.$2.{{wildcard(1)}}"
      "rest.>": "r2.>"
      half: [ {destination: h1, weight: 30%} ]
      "hw.*": [ {dest: "hx.$1", weight: 50} ]
      full: [ {dest: f1, weight: 50%}, {dest: f2, weight: "50%"} ]
      lossy: [ {dest: lossy, weight: 50} ]
      east: [ {dest: c1, weight: 100%, cluster: east} ]
      both: [ {dest: c2, weight: 100%, cluster: east}, {dest: c3, weight: 100%} ]
      loop1: loop2
      loop2: loop3
      none: [ {dest: n1, weight: 0} ]
      "twice.*": "d.$1.$1"
      "unused.*.*": "u.$2"
      "part.*": "p.{{partition(3,1)}}.$1"
      "parts.*.*": "ps.{{Partition(7,1,2)}}"
      "whole.*": "wh.{{partition(10)}}"
      literal: "l2.{{partition(5)}}"
      chance: "ch.{{random(3)}}"
      "split.*": "s.{{split(1,-)}}"
      "ends.*": "l.{{left(1,2)}}.{{right(1,2)}}"
      "sfl.*": "x1.{{slicefromleft(1,2)}}"
      "sfr.*": "x2.{{sliceFromRight(1,2)}}"
      "spl.*": "x3.{{splitfromleft(1,2)}}"
      "spr.*": "x4.{{SplitFromRight(1,2)}}"
      "first.*.*": "f1.$0.$2"
      "below.*": "f2.$-1.$+1.$01"
      "*.begins": "f3.$0.{{left(0,2)}}"
      "firsts.*.>": "f4.{{wildcard(0)}}.{{partition(50,1,0)}}.{{right(-1,2)}}.>"
      "text.*": "f5.$1x.a$1.$.$-"
      svc.in: svc.real
    }
    exports: [{service: svc.in}, {stream: "st.>"}]
  }
  B {
    users: [{user: b, password: b}]
    mappings { bsrc: my.svc, st.one: st.two }
    imports: [
      {service: {account: A, subject: svc.in}, to: my.svc}
      {stream: {account: A, subject: "st.>"}}
    ]
  }
  J { jetstream: enabled, users: [{user: j, password: j}], mappings { in: kept } }
}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("mappings")
    flags = ("-js", "-sd", str(folder / "store"))
    with ServerProcess(request.param, folder / "run", *flags, config=CONFIGURED) as server:
        yield server


def client(server: ServerProcess, user: str, *subjects: str) -> RawClient:
    out = RawClient(server.port, user=user, **{"pass": "x" if len(user) > 1 else user})
    for number, subject in enumerate(subjects, 2):
        out.send(f"SUB {subject} {number}\r\n".encode())
    out.settle()
    return out


def came(to: RawClient) -> list[Message]:
    """What has come once the server has read all that was sent."""
    to.settle()
    out = []
    while (message := to.message(0.001)) is not None:
        out.append(message)
    return out


@pytest.mark.parametrize(
    ("published", "arrived"),
    [
        ("x.src", "x.dst"),
        ("x.src.y", "x.src.y"),
        ("w.one.two", "v.two.one"),
        ("rest.a.b", "r2.a.b"),
        ("east", "east"),
        ("both", "c3"),
        ("loop1", "loop2"),
        ("none", "none"),
        ("twice.z", "d.z.z"),
        ("unused.1.2", "u.2"),
        ("part.abc", "p.2.abc"),
        ("part.xyz", "p.0.xyz"),
        ("parts.a.b", "ps.2"),
        ("whole.abc", "wh.2"),
        ("whole.xyz", "wh.7"),
        ("split.a-b-c", "s.a.b.c"),
        ("split.a-", "s.a"),
        ("split.-", "s."),
        ("split.-a", "s.a"),
        ("split.--a", "s..a"),
        ("split.a--b", "s.a.b"),
        ("ends.abcdef", "l.ab.ef"),
        ("ends.a", "l.a.a"),
        ("sfl.abcde", "x1.ab.cd.e"),
        ("sfl.ab", "x1.ab"),
        ("sfl.a", "x1.a"),
        ("sfr.abcde", "x2.a.bc.de"),
        ("sfr.abcd", "x2.ab.cd"),
        ("spl.abcde", "x3.ab.cde"),
        ("spl.ab", "x3.ab"),
        ("spr.abcde", "x4.abc.de"),
        ("first.one.two", "f1.first.two"),
        ("below.one", "f2.below.one.one"),
        ("seldom.begins", "f3.seldom.se"),
        ("firsts.one.a.b", "f4.firsts.30.ts.a.b"),
        ("text.one", "f5.$1x.a$1.$.$-"),
    ],
)
def test_a_message_goes_where_its_subject_stands_for(server, published, arrived):
    with client(server, "a", ">") as a:
        came(a)
        a.publish(published, b"m", reply="some.reply")
        found = came(a)
    if arrived in {"s.", "s..a"}:  # no subject: nobody is there
        [message] = found
        assert message.header == f"NATS/1.0 503\r\nNats-Subject: {arrived}\r\n\r\n".encode()
    else:
        assert found == [Message(arrived, "some.reply", b"", b"m")]


def test_without_a_wildcard_all_goes_to_one_of_the_partitions(server):
    """Which one: the real server chooses at its start."""
    with client(server, "a", "l2.*") as a:
        for _ in range(8):
            a.publish("literal", b"m")
        found = {message.subject for message in came(a)}
    assert len(found) == 1
    assert found <= {f"l2.{number}" for number in range(5)}


def test_headers_and_the_global_account(server):
    header = b"NATS/1.0\r\nA: b\r\n\r\n"
    with client(server, "a", "x.dst") as a:
        a.publish("x.src", b"m", header=header)
        assert came(a) == [Message("x.dst", "", header, b"m")]


def test_nobody_there_is_said_of_the_mapped_subject(server):
    with client(server, "a") as a:
        answer = a.request("x.src")
    assert answer.header == b"NATS/1.0 503\r\nNats-Subject: x.dst\r\n\r\n"


@pytest.mark.parametrize(
    ("published", "shares"),
    [
        ("half", {"h1": 30, "half": 70}),
        ("hw.z", {"hx.z": 50, "hw.z": 50}),
        ("full", {"f1": 50, "f2": 50}),
        ("lossy", {"lossy": 50}),
        ("chance", {"ch.0": 33, "ch.1": 33, "ch.2": 33}),
    ],
)
def test_shares_are_kept_over_many_messages(server, published, shares):
    with client(server, "a", ">") as a:
        came(a)
        for _ in range(1000):
            a.publish(published)
        found = Counter(message.subject for message in came(a))
    assert set(found) == set(shares)
    for subject, share in shares.items():  # six standard deviations
        assert abs(found[subject] - 10 * share) < 100


@pytest.mark.parametrize(("user", "allowed"), [("before", False), ("after", True)])
def test_permissions_are_about_the_mapped_subject(server, user, allowed):
    with client(server, "a", "x.dst") as a:
        who = client(server, user)
        who.send(b"PUB x.src 1\r\nm\r\nPING\r\n")
        line = who._line()
        assert line == (
            b"PONG" if allowed else b"-ERR 'Permissions Violation for Publish to \"x.dst\"'"
        )
        assert len(came(a)) == allowed


@pytest.mark.parametrize("published", ["my.svc", "bsrc"])
def test_a_request_is_mapped_on_both_sides_of_a_border(server, published):
    with client(server, "a", "svc.>") as a, client(server, "b", "my.svc") as b:
        b.publish(published, b"q", reply="answers")
        [here] = came(b)
        [there] = came(a)
    assert (here.subject, here.reply) == ("my.svc", "answers")
    assert (there.subject, there.payload) == ("svc.real", b"q")
    assert there.reply.startswith("_R_.")


def test_what_a_stream_import_brings_is_not_mapped(server):
    with client(server, "a") as a, client(server, "b", "st.>") as b:
        a.publish("st.one", b"m")
        a.settle()
        assert [message.subject for message in came(b)] == ["st.one"]


def test_a_stream_stores_the_mapped_subject(server):
    with client(server, "j") as j:
        j.api("STREAM.CREATE.S", {"name": "S", "subjects": ["kept"]})
        assert json.loads(j.request("in", b"m").payload) == {"stream": "S", "seq": 1}
        found = json.loads(j.api("STREAM.MSG.GET.S", {"seq": 1}))
        assert found["message"]["subject"] == "kept"


# --- mappings of account tokens ---


@pytest.fixture(scope="module", params=["isthmus", "real"])
def signed(request, tmp_path_factory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("signed")
    text = config({}, resolver=f'{{ type: full, dir: "{folder}/jwt" }}')
    with ServerProcess(request.param, folder / "run", "-m", "-1", config=text) as server:
        yield server


class Tenant:
    """An account that is pushed with other mappings again and again."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self.account: KeyPair = key(Kind.ACCOUNT, f"mapped-{name}")
        self._system = system_client(server.port)
        self._now_ns = time.time_ns() // NS_PER_S * NS_PER_S
        self._name = name

    def push(self, **body: object) -> None:
        self._now_ns += NS_PER_S
        text = account_token(self.account, name=self._name, now_ns=self._now_ns, **body)
        [answer] = self._system.request(UPDATE, text.encode())
        assert b'"code":200' in answer.payload, answer.payload

    def connect(self, server: ServerProcess) -> SignedClient:
        user = key(Kind.USER, f"user-of-{self._name}")
        return SignedClient(server.port, user_token(user, self.account), user)


def to(subject: str, weight: int = 0, cluster: str = "") -> WeightedMapping:
    return WeightedMapping(subject=subject, weight=weight, cluster=cluster)


def arrivals(connection: SignedClient, *subjects: str) -> list[str]:
    for subject in subjects:
        assert connection.publish(subject) == ""
    return [message.subject for message in connection.kept()]


def test_signed_mappings_come_change_and_go_while_clients_are_connected(signed):
    tenant = Tenant(signed, "changing")
    tenant.push()
    connection = tenant.connect(signed)
    assert connection.subscribe(">") == ""
    assert arrivals(connection, "a", "b.1") == ["a", "b.1"]
    tenant.push(mappings={"a": (to("z"),), "b.*": (to("y.$1"),)})
    assert arrivals(connection, "a", "b.1", "c") == ["z", "y.1", "c"]
    tenant.push(mappings={"a": (to("x"),), "c": (to("c2", 100, "east"),)})
    assert arrivals(connection, "a", "b.1", "c") == ["x", "b.1", "c"]
    tenant.push()
    assert arrivals(connection, "a", "b.1", "c") == ["a", "b.1", "c"]


def test_a_change_of_mappings_leaves_imports_alone(signed):
    exporter, importer = Tenant(signed, "exporter"), Tenant(signed, "importer")
    exports = (Export(subject="svc", type="service"),)
    wanted = Import(subject="svc", account=exporter.account.public_key, type="service")
    exporter.push(exports=exports)
    importer.push(imports=(wanted,), mappings={"ask": (to("svc"),)})
    answering, asking = exporter.connect(signed), importer.connect(signed)
    for subject in ("svc", "other"):
        assert answering.subscribe(subject) == ""
    asking.send_request("ask", "answers")
    assert answering.message().subject == "svc"
    exporter.push(exports=exports, mappings={"svc": (to("other"),)})
    asking.send_request("ask", "answers")
    assert answering.message().subject == "other"


def test_accountz_lists_mappings(signed):
    tenant = Tenant(signed, "listed")
    tenant.push(mappings={"a": (to("z"),), "b.*": (to("y.$1", 30), to("x.$1", 20, "east"))})
    tenant.connect(signed)
    url = f"http://127.0.0.1:{signed.http_port}/accountz?acc={tenant.account.public_key}"
    with urllib.request.urlopen(url) as answer:
        listed = json.load(answer)["account_detail"]["mappings"]
    assert listed["a"] == [{"subject": "z", "weight": 100}]
    assert {"subject": "y.$1", "weight": 30} in listed["b.*"]
    assert {"subject": "x.$1", "weight": 20, "cluster": "east"} in listed["b.*"]
