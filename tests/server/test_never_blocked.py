"""The loop is never blocked over 5 ms: a whole server under virtual time, charged by what it does.

Every callback costs what the meter counts (lines of Python, work of compiled code;
testing/meter.py), not what a clock says, so these tests fail on any machine for the same reason.
While something heavy goes on, a client asks a service once a millisecond. Sizes are a tenth of what
`make bench ROWS=while-purge,while-listing,while-push` does to a real process.
"""

import asyncio
import io
import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from isthmus.config.load import load_text
from isthmus.config.options import JetStreamOptions, Options
from isthmus.core.inlet import Inlet
from isthmus.core.router import publish
from isthmus.core.stream_import import StreamImport
from isthmus.identity.claims import UNLIMITED_USER, Export, Import, WeightedMapping
from isthmus.identity.nkeys import KeyPair, Kind
from isthmus.jetstream import removals
from isthmus.server import enquiries
from isthmus.server.logs import Log
from isthmus.server.pushes import FINDINGS_MAX
from isthmus.server.resolvers import DirectoryResolver
from isthmus.server.server import Server
from isthmus.testing.charged import ChargedLane, ChargedLoop
from isthmus.testing.disks import MemoryDisk
from isthmus.testing.links import Link
from isthmus.testing.meter import Meter
from support.operator_mode import SYSTEM, account_token, config, user_token
from support.soak import examples
from support.tokens import NOW_NS, key

CALLBACK_NS_MAX = 5_000_000
ANSWER_NS_MAX = 10_000_000
READ = 65_536  # bytes of one read
CONNECT = b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
MANY = 100_000
IMPORTED = 1500
MAPPED = 2000


class Charged:
    """A server and its clients; inside `measured` every callback is charged."""

    def __init__(self, options: Options) -> None:
        self.meter = Meter()
        self.loop = ChargedLoop(NOW_NS, self.meter)
        self.disk = MemoryDisk()
        self.log = io.StringIO()
        self.answered: list[int] = []
        self.says = CONNECT  # of who names nobody
        asyncio.set_event_loop(self.loop)
        self.start(options)

    def start(self, options: Options) -> None:
        self.server = Server(
            options, Log(self.log), make_disk=lambda _folder: self.disk, make_lane=ChargedLane,
            segment_bytes=1 << 20, clock=self.loop.clock, cores=1,
        )  # fmt: skip
        self.loop.run_until_complete(self.server.start())

    def stop(self) -> None:
        self.loop.run_until_complete(self.server.stop())
        assert "internal error" not in self.log.getvalue(), self.log.getvalue()

    def close(self) -> None:
        self.stop()
        self.loop.close()
        asyncio.set_event_loop(None)

    def connect(self, first: bytes = b"", *, says: bytes = b"") -> "Client":
        client = Client(self)
        client.say((says or self.says) + first)
        self.settle()
        return client

    def settle(self, rounds: int = 1) -> None:
        self.loop.run_for(rounds * 200_000_000)

    @contextmanager
    def measured(self):
        """What happens in here is charged, while a service is asked every millisecond."""
        asker, service = self.connect(b"SUB _A 1\r\n"), self.connect(b"SUB svc 1\r\n")
        self.loop.spent.clear()
        asking = self.loop.create_task(self._ask(asker, service))
        with self.meter:
            yield
            self.settle()
        asking.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    async def _ask(self, asker: "Client", service: "Client") -> None:
        while True:
            began = self.loop.passed_ns
            asker.say(b"PUB svc _A 0\r\n\r\n")
            while not service.take():  # noqa: ASYNC110 — virtual time
                await asyncio.sleep(0)
            service.say(b"PUB _A 0\r\n\r\n")
            while not asker.take():  # noqa: ASYNC110 — virtual time
                await asyncio.sleep(0)
            self.answered.append(self.loop.passed_ns - began)
            await asyncio.sleep(0.001)

    def check(self) -> None:
        """No callback was too long, and nobody waited for an answer."""
        longest = sorted(self.loop.spent, reverse=True)[:5]
        assert longest[0].ns <= CALLBACK_NS_MAX, longest
        assert len(self.answered) > 10
        assert max(self.answered) <= ANSWER_NS_MAX, sorted(self.answered)[-5:]


