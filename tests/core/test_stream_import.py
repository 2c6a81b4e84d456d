"""Messages that flow from an exporting account to those who listen in an importing one."""

import gc
import re
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from isthmus.accounts.transform import fit
from isthmus.core.crossing import Crossing
from isthmus.core.inlet import Inlet
from isthmus.core.permits import SubjectSet
from isthmus.core.router import publish
from isthmus.core.stream_import import Shadow, StreamImport
from models.stream_import import StreamImportModel
from support.core import START_NS, MemoryConnection, World
from support.soak import examples


def take(
    world: World,
    remote: str,
    local: str = "",
    *,
    importer: str = "B",
    exporter: str = "A",
    slowly: bool = False,
) -> StreamImport:
    """An open stream import, subscribed; `slowly`: who listens already has yet to be met."""
    found = fit(local or remote, remote)
    made = StreamImport(
        world.account(importer), world.account(exporter), local=found.pattern.encode(),
        remote=remote.encode(), inward=found.inward, outward=found.outward,
    )  # fmt: skip
    made.open(0)
    made.subscribe()
    while not slowly and made.step():
        pass
    return made


def withdraw(found: StreamImport) -> None:
    found.unsubscribe()
    while found.step():
        pass


def shadows(world: World, subject: bytes, account: str = "A") -> int:
    plain, groups = world.account(account).sublist.receivers(subject)
    return sum(type(found) is Shadow for group in (plain, *groups) for found in group)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def source(world: World) -> MemoryConnection:
    """Publishes in A."""
    return world.connect("A")


@pytest.fixture
def hearer(world: World) -> MemoryConnection:
    """Listens in B."""
    return world.connect("B")


# --- the message ---