class Client:
    """A connection whose bytes are read as from a socket: each read in a callback of its own."""

    def __init__(self, world: Charged, number: int = -1) -> None:
        self.world = world
        self.link = Link(world.loop, number)
        self.heard = b""

    def say(self, data: bytes) -> None:
        for at in range(0, len(data), READ):
            self.world.loop.call_soon(self.link.send, data[at : at + READ])

    def publish(self, subject: str, body: object, reply: str = "") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.say(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")

    def take(self) -> bytes:
        return self.link.take()

    def request(self, subject: str, body: object = b"", rounds: int = 100) -> bytes:
        """The answer on `_R`, which this client hears."""
        self.take()
        self.publish(subject, body, "_R")
        heard = b""
        for _ in range(rounds):
            self.world.loop.run_for(20_000_000)
            heard += self.take()
            if re.search(rb"MSG _R ", heard):
                return heard
        raise AssertionError(heard)


@pytest.fixture
def world():
    made = Charged(Options(port=-1, http_port=-1, jetstream=JetStreamOptions(sync_always=True)))
    yield made
    made.close()


@pytest.fixture
def client(world: Charged) -> Client:
    return world.connect(b"SUB _R 1\r\n")


def make_stream(client: Client, messages: int, *, storage="memory", subjects=MANY) -> None:
    config = {"name": "S", "subjects": ["s.>"], "storage": storage}
    assert b'"error"' not in client.request("$JS.API.STREAM.CREATE.S", config)
    lines = [b"PUB s.%d.x 5\r\nhello\r\n" % (number % subjects) for number in range(messages)]
    client.say(b"".join(lines))
    client.world.settle()


# --- each heavy thing, while a service is asked ---


def test_a_connection_with_many_subscriptions_comes_and_goes(world: Charged):
    many = b"".join(b"SUB many.%d %d\r\n" % (number, number) for number in range(MANY))
    with world.measured():
        client = world.connect()
        client.say(many)
        world.settle(5)
        assert len(world.server.registry.get("$G").core.sublist) > MANY
        client.link.hang_up()
        world.settle(5)
    assert len(world.server.registry.get("$G").core.sublist) < 1000
    world.check()


def test_a_stream_is_purged(world: Charged, client: Client):
    make_stream(client, MANY)
    with world.measured():
        assert b'"purged":%d' % MANY in client.request("$JS.API.STREAM.PURGE.S", {})
    world.check()


@pytest.mark.parametrize(
    "body", [{"keep": 10}, {"filter": "s.*.x"}, {"filter": "s.*.x", "keep": 9}]
)
def test_a_part_of_a_stream_is_purged(world: Charged, client: Client, body: dict):
    make_stream(client, MANY)
    with world.measured():
        assert b'"purged":%d' % (MANY - body.get("keep", 0)) in client.request(
            "$JS.API.STREAM.PURGE.S", body
        )
    world.check()


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("$JS.API.STREAM.MSG.GET.S", {"seq": 1, "next_by_subj": "s.*.y"}),
        ("$JS.API.STREAM.MSG.GET.S", {"last_by_subj": "s.*.y"}),
        ("$JS.API.DIRECT.GET.S", {"seq": 1, "next_by_subj": "s.*.y"}),
        ("$JS.API.DIRECT.GET.S", {"last_by_subj": "s.*.y"}),
        ("$JS.API.DIRECT.GET.S", {"seq": 1, "next_by_subj": "s.*.y", "batch": 10}),
        ("$JS.API.DIRECT.GET.S", {"seq": 1, "next_by_subj": "s.9.*", "batch": 10}),
        ("$JS.API.DIRECT.GET.S", {"multi_last": ["s.*.x"]}),
        ("$JS.API.STREAM.INFO.S", {"subjects_filter": ">"}),
    ],
)
def test_a_stream_is_looked_through(world: Charged, client: Client, subject: str, body: dict):
    make_stream(client, MANY)
    client.request("$JS.API.STREAM.UPDATE.S", {
        "name": "S", "subjects": ["s.>"], "storage": "memory", "allow_direct": True,
    })  # fmt: skip
    with world.measured():
        client.request(subject, body)
    world.check()


@pytest.mark.parametrize(
    ("consumer", "unseen"),
    [
        ({"filter_subject": "s.>"}, MANY),
        ({"filter_subject": "s.*.x"}, MANY),
        ({"filter_subjects": ["s.*.x", "s.*.y"]}, MANY),
        (
            {"filter_subject": "s.*.x", "deliver_policy": "by_start_sequence"}
            | {"opt_start_seq": MANY // 2 + 1},
            MANY // 2,
        ),
        ({"filter_subject": "s.*.x", "deliver_policy": "last_per_subject"}, MANY),
        ({"filter_subject": "s.*.x", "deliver_policy": "last"}, 1),
    ],
)
def test_a_consumer_filters_many_subjects(world: Charged, client: Client, consumer, unseen):
    make_stream(client, MANY)
    body = {"stream_name": "S", "config": {"name": "C"} | consumer}
    with world.measured():
        made = client.request("$JS.API.CONSUMER.CREATE.S.C", body)
        assert b'"num_pending":%d' % unseen in made
        assert b'"purged":1' in client.request("$JS.API.STREAM.PURGE.S", {"filter": "s.99999.x"})
        told = client.request("$JS.API.CONSUMER.INFO.S.C")
        assert b'"num_pending":%d' % (unseen - 1) in told
        client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", {"no_wait": True}, "_R")
        world.settle()
        assert (b"hello" in client.take()) == (unseen > 1)
    world.check()


@pytest.mark.parametrize("start", [2, 2 * MANY])
def test_a_consumer_begins_among_many_messages_of_few_subjects(
    world: Charged, client: Client, start: int
):
    make_stream(client, MANY, subjects=50)
    config = {"name": "C", "filter_subject": "s.*.x", "deliver_policy": "by_start_sequence"}
    body = {"stream_name": "S", "config": config | {"opt_start_seq": start}}
    with world.measured():
        made = client.request("$JS.API.CONSUMER.CREATE.S.C", body)
        assert b'"num_pending":%d' % max(MANY + 1 - start, 0) in made
    world.check()


def test_gaps_are_listed(world: Charged, client: Client):
    make_stream(client, MANY)
    client.request("$JS.API.STREAM.PURGE.S", {"filter": "s.*.x", "keep": 2})
    with world.measured():
        client.request("$JS.API.STREAM.INFO.S", {"deleted_details": True})
    world.check()


def test_limits_shrink_and_a_stream_is_deleted(world: Charged, client: Client):
    make_stream(client, MANY)
    config = {"name": "S", "subjects": ["s.>"], "storage": "memory"}
    with world.measured():
        client.request("$JS.API.STREAM.UPDATE.S", config | {"max_msgs": 100})
        client.request("$JS.API.STREAM.DELETE.S")
    world.check()


def test_a_thousand_streams_are_listed(world: Charged, client: Client):
    for number in range(1000):
        config = {"name": f"S{number}", "subjects": [f"s{number}.>"], "storage": "memory"}
        client.publish(f"$JS.API.STREAM.CREATE.S{number}", config, "_none")
    world.settle()
    http = Client(world, 0)
    with world.measured():
        for path in ("jsz?accounts=1&streams=1&consumers=1&config=1", "jsz", "varz", "healthz"):
            world.loop.call_soon(
                http.link._protocol.data_received,
                b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode(),
            )
            world.settle()
        assert http.take().count(b"HTTP/1.1 200") == 4
        assert b'"total":1' in client.request("$JS.API.STREAM.NAMES", {"subject": "s1.x"})
        client.request("$JS.API.STREAM.LIST", {})
    world.check()


@pytest.mark.parametrize("path", ["connz?subs=1", "connz?subs=detail", "subsz?subs=1&limit=20000"])
def test_many_subscriptions_of_one_connection_are_listed(world: Charged, path: str):
    many = 20_000
    client = world.connect()
    client.say(b"".join(b"SUB many.%d %d\r\n" % (number, number) for number in range(many)))
    world.settle()
    http = Client(world, 0)
    asked = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode()
    heard = b""
    with world.measured():
        world.loop.call_soon(http.link._protocol.data_received, asked)
        for _ in range(100):
            world.loop.run_for(20_000_000)
            heard += http.take()
            if heard.endswith(b"\r\n0\r\n\r\n"):
                break
    assert b"Transfer-Encoding: chunked" in heard
    assert heard.count(b"many.") == many
    world.check()


def test_a_thousand_streams_are_asked_for_in_the_system_account(world: Charged, client: Client):
    for number in range(1000):
        config = {"name": f"S{number}", "subjects": [f"s{number}.>"], "storage": "memory"}
        client.publish(f"$JS.API.STREAM.CREATE.S{number}", config, "_none")
    world.settle()
    hub = world.server.hub
    system = hub.registry.get(hub.system_account).core
    answers = []
    system.sublist.add(b"r", Inlet(lambda requests, _turn: answers.extend(requests)))

    def ask() -> None:
        body = b'{"accounts":true,"streams":true,"consumer":true,"config":true}'
        publish(system, b"$SYS.REQ.SERVER.PING.JSZ", body, hub.begin_turn(), reply=b"r")
        hub.finish_turn()

    with world.measured():
        world.loop.call_soon(ask)
        world.settle()
    (answer,) = answers
    (account,) = json.loads(answer.payload)["data"]["account_details"]
    assert len(account["stream_detail"]) == 1000
    world.check()


def ask_server(world: Charged, subject: bytes, body: bytes) -> list[bytes]:
    """What a user of the system account is told."""
    hub = world.server.hub
    system = hub.registry.get(hub.system_account).core
    answers = []
    system.sublist.add(b"r", Inlet(lambda requests, _turn: answers.extend(requests)))

    def ask() -> None:
        publish(system, subject, body, hub.begin_turn(), reply=b"r")
        hub.finish_turn()

    world.loop.call_soon(ask)
    world.settle(5)
    return [answer.payload for answer in answers]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("SERVER.PING.SUBSZ", {"subscriptions": True, "limit": 100_000}),
        ("SERVER.PING.CONNZ", {"subscriptions": True}),
        ("SERVER.PING.CONNZ", {"subscriptions_detail": True}),
        ("ACCOUNT.$G.CONNZ", {"subscriptions": True}),
        ("ACCOUNT.$G.SUBSZ", {"limit": 100_000}),
    ],
)
def test_many_subscriptions_are_asked_for_in_the_system_account(world: Charged, subject, body):
    many = 15_000
    client = world.connect()
    client.say(b"".join(b"SUB many.%d %d\r\n" % (number, number) for number in range(many)))
    world.settle()
    with world.measured():
        asked = json.dumps(body).encode()
        (answer,) = ask_server(world, b"$SYS.REQ." + subject.encode(), asked)
    assert answer.count(b"many.") == many
    assert "error" not in json.loads(answer)
    world.check()