def test_a_message_of_the_exporter_reaches_who_listens_in_the_importer(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    found = take(world, "cart.>")
    hearer.say(b"SUB cart.> work 20")
    source.say(b"PUB cart.started 2", b"hi")
    assert hearer.heard() == b"MSG cart.started 20 2\r\nhi\r\n"
    assert (found.messages, found.bytes_crossed) == (1, 2)


def test_reply_and_headers_pass_as_they_are(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    take(world, "ev.>", "in.ev.>")
    hearer.say(b"SUB in.> 1")
    source.say(b"HPUB ev.a _INBOX.a 18 20", b"NATS/1.0\r\nX: 1\r\n\r\nhi")
    assert hearer.heard() == (b"HMSG in.ev.a 1 _INBOX.a 18 20\r\nNATS/1.0\r\nX: 1\r\n\r\nhi\r\n")


def test_wildcards_are_reordered(world: World, source: MemoryConnection, hearer: MemoryConnection):
    take(world, "ps.*.*", "got.$2.$1")
    hearer.say(b"SUB got.*.* 23", b"SUB got.B.> 24", b"SUB got.b.a 25")
    source.say(b"PUB ps.a.b 1", b"x")
    assert sorted(hearer.heard().split(b"x\r\n")[:-1]) == [
        b"MSG got.b.a 23 1\r\n", b"MSG got.b.a 25 1\r\n",
    ]  # fmt: skip


def test_it_goes_one_way(world: World, source: MemoryConnection, hearer: MemoryConnection):
    take(world, "ev.>")
    source.say(b"SUB ev.> 1")
    hearer.say(b"SUB ev.> 1")
    assert hearer.say(b"PUB ev.x 1", b"x") == b"MSG ev.x 1 1\r\nx\r\n"
    assert source.heard() == b""


def test_a_publisher_is_told_that_nobody_listens_only_if_nobody_does_anywhere(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    take(world, "ev.>")
    source.say(b"SUB _INBOX.> 1")
    hearer.say(b"SUB ev.a 1")
    assert source.say(b"PUB ev.a _INBOX.x 1", b"x") == b""
    assert b"NATS/1.0 503" in source.say(b"PUB ev.b _INBOX.x 1", b"x")


def test_two_imports_that_overlap_deliver_twice(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    take(world, "ov.>")
    take(world, "ov.x.>")
    hearer.say(b"SUB ov.x.y 5")
    source.say(b"PUB ov.x.y 1", b"x")
    assert hearer.heard() == b"MSG ov.x.y 5 1\r\nx\r\n" * 2


def test_several_accounts_import_the_same_stream(world: World, source: MemoryConnection):
    hearers = [world.connect(name) for name in "BCD"]
    for name, one in zip("BCD", hearers, strict=True):
        take(world, "ev.>", f"{name}.>", importer=name)
        one.say(b"SUB > 1")
    source.say(b"PUB ev.x 1", b"x")
    assert [one.heard() for one in hearers] == [
        b"MSG %s.x 1 1\r\nx\r\n" % name for name in (b"B", b"C", b"D")
    ]


def test_one_queue_name_is_one_group_over_all_accounts(world: World, source: MemoryConnection):
    take(world, "ev.>")
    take(world, "ev.>", "c.>", importer="C")
    hearers = [world.connect(name) for name in ("A", "B", "B", "C")]
    for one, subject in zip(hearers, (b"ev.x", b"ev.>", b"ev.*", b"c.x"), strict=True):
        one.say(b"SUB %s work 1" % subject)
    for _ in range(200):
        source.say(b"PUB ev.x 1", b"x")
    counts = [one.heard().count(b"MSG ") for one in hearers]
    assert sum(counts) == 200
    assert min(counts) > 20


def test_a_closed_grant_leaves_the_message_to_the_rest_of_the_group(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    take(world, "ev.>").close()
    hearer.say(b"SUB ev.> work 1")
    member = world.connect("A")
    member.say(b"SUB ev.> work 1")
    for _ in range(20):
        source.say(b"PUB ev.x 1", b"x")
    assert (member.heard().count(b"MSG "), hearer.heard()) == (20, b"")


def test_an_unsubscribe_after_so_many_counts_what_was_imported(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    found = take(world, "ev.>")
    hearer.say(b"SUB ev.> 1", b"UNSUB 1 2")
    for _ in range(4):
        source.say(b"PUB ev.x 1", b"x")
    assert hearer.heard().count(b"MSG ") == 2
    assert found.shadow_count == 0
    assert not world.account("A").sublist.interested(b"ev.x")


# --- what does not pass ---


def test_a_stream_passes_one_border(world: World, source: MemoryConnection):
    take(world, "ev.>", "mid.>")
    take(world, "mid.>", importer="C", exporter="B")
    far = world.connect("C")
    far.say(b"SUB mid.> 1")
    source.say(b"PUB ev.x 1", b"x")
    assert far.heard() == b""
    world.connect("B").say(b"PUB mid.x 1", b"x")
    assert far.heard() == b"MSG mid.x 1 1\r\nx\r\n"


def test_what_came_by_a_service_import_is_not_exported(world: World, hearer: MemoryConnection):
    crossing = Crossing(world.account("C"), world.account("A"), local=b"s.x", remote=b"s.x")
    crossing.open(0)
    crossing.subscribe()
    take(world, "s.*")
    hearer.say(b"SUB s.* 1")
    asker = world.connect("C")
    asker.say(b"SUB _INBOX.> 1")
    assert b"NATS/1.0 503" in asker.say(b"PUB s.x _INBOX.x 1", b"x")
    assert hearer.heard() == b""


def test_borders_and_services_of_the_server_import_nothing(world: World):
    """A stream named like an API of the importer does not reach it."""
    take(world, ">")
    world.account("B").sublist.add(b"$JS.API.>", Inlet(lambda _batch, _turn: None))
    crossing = Crossing(world.account("B"), world.account("C"), local=b"s.x", remote=b"s.x")
    crossing.subscribe()
    assert len(world.account("A").sublist) == 0


def test_a_denied_subject_is_hidden_by_its_local_name(world: World, source: MemoryConnection):
    take(world, "ev.>", "in.>")
    hearer = world.connect("B")
    hearer.denied = SubjectSet(("in.secret",))
    hearer.say(b"SUB in.> 1")
    source.say(b"PUB ev.secret 1", b"x", b"PUB ev.open 1", b"y")
    assert hearer.heard() == b"MSG in.open 1 1\r\ny\r\n"


def test_a_subject_that_gets_too_long_does_not_cross(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    take(world, "ev.>", "x" * 200 + ".>")
    hearer.say(b"SUB > 1")
    turn = world.begin()
    publish(world.account("A"), b"ev." + b"y" * 8000, b"", turn)
    turn.finish()
    assert hearer.heard() == b""


# --- interest ---


def test_nothing_stands_in_the_exporter_until_somebody_listens(
    world: World, hearer: MemoryConnection
):
    take(world, "ev.*.>", "my.$1.>")
    hearer.say(b"SUB other 1")
    assert len(world.account("A").sublist) == 0
    hearer.say(b"SUB my.x.> 2")
    assert world.account("A").sublist.interested(b"ev.x.y")
    assert not world.account("A").sublist.interested(b"ev.z.y")
    hearer.say(b"UNSUB 2")
    assert len(world.account("A").sublist) == 0


@pytest.mark.parametrize(
    ("subscribed", "stands"),
    [
        (b">", b"ps.*.*"),
        (b"got.>", b"ps.*.*"),
        (b"*.b.*", b"ps.*.b"),
        (b"got.b.a", b"ps.a.b"),
        (b"got.*.a", b"ps.a.*"),
        (b"got.b", None),
        (b"got.b.a.c", None),
        (b"ps.*.*", None),
        (b"go.>", None),
    ],
)
def test_the_interest_is_as_narrow_as_the_subscription(
    world: World, hearer: MemoryConnection, subscribed: bytes, stands: bytes | None
):
    take(world, "ps.*.*", "got.$2.$1")
    hearer.say(b"SUB %s 1" % subscribed)
    for subject in (b"ps.a.b", b"ps.a.x", b"ps.x.b", b"ps.x.x"):
        wanted = stands is not None and all(
            have in (b"*", token)
            for have, token in zip(stands.split(b"."), subject.split(b"."), strict=True)
        )
        assert shadows(world, subject) == wanted


def test_subscriptions_that_were_there_first_are_found(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    for sid, subject in enumerate((b"ev.x", b"ev.* q", b"ev.>", b"*.x", b">", b"no.x"), 1):
        hearer.say(b"SUB %s %d" % (subject, sid))
    assert take(world, "ev.>").shadow_count == 5
    source.say(b"PUB ev.x 1", b"x")
    assert sorted(re.findall(rb"MSG ev.x (\d)", hearer.heard())) == [b"1", b"2", b"3", b"4", b"5"]


def test_who_listens_is_met_and_left_a_few_at_a_time(world: World, source: MemoryConnection):
    hearers = [world.connect("B") for _ in range(10)]
    for sid in range(10):
        for hearer in hearers:
            hearer.say(b"SUB ev.x %d" % sid)
    found = take(world, "ev.>", slowly=True)
    assert found.shadow_count == 0
    steps = [found.step(7) for _ in range(15)]
    assert steps == [True] * 14 + [False]
    assert found.shadow_count == 100
    found.unsubscribe()
    source.say(b"PUB ev.x 1", b"x")
    assert {hearer.heard() for hearer in hearers} == {b""}
    assert found.shadow_count == 100
    assert [found.step(10) for _ in range(10)] == [True] * 9 + [False]
    assert (found.shadow_count, len(world.account("A").sublist)) == (0, 0)


def test_a_withdrawn_import_leaves_both_accounts_as_they_were(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    found = take(world, "ev.>")
    hearer.say(b"SUB ev.> 1")
    withdraw(found)
    withdraw(found)
    assert (found.shadow_count, len(world.account("A").sublist)) == (0, 0)
    source.say(b"PUB ev.x 1", b"x")
    hearer.say(b"UNSUB 1", b"SUB ev.> 2")
    assert (hearer.heard(), len(world.account("A").sublist)) == (b"", 0)


def test_a_closed_connection_takes_its_interest_along(world: World, hearer: MemoryConnection):
    found = take(world, "ev.>")
    hearer.say(b"SUB ev.> 1", b"SUB ev.a work 2")
    hearer.end()
    assert (found.shadow_count, len(world.account("A").sublist)) == (0, 0)


def test_nothing_keeps_an_import_that_is_over(world: World, hearer: MemoryConnection):
    """Shadows stay out of the garbage collector: their import lets go of them."""
    found = take(world, "ev.>")
    hearer.say(b"SUB ev.> 1")
    withdraw(found)
    account = world.account("A")
    gc.collect()
    before = sum(type(one) is StreamImport for one in gc.get_objects())
    del found
    gc.collect()
    assert sum(type(one) is StreamImport for one in gc.get_objects()) == before - 1
    assert len(account.sublist) == 0


# --- the end of a grant ---


def test_a_grant_ends_at_its_end_and_not_before(
    world: World, source: MemoryConnection, hearer: MemoryConnection
):
    found = take(world, "ev.>")
    hearer.say(b"SUB ev.> 1")
    found.open(START_NS + 10)
    world.now_ns = START_NS + 9
    source.say(b"PUB ev.x 1", b"a")
    world.now_ns = START_NS + 10
    source.say(b"PUB ev.x 1", b"b")
    assert hearer.heard() == b"MSG ev.x 1 1\r\na\r\n"
    found.open(0)
    source.say(b"PUB ev.x 1", b"c")
    assert hearer.heard() == b"MSG ev.x 1 1\r\nc\r\n"
    found.close()
    source.say(b"PUB ev.x 1", b"d")
    assert hearer.heard() == b""


# --- against the model ---

tokens = st.sampled_from(["a", "b", "*"])
patterns = st.builds(
    lambda parts, rest: ".".join([*parts, ">"] if rest else parts),
    st.lists(tokens, min_size=1, max_size=3),
    st.booleans(),
)
literals = st.lists(st.sampled_from(["a", "b", "in"]), min_size=1, max_size=4).map(".".join)
queues = st.sampled_from([b"", b"", b"work", b"audit"])
names = st.integers(1, 4)


class StreamImportMachine(RuleBasedStateMachine):
    """Any subscriptions, any imports, in any order."""

    @initialize()
    def start(self) -> None:
        self.world = World()
        self.connections = {name: self.world.connect(name) for name in "AB"}
        self.source = self.world.connect("A")
        self.model = StreamImportModel()
        self.running: dict[str, StreamImport] = {}
        self.over: list[StreamImport] = []

    @rule(account=st.sampled_from("AB"), number=names, subject=patterns, queue=queues)
    def subscribe(self, account: str, number: int, subject: str, queue: bytes) -> None:
        entries = self.model.own if account == "A" else self.model.theirs
        sid = b"%s%d" % (account.encode(), number)
        if sid not in entries:
            self.connections[account].say(b"SUB %s %s %s" % (subject.encode(), queue, sid))
            entries[sid] = (subject.encode(), queue)

    @rule(account=st.sampled_from("AB"), number=names)
    def unsubscribe(self, account: str, number: int) -> None:
        entries = self.model.own if account == "A" else self.model.theirs
        sid = b"%s%d" % (account.encode(), number)
        self.connections[account].say(b"UNSUB %s" % sid)
        entries.pop(sid, None)

    @rule(name=st.sampled_from("xyz"), remote=patterns, data=st.data())
    def take(self, name: str, remote: str, data: st.DataObject) -> None:
        if name in self.running:
            self.end(name)
        stars = remote.split(".").count("*")
        order = data.draw(st.permutations(range(1, stars + 1)))
        local = data.draw(st.sampled_from([None, "in"]))
        if local is not None:
            rest = [f"${number}" for number in order] + [">"] * remote.endswith(">")
            local = ".".join([local, *rest])
        self.running[name] = take(self.world, remote, local or "", slowly=True)
        self.model.imports[name] = (remote.encode(), fit(local or remote, remote).inward)
        self.model.closed.discard(name)

    @rule(name=st.sampled_from("xyz"), how=st.sampled_from(["withdraw", "close", "open"]))
    def change(self, name: str, how: str) -> None:
        if name not in self.running:
            return
        if how == "withdraw":
            self.end(name)
            del self.model.imports[name]
        elif how == "close":
            self.running[name].close()
            self.model.closed.add(name)
        else:
            self.running[name].open(0)
            self.model.closed.discard(name)

    def end(self, name: str) -> None:
        gone = self.running.pop(name)
        gone.unsubscribe()
        self.over.append(gone)

    @rule(limit=st.integers(1, 3))
    def step(self, limit: int) -> None:
        """Some of what imports that began or ended have to do."""
        for one in (*self.running.values(), *self.over):
            one.step(limit)

    @rule(subject=literals)
    def publish(self, subject: str) -> None:
        for one in self.running.values():
            while one.step(2):
                pass
        plain, groups = self.model.publish(subject.encode())
        self.source.say(b"PUB %s 0" % subject.encode(), b"")
        heard = b"".join(one.heard() for one in self.connections.values())
        got = Counter((sid, shown) for shown, sid in re.findall(rb"MSG (\S+) (\S+) 0\r\n", heard))
        picked = got - plain
        assert not plain - got
        assert sum(picked.values()) == len(groups)
        for queue, members in groups.items():
            chosen = [one for one in picked if one in members]
            assert chosen, (queue, members, picked)

    @invariant()
    def only_interest_stands_in_the_exporter(self) -> None:
        if hasattr(self, "running"):
            imports = (*self.running.values(), *self.over)
            standing = sum(one.shadow_count for one in imports)
            assert len(self.world.account("A").sublist) == len(self.model.own) + standing


TestStreamImportMachine = StreamImportMachine.TestCase
TestStreamImportMachine.settings = settings(
    max_examples=examples(80), stateful_step_count=40, deadline=None
)
TestStreamImportMachine.pytestmark = [pytest.mark.soak]