def test_an_answer_that_is_too_long_for_a_message_is_refused(world: Charged, monkeypatch):
    monkeypatch.setattr(enquiries, "ANSWER_BYTES_MAX", 1000)
    world.connect(b"".join(b"SUB many.%d %d\r\n" % (number, number) for number in range(100)))
    (answer,) = ask_server(world, b"$SYS.REQ.SERVER.PING.CONNZ", b'{"subscriptions":true}')
    told = json.loads(answer)
    assert told["data"] is None
    assert told["error"]["code"] == 500
    assert "more than 1000 bytes" in told["error"]["description"]


# --- accounts ---


def test_an_account_loads_with_all_that_it_imports_from():
    exporters = [key(Kind.ACCOUNT, f"exporter-{number}") for number in range(100)]
    importers = [key(Kind.ACCOUNT, f"importer-{number}") for number in range(5)]
    imports = tuple(
        Import(subject=f"s.{number}.>", account=exporter.public_key, type="service")
        for number, exporter in enumerate(exporters)
    )
    export = Export(subject="s.>", type="service")
    tokens = {one.public_key: account_token(one, exports=(export,)) for one in exporters}
    tokens |= {one.public_key: account_token(one, imports=imports) for one in importers}
    asker = key(Kind.ACCOUNT, "asker")
    tokens[asker.public_key] = account_token(asker)
    world = Charged(load_text(config(tokens)))
    try:
        world.says = _connect_line(asker)
        with world.measured():
            clients = [world.connect(b"PING\r\n", says=_connect_line(one)) for one in importers]
        assert all(client.take().endswith(b"PONG\r\n") for client in clients)
        registry = world.server.registry
        for account in importers:
            assert len(registry.get(account.public_key).imports) == 100
            assert registry.get(account.public_key).complete
        world.check()
    finally:
        world.close()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_accounts_by_the_thousand_load_from_a_directory(tmp_path: Path):
    """Each imports from the same ten, and loads when its first user comes, fifty at a time."""
    exporters = [key(Kind.ACCOUNT, f"exporter-{number}") for number in range(10)]
    export = Export(subject="s.>", type="service")
    imports = tuple(
        Import(subject=f"s.{number}.>", account=exporter.public_key, type="service")
        for number, exporter in enumerate(exporters)
    )
    folder = DirectoryResolver(tmp_path)
    count = examples(300, 10_000)
    importers = [key(Kind.ACCOUNT, f"importer-{number}") for number in range(count)]
    asker = key(Kind.ACCOUNT, "asker")
    for one in exporters:
        folder.save_if_newer(one.public_key, account_token(one, exports=(export,)))
    for one in importers:
        folder.save_if_newer(one.public_key, account_token(one, imports=imports))
    folder.save_if_newer(asker.public_key, account_token(asker))
    folder.close()
    world = Charged(load_text(config({}, resolver=f"{{ type: full, dir: '{tmp_path}' }}")))
    try:
        world.says = _connect_line(asker)
        with world.measured():
            for start in range(0, len(importers), 50):
                clients = [Client(world) for _ in importers[start : start + 50]]
                for client, account in zip(clients, importers[start : start + 50], strict=True):
                    client.say(_connect_line(account) + b"PING\r\n")
                world.settle()
                assert all(client.take().endswith(b"PONG\r\n") for client in clients)
                for client in clients:
                    client.link.hang_up()
        registry = world.server.registry
        assert all(len(registry.get(one.public_key).imports) == 10 for one in importers)
        assert all(registry.get(one.public_key).complete for one in importers)
        print(f"{len(world.loop.spent)} callbacks, longest {max(world.loop.spent)}")
        world.check()
    finally:
        world.close()


def test_an_account_with_very_many_imports_loads_and_changes(tmp_path: Path):
    """Its token is understood beside the loop, what it imports decided in slices."""
    exporter, giant = key(Kind.ACCOUNT, "much-exported"), key(Kind.ACCOUNT, "giant")
    asker = key(Kind.ACCOUNT, "asker")

    def token(prefix: str) -> str:
        imports = tuple(
            Import(
                subject=f"s.{number}",
                account=exporter.public_key,
                type="service",
                local_subject=f"{prefix}.{number}",
            )
            for number in range(IMPORTED)
        )
        return account_token(giant, imports=imports)

    tokens = {
        exporter.public_key: account_token(
            exporter, exports=(Export(subject="s.>", type="service"),)
        ),
        giant.public_key: token("a"),
        asker.public_key: account_token(asker),
    }
    world = Charged(load_text(config(tokens, resolver=f"{{ type: full, dir: '{tmp_path}' }}")))
    try:
        system = world.connect(b"SUB _R 1\r\n", says=_connect_line(SYSTEM))
        world.says = _connect_line(asker)
        with world.measured():
            client = world.connect(b"PUB a.7 2\r\nhi\r\nPING\r\n", says=_connect_line(giant))
            assert client.take().endswith(b"PONG\r\n")
            account = world.server.registry.get(giant.public_key)
            assert len(account.imports) == IMPORTED
            assert account.complete
            assert b'"code":200' in system.request("$SYS.REQ.CLAIMS.UPDATE", token("b").encode())
            assert all(one.wanted.local.startswith("b.") for one in account.imports)
            assert account.complete
            nothing = account_token(exporter)
            assert b'"code":200' in system.request("$SYS.REQ.CLAIMS.UPDATE", nothing.encode())
            assert not any(one.active for one in account.imports)
            answer = system.request("$SYS.REQ.CLAIMS.UPDATE", token("c").encode())
            assert answer.count(b'"code":"export_missing"') == FINDINGS_MAX
        world.check()
    finally:
        world.close()


def test_an_account_with_very_many_mappings_loads_and_changes(tmp_path: Path):
    """All of them count when somebody logs in, and when the answer to a push is there."""
    giant, asker = key(Kind.ACCOUNT, "much-mapped"), key(Kind.ACCOUNT, "asker")

    def token(to: str) -> str:
        mappings = {f"m.{n}": (WeightedMapping(subject=f"{to}.{n}"),) for n in range(MAPPED)}
        return account_token(giant, mappings=mappings)

    tokens = {giant.public_key: token("a"), asker.public_key: account_token(asker)}
    world = Charged(load_text(config(tokens, resolver=f"{{ type: full, dir: '{tmp_path}' }}")))
    try:
        system = world.connect(b"SUB _R 1\r\n", says=_connect_line(SYSTEM))
        world.says = _connect_line(asker)
        last = f"PUB m.{MAPPED - 1} 0\r\n\r\n".encode()
        with world.measured():
            client = world.connect(b"SUB *.* 1\r\n" + last, says=_connect_line(giant))
            assert client.take().endswith(f"MSG a.{MAPPED - 1} 1 0\r\n\r\n".encode())
            assert b'"code":200' in system.request("$SYS.REQ.CLAIMS.UPDATE", token("b").encode())
            client.say(last)
            world.settle()
            assert client.take() == f"MSG b.{MAPPED - 1} 1 0\r\n\r\n".encode()
            nothing = account_token(giant)
            assert b'"code":200' in system.request("$SYS.REQ.CLAIMS.UPDATE", nothing.encode())
            client.say(last)
            world.settle()
            assert client.take() == f"MSG m.{MAPPED - 1} 1 0\r\n\r\n".encode()
        world.check()
    finally:
        world.close()


def _connect_line(account: KeyPair) -> bytes:
    """CONNECT of a bearer of the account."""
    user = replace(UNLIMITED_USER, bearer_token=True)
    token = user_token(key(Kind.USER, "u" + account.public_key), account, user)
    return CONNECT.replace(b"{", b'{"jwt":"%s",' % token.encode(), 1)


def test_a_stream_import_meets_many_and_leaves_them(world: Charged):
    registry = world.server.registry
    exporter = registry.update(registry.get("$G").spec.__class__(name="EXPORTER"), NOW_NS)
    client = world.connect()
    client.say(b"".join(b"SUB many.%d %d\r\n" % (number, number) for number in range(MANY)))
    world.settle()
    imported = StreamImport(
        registry.get("$G").core, exporter.core, local=b"many.>", remote=b"many.>"
    )
    imported.open(0)
    with world.measured():
        imported.subscribe()
        world.loop.call_soon(world.server.hub.in_slices, imported.step)
        world.settle()
        assert imported.shadow_count == MANY
        imported.unsubscribe()
        world.loop.call_soon(world.server.hub.in_slices, imported.step)
        world.settle()
        assert imported.shadow_count == 0
    world.check()


def test_a_file_stream_fills_and_is_checkpointed(world: Charged, client: Client):
    make_stream(client, 10, storage="file")
    with world.measured():
        body = b"x" * 1000
        client.say((b"PUB s.1 1000\r\n" + body + b"\r\n") * 40_000)
        world.settle()
        world.settle()
    assert world.server.engine.store.checkpoints > 0
    world.check()


# --- the tests can fail ---


@pytest.mark.parametrize("storage", ["file", "memory"])
def test_a_stream_goes_out_and_comes_in(world: Charged, client: Client, storage: str):
    make_stream(client, 10_000, storage=storage, subjects=100)
    client.request("$JS.API.CONSUMER.CREATE.S.C", {"stream_name": "S", "config": {"name": "C"}})
    client.say(b"SUB _TO 7\r\n")
    with world.measured():
        data = take_archive(world, client)
        config = {"name": "T", "subjects": ["t"], "storage": storage}
        heard = client.request("$JS.API.STREAM.RESTORE.T", {"config": config, "state": {}})
        subject = json.loads(re.search(rb"{.*}", heard)[0])["deliver_subject"]
        for at in range(0, len(data), READ):
            client.request(subject, data[at : at + READ])
        made = client.request(subject)
    assert b'"messages":10000' in made
    world.check()


def take_archive(world: Charged, client: Client) -> bytes:
    """All of an archive of stream S, each chunk acknowledged."""
    client.publish(
        "$JS.API.STREAM.SNAPSHOT.S", {"deliver_subject": "_TO", "chunk_size": READ}, "_R"
    )
    left, data = b"", b""
    for _ in range(2000):
        world.loop.run_for(5_000_000)
        left += client.take()
        while line := re.match(rb"(MSG|HMSG) (\S+) \d+ (?:(\$JS\S+) )?(?:\d+ )?(\d+)\r\n", left):
            size = int(line[4])
            if len(left) < line.end() + size + 2:
                break
            payload, left = left[line.end() : line.end() + size], left[line.end() + size + 2 :]
            if line[2] != b"_TO":
                continue
            if line[1] == b"HMSG":
                return data
            data += payload
            if line[3]:
                client.publish(line[3].decode(), b"")
    raise AssertionError(left[:200])


def test_without_slices_the_check_fails(world: Charged, client: Client, monkeypatch):
    monkeypatch.setattr(removals, "SLICE", 1 << 30)
    make_stream(client, MANY)
    with world.measured():
        client.request("$JS.API.STREAM.PURGE.S", {"keep": 10})
    with pytest.raises(AssertionError):
        world.check()
