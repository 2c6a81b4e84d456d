import gc
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from isthmus.core.crossing import Crossing
from isthmus.core.router import publish
from models.crossing import CrossingModel, rewrite
from support.core import START_NS, MemoryConnection, World
from support.crossings import chain, cross, info, reply_of
from support.soak import examples

SINGLETON, STREAM, CHUNKED = 0, 1, 2
THRESHOLD_NS = 1000


def request_of(subject: bytes, payload: bytes, reply: bytes = b"", *, sid: bytes = b"1") -> bytes:
    """The HMSG that a service of A gets for a request of B."""
    header = b"NATS/1.0\r\nNats-Request-Info: %s\r\n\r\n" % info()
    line = b"HMSG %s %s %s%d %d\r\n" % (
        subject, sid, reply + b" " if reply else b"", len(header), len(header) + len(payload),
    )  # fmt: skip
    return line + header + payload + b"\r\n"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def service(world: World) -> MemoryConnection:
    """A connection of A that answers `svc.>`."""
    connection = world.connect("A")
    connection.say(b"SUB svc.> 1")
    return connection


@pytest.fixture
def asker(world: World) -> MemoryConnection:
    """A connection of B that hears its inbox."""
    connection = world.connect("B")
    connection.say(b"SUB _INBOX.> 1")
    return connection


# --- the request ---


def test_a_request_says_who_asks(world: World, service: MemoryConnection, asker: MemoryConnection):
    cross(world, b"svc.a")
    asker.say(b"PUB svc.a _INBOX.x 2", b"hi")
    heard = service.heard()
    assert heard == request_of(b"svc.a", b"hi", reply_of(heard))
    assert re.fullmatch(rb"_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}", reply_of(heard))


def test_without_a_reply_there_is_no_way_back(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a")
    asker.say(b"PUB svc.a 2", b"hi")
    assert service.heard() == request_of(b"svc.a", b"hi")
    assert crossing.response_count == 0


def test_an_acknowledgement_subject_passes_as_it_is(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    """A pull behind a second border: the messages keep the subject that acknowledges them."""
    crossing = cross(world, b"svc.a")
    publish(world.account("B"), b"svc.a", b"hi", world.begin(), reply=b"$JS.ACK.S.C.1.1.1.1.0")
    world.turn.finish()
    assert b" $JS.ACK.S.C.1.1.1.1.0 " in service.heard()
    assert crossing.response_count == 0


def test_share_tells_all_about_the_requester(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    cross(world, b"svc.a", share=True)
    asker.say(b"PUB svc.a 2", b"hi")
    known = b'{"id":%d,"acc":"B","rtt":1000,"kind":"Client"}' % asker.client.cid
    assert b"Nats-Request-Info: " + known + b"\r\n\r\nhi\r\n" in service.heard()


def test_a_request_of_the_server_itself_names_the_account(world: World, service: MemoryConnection):
    cross(world, b"svc.a")
    publish(world.account("B"), b"svc.a", b"hi", world.begin())
    world.turn.finish()
    assert b'Nats-Request-Info: {"acc":"B"}\r\n\r\nhi' in service.heard()


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (b"NATS/1.0\r\nX: 1\r\n\r\n", b"NATS/1.0\r\nX: 1\r\n"),
        (
            b"NATS/1.0\r\nX: 1\r\nNats-Request-Info: {}\r\nY: 2\r\n\r\n",
            b"NATS/1.0\r\nX: 1\r\nY: 2\r\n",
        ),
        (b"NATS/1.0\r\nNats-Request-Info:a\r\nNats-Request-Info: b\r\n\r\n", b"NATS/1.0\r\n"),
        (b"NATS/1.0\r\nX: 1\nNats-Request-Info: a\r\n\r\n", b"NATS/1.0\r\nX: 1\r\n"),
        (b"NATS/1.0\nNats-Request-Info: a\r\n\r\n", b"NATS/1.0\r\n"),
        (b"NATS/1.0\r\nnats-request-info: x\r\n\r\n", b"NATS/1.0\r\nnats-request-info: x\r\n"),
        (
            b"NATS/1.0\r\nA: Nats-Request-Info: x\r\n\r\n",
            b"NATS/1.0\r\nA: Nats-Request-Info: x\r\n",
        ),
        (b"NATS/1.0 503\r\n\r\n", b"NATS/1.0 503\r\n"),
        (b"", b"NATS/1.0\r\n"),
    ],
)
def test_nobody_says_himself_who_he_is(
    world: World, service: MemoryConnection, asker: MemoryConnection, header: bytes, kept: bytes
):
    """A forged Nats-Request-Info is taken out; the true one comes last."""
    cross(world, b"svc.a")
    asker.send(b"HPUB svc.a %d %d\r\n%shi\r\n" % (len(header), len(header) + 2, header))
    whole = kept + b"Nats-Request-Info: " + info() + b"\r\n\r\n"
    expected = b"HMSG svc.a 1 %d %d\r\n%shi\r\n" % (len(whole), len(whole) + 2, whole)
    assert service.heard() == expected


def test_a_client_without_headers_gets_the_payload(world: World, asker: MemoryConnection):
    cross(world, b"svc.a")
    old = world.connect("A", headers=False, no_responders=False)
    old.say(b"SUB svc.a 7")
    asker.say(b"PUB svc.a 2", b"hi")
    assert old.heard() == b"MSG svc.a 7 2\r\nhi\r\n"


def test_the_importers_own_subscribers_get_the_request_too(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    cross(world, b"svc.a")
    asker.say(b"SUB svc.a 9")
    assert asker.say(b"PUB svc.a 2", b"hi") == b"MSG svc.a 9 2\r\nhi\r\n"
    assert service.heard() == request_of(b"svc.a", b"hi")


# --- subjects ---

pieces = st.lists(st.sampled_from([b"a", b"bc", b"*"]), min_size=1, max_size=6)


@given(pieces, st.booleans(), st.data())
def test_the_subject_is_rewritten_as_in_the_model(
    local: list[bytes], rest: bool, data: st.DataObject
):
    tokens = [*local, b">"] if rest else local
    wild = sum(token in (b"*", b">") for token in tokens)
    order = data.draw(st.permutations(range(wild)))
    literal = st.sampled_from([b"x.", b"y.zz."])
    parts: list[bytes | int] = [data.draw(literal)]
    for index in order:
        parts += [index, b".", data.draw(literal)]
    parts.append(b"end")
    subject = b".".join(
        data.draw(st.sampled_from([b"one", b"2"])) if token == b"*" else token for token in local
    )
    if rest:
        subject += b"." + data.draw(st.sampled_from([b"r", b"r.s.t"]))
    world = World()
    cross(world, b".".join(tokens), b"remote", parts)
    hearer = world.connect("A")
    hearer.say(b"SUB > 1")
    publish(world.account("B"), subject, b"", world.begin())
    world.turn.finish()
    wanted = rewrite(b".".join(tokens), parts, subject)
    assert hearer.heard().startswith(b"HMSG " + wanted + b" 1 ")


def test_a_rewritten_subject_that_is_too_long_does_not_cross(world: World):
    crossing = cross(world, b"q.>", b"r.>.>", [b"r.", 0, b".", 0])
    hearer = world.connect("A")
    hearer.say(b"SUB > 1")
    assert publish(world.account("B"), b"q." + b"x" * 5000, b"", world.begin()) == 0
    assert crossing.messages == 0
    assert publish(world.account("B"), b"q." + b"x" * 4000, b"", world.begin()) == 1


def test_more_wildcards_than_a_subject_usually_has_are_rewritten(world: World):
    local = b".".join([b"*"] * 200)
    parts: list[bytes | int] = []
    for index in reversed(range(200)):
        parts += [index, b"."]
    cross(world, local, local, parts[:-1])
    hearer = world.connect("A")
    hearer.say(b"SUB > 1")
    publish(world.account("B"), b".".join(b"%d" % n for n in range(200)), b"", world.begin())
    world.turn.finish()
    wanted = b".".join(b"%d" % n for n in reversed(range(200)))
    assert hearer.heard().startswith(b"HMSG " + wanted + b" ")


# --- the way back ---


class CrossingMachine(RuleBasedStateMachine):
    """Requests and answers against the model, with time, revocation and lost interest."""

    @initialize(response_type=st.sampled_from([SINGLETON, STREAM, CHUNKED]))
    def start(self, response_type: int) -> None:
        self.world = World()
        self.now_ns = START_NS
        self.service = self.world.connect("A")
        self.service.say(b"SUB svc.> 1")
        self.asker = self.world.connect("B")
        self.crossing = cross(
            self.world, b"svc.>", response_type=response_type, threshold_ns=THRESHOLD_NS
        )
        self.model = CrossingModel(response_type, THRESHOLD_NS)
        self.model.alive = True
        self.known: list[bytes] = []  # every `_R_` subject that the service ever saw

    def at(self) -> None:
        self.world.now_ns = self.now_ns

    @rule(number=st.integers(0, 2))
    def listen(self, number: int) -> None:
        self.asker.say(b"SUB _INBOX.%d %d" % (number, number))
        self.model.listening.add(b"_INBOX.%d" % number)

    @rule(number=st.integers(0, 2))
    def stop_listening(self, number: int) -> None:
        self.asker.say(b"UNSUB %d" % number)
        self.model.stop_listening(b"_INBOX.%d" % number)

    @rule(number=st.integers(-1, 2))
    def request(self, number: int) -> None:
        self.at()
        reply = b"" if number < 0 else b"_INBOX.%d" % number
        self.asker.say(b"PUB svc.x %s 2" % reply, b"hi")
        heard = self.service.heard()
        key = reply_of(heard) if heard and reply else None
        assert bool(heard) == self.model.request(key, reply, self.now_ns)
        if key is not None:
            assert key not in self.known
            self.known.append(key)
        self.asker.heard()

    @rule(data=st.data(), kind=st.sampled_from(["body", "empty", "header"]))
    def answer(self, data: st.DataObject, kind: str) -> None:
        if not self.known:
            return
        self.at()
        key = data.draw(st.sampled_from(self.known))
        line = {
            "body": b"PUB %s 3\r\nyes\r\n",
            "empty": b"PUB %s 0\r\n\r\n",
            "header": b"HPUB %s 12 12\r\nNATS/1.0\r\n\r\n\r\n",
        }[kind]
        self.service.send(line % key)
        reply = self.model.answer(key, empty=kind == "empty", now_ns=self.now_ns)
        got = self.asker.heard()
        assert got.split(b" ")[1:2] == ([] if reply is None else [reply])

    @rule()
    def close(self) -> None:
        self.crossing.close()
        self.model.close()

    @rule(lasts_ns=st.sampled_from([0, 500, 3000]))
    def open(self, lasts_ns: int) -> None:
        self.model.ends_ns = self.now_ns + lasts_ns if lasts_ns else 0
        self.model.alive = True
        self.crossing.open(self.model.ends_ns)

    @rule(step_ns=st.sampled_from([1, 400, 999, 1000, 5000]))
    def time_passes(self, step_ns: int) -> None:
        self.now_ns += step_ns

    @rule(at_most=st.sampled_from([100, 1000]))
    def expire(self, at_most: int) -> None:
        self.crossing.expire(self.now_ns, at_most)
        self.model.expire(self.now_ns)

    @invariant()
    def answers_agree(self) -> None:
        if hasattr(self, "crossing"):
            assert self.crossing.response_count == len(self.model.answers)
            subscribed = len(self.world.account("A").sublist)
            assert subscribed == 1 + self.crossing.response_count
            wake_ns = self.crossing.deadline_ns()
            used = [used_ns for _, used_ns in self.model.answers.values()]
            assert (wake_ns == 0) == (not used)
            assert not used or wake_ns <= min(used) + THRESHOLD_NS


TestCrossingMachine = CrossingMachine.TestCase
TestCrossingMachine.settings = settings(
    max_examples=examples(60), stateful_step_count=30, deadline=None
)
TestCrossingMachine.pytestmark = [pytest.mark.soak]


def test_a_stream_in_use_outlives_its_threshold(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a", response_type=STREAM, threshold_ns=THRESHOLD_NS)
    asker.say(b"PUB svc.a _INBOX.used 0", b"")
    used = reply_of(service.heard())
    asker.say(b"PUB svc.a _INBOX.idle 0", b"")
    idle = reply_of(service.heard())
    for _ in range(10):
        world.now_ns += 300
        service.say(b"PUB %s 1" % used, b"x")
        crossing.expire(world.now_ns, 100)
    assert asker.heard().count(b"MSG _INBOX.used ") == 10
    service.say(b"PUB %s 1" % idle, b"x")
    assert asker.heard() == b""
    assert crossing.response_count == 1


def test_expiry_is_done_in_slices(world: World, service: MemoryConnection, asker: MemoryConnection):
    crossing = cross(world, b"svc.a", threshold_ns=THRESHOLD_NS)
    for number in range(10):
        asker.say(b"PUB svc.a _INBOX.%d 0" % number, b"")
    later_ns = world.now_ns + THRESHOLD_NS
    assert crossing.expire(later_ns - 1, 4) == 0
    assert [crossing.expire(later_ns, 4) for _ in range(4)] == [4, 4, 2, 0]


def test_thousands_of_answers_end_with_their_grant_and_leave_in_slices(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a", response_type=STREAM)
    for _ in range(3000):
        asker.say(b"PUB svc.a _INBOX.x 0", b"")
    last = reply_of(b"HMSG" + service.heard().rpartition(b"HMSG")[2])
    crossing.close()
    assert 0 < crossing.response_count < 3000
    assert crossing.deadline_ns() <= world.now_ns
    crossing.open(0)
    service.say(b"PUB %s 5" % last, b"stale")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    service.say(b"PUB %s 5" % reply_of(service.heard()), b"fresh")
    assert asker.heard() == b"MSG _INBOX.x 1 5\r\nfresh\r\n"
    while crossing.expire(world.now_ns, 500):
        pass
    assert crossing.response_count == 1
    assert len(world.account("A").sublist) == 1 + 1


def test_the_oldest_answer_goes_when_there_are_too_many(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a")
    most = 65_536
    turn = world.begin()
    for _ in range(most + 3):
        publish(world.account("B"), b"svc.a", b"", turn, reply=b"_INBOX.x")
    assert crossing.response_count == most
    assert len(world.account("A").sublist) == 1 + most


def test_an_answer_passes_its_header_as_it_is(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    cross(world, b"svc.a")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    reply = reply_of(service.heard())
    service.say(b"HPUB %s 18 20" % reply, b"NATS/1.0\r\nY: 2\r\n\r\nyo")
    assert asker.heard() == b"HMSG _INBOX.x 1 18 20\r\nNATS/1.0\r\nY: 2\r\n\r\nyo\r\n"


def test_everybody_who_listens_to_the_reply_gets_the_answer(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    cross(world, b"svc.a", response_type=STREAM)
    other = world.connect("B")
    other.say(b"SUB _INBOX.x 5")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    reply = reply_of(service.heard())
    for _ in range(3):  # the second finds the answer's target remembered, or not
        service.say(b"PUB %s 1" % reply, b"a")
        assert asker.heard() == b"MSG _INBOX.x 1 1\r\na\r\n"
        assert other.heard() == b"MSG _INBOX.x 5 1\r\na\r\n"
    other.say(b"UNSUB 5")
    service.say(b"PUB %s 1" % reply, b"b")
    assert asker.heard() == b"MSG _INBOX.x 1 1\r\nb\r\n"
    assert other.heard() == b""


def test_a_remembered_target_is_forgotten_with_its_subscription(
    world: World, service: MemoryConnection
):
    cross(world, b"svc.a", response_type=STREAM)
    first, second = world.connect("B"), world.connect("B")
    first.say(b"SUB _INBOX.x 1")
    first.say(b"PUB svc.a _INBOX.x 0", b"")
    reply = reply_of(service.heard())
    service.say(b"PUB %s 1" % reply, b"a")
    assert first.heard() == b"MSG _INBOX.x 1 1\r\na\r\n"
    second.say(b"SUB _INBOX.x 2")
    first.end()
    del first
    gc.collect()
    service.say(b"PUB %s 1" % reply, b"b")
    assert second.heard() == b"MSG _INBOX.x 2 1\r\nb\r\n"


def test_a_queue_group_hears_an_answer_once(world: World, service: MemoryConnection):
    cross(world, b"svc.a", response_type=STREAM)
    members = [world.connect("B") for _ in range(3)]
    for member in members:
        member.say(b"SUB _INBOX.x work 1")
    members[0].say(b"PUB svc.a _INBOX.x 0", b"")
    reply = reply_of(service.heard())
    for _ in range(10):
        service.say(b"PUB %s 1" % reply, b"a")
    assert b"".join(member.heard() for member in members).count(b"MSG ") == 10


# --- nobody listens any more ---


@pytest.mark.parametrize("response_type", [SINGLETON, STREAM, CHUNKED])
def test_an_answer_that_nobody_would_hear_is_not_waited_for(
    world: World, service: MemoryConnection, asker: MemoryConnection, response_type: int
):
    crossing = cross(world, b"svc.a", response_type=response_type)
    other = world.connect("B")
    other.say(b"SUB _INBOX.x 7")
    for inbox in (b"_INBOX.x", b"_INBOX.x", b"_INBOX.y"):
        asker.say(b"PUB svc.a %s 0" % inbox, b"")
    asker.say(b"UNSUB 1")
    assert crossing.response_count == 2
    other.end()
    assert crossing.response_count == 0
    assert len(world.account("A").sublist) == 1
    service.say(b"PUB %s _INBOX.a 0" % reply_of(service.heard()), b"")
    assert other.heard() == b""


def test_an_unsubscribe_that_leaves_others_changes_nothing(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a")
    asker.say(b"SUB _INBOX.x 2", b"SUB _INBOX.x work 3", b"SUB other 4")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    asker.say(b"UNSUB 1", b"UNSUB 4", b"UNSUB 2")
    assert crossing.response_count == 1
    asker.say(b"UNSUB 3")
    assert crossing.response_count == 0


def test_who_unsubscribes_with_the_answer_gets_it(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a", response_type=STREAM)
    asker.say(b"UNSUB 1", b"SUB _INBOX.x 2", b"UNSUB 2 1")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    reply = reply_of(service.heard())
    service.say(b"PUB %s 1" % reply, b"a", b"PUB %s 1" % reply, b"b")
    assert asker.heard() == b"MSG _INBOX.x 2 1\r\na\r\n"
    assert crossing.response_count == 0


def test_many_inboxes_go_one_by_one_and_then_all_at_once(world: World, service: MemoryConnection):
    crossing = cross(world, b"svc.a", response_type=STREAM)
    asker = world.connect("B")
    chance = random.Random(1)
    asker.say(b"SUB _INBOX.rest.> rest")
    open_inboxes = list(range(3000))
    for number in open_inboxes:
        asker.say(b"SUB _INBOX.%d %d" % (number, number))
        for _ in range(1 + number % 2):
            asker.say(b"PUB svc.a _INBOX.%d 0" % number, b"")
        asker.say(b"PUB svc.a _INBOX.rest.%d 0" % number, b"")
    assert crossing.response_count == 7500
    chance.shuffle(open_inboxes)
    while open_inboxes:
        asker.say(b"UNSUB %d" % open_inboxes.pop())
        left = sum(1 + number % 2 for number in open_inboxes)
        assert crossing.response_count == 3000 + left
    asker.say(b"UNSUB rest")
    assert crossing.response_count == 0
    asker.say(b"SUB _INBOX.x 1", b"PUB svc.a _INBOX.x 0", b"")
    assert crossing.response_count == 1


def test_a_chain_is_let_go_link_by_link(world: World):
    asker, _ = chain(world)
    asker.say(b"PUB top _INBOX.c 0", b"")
    assert [len(world.account(name).sublist) for name in "AB"] == [2, 2]
    asker.say(b"UNSUB 1")
    assert [len(world.account(name).sublist) for name in "AB"] == [1, 1]


def test_the_oldest_of_many_answers_to_one_inbox_goes_alone(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a")
    replies = []
    for _ in range(3):
        asker.say(b"PUB svc.a _INBOX.x 0", b"")
        replies.append(reply_of(service.heard()))
    for left, reply in zip((2, 1, 0), replies, strict=True):
        service.say(b"PUB %s 1" % reply, b"a")
        assert asker.heard() == b"MSG _INBOX.x 1 1\r\na\r\n"
        assert crossing.response_count == left


# --- answers that want an answer ---


@pytest.mark.parametrize(("response_type", "times"), [(SINGLETON, 1), (STREAM, 2), (CHUNKED, 2)])
def test_an_answer_to_an_answer_crosses_back(
    world: World,
    service: MemoryConnection,
    asker: MemoryConnection,
    response_type: int,
    times: int,
):
    """As on nats-server: the way further back is of the export's response type too."""
    cross(world, b"svc.a", response_type=response_type)
    service.say(b"SUB back.* 2")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    service.say(b"PUB %s back.1 1" % reply_of(service.heard()), b"a")
    heard = asker.heard()
    further = reply_of(heard)
    assert heard == b"MSG _INBOX.x 1 %s 1\r\na\r\n" % further
    assert further.startswith(b"_R_.000001.")  # of the importer
    asker.say(b"PUB %s 1" % further, b"b", b"PUB %s 1" % further, b"b")
    assert service.heard() == b"MSG back.1 2 1\r\nb\r\n" * times


def test_two_sides_that_answer_each_other_for_ever_need_two_crossings(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a", threshold_ns=THRESHOLD_NS)
    service.say(b"SUB back 2")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    gc.collect()
    before = sum(type(found) is Crossing for found in gc.get_objects())
    for _ in range(50):
        service.say(b"PUB %s back 1" % reply_of(service.heard()), b"a")
        asker.say(b"PUB %s _INBOX.x 1" % reply_of(asker.heard()), b"b")
    gc.collect()
    assert sum(type(found) is Crossing for found in gc.get_objects()) == before + 1
    assert crossing.response_count == 1
    crossing.expire(world.now_ns + THRESHOLD_NS, 100)
    assert crossing.response_count == 0
    assert len(world.account("B").sublist) == 2


@pytest.mark.parametrize("way", ["close", "ends", "unsubscribe", "expire"])
def test_what_ends_a_grant_ends_answers_to_answers(
    world: World, service: MemoryConnection, asker: MemoryConnection, way: str
):
    crossing = cross(world, b"svc.a", response_type=STREAM, threshold_ns=THRESHOLD_NS)
    service.say(b"SUB back 2")
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    service.say(b"PUB %s back 1" % reply_of(service.heard()), b"a")
    further = reply_of(asker.heard())
    if way == "close":
        crossing.close()
    elif way == "ends":
        crossing.open(world.now_ns)
    elif way == "expire":
        assert crossing.deadline_ns() == world.now_ns + THRESHOLD_NS
        assert crossing.expire(world.now_ns + THRESHOLD_NS, 100) == 2
    else:
        crossing.unsubscribe()
    asker.say(b"PUB %s 1" % further, b"b")
    assert service.heard() == b""


# --- chains ---


def test_a_chain_names_the_first_requester_and_the_account_between(world: World):
    asker, service = chain(world)
    forged = b'NATS/1.0\r\nNats-Request-Info: {"acc":"X"}\r\n\r\n'
    asker.say(b"HPUB top _INBOX.c %d %d" % (len(forged), len(forged)), forged)
    heard = service.heard()
    assert b'\r\nNats-Request-Info: {"acc":"C","svc":"B","rtt":1000}\r\n\r\n' in heard
    assert heard.count(b"Nats-Request-Info") == 1
    service.say(b"PUB %s 2" % reply_of(heard), b"ok")
    assert asker.heard() == b"MSG _INBOX.c 1 2\r\nok\r\n"


def test_in_a_chain_the_first_import_decides_what_is_shared(world: World):
    asker, service = chain(world, shares=(True, False))
    asker.say(b"PUB top 0", b"")
    known = b'{"id":%d,"acc":"C","svc":"B","rtt":1000,"kind":"Client"}' % asker.client.cid
    assert b"Nats-Request-Info: " + known + b"\r\n" in service.heard()


def test_a_later_import_that_shares_adds_the_server(world: World):
    asker, service = chain(world, shares=(False, True))
    asker.client.describe(
        b'{"acc":"C","rtt":5}', b'{"id":1,"acc":"C","server":"s\\"1","kind":"Client"}'
    )
    asker.say(b"PUB top 0", b"")
    known = b'{"acc":"C","svc":"B","rtt":5,"server":"s\\"1"}'
    assert b"Nats-Request-Info: " + known + b"\r\n" in service.heard()


def test_the_account_between_is_the_last_one(world: World):
    """Four accounts: `svc` is replaced at each border, quotes in names are kept."""
    names = ("D", 'C"c', "B", "A")
    for number in range(3):
        cross(
            world, b"s%d" % number, b"s%d" % (number + 1), [b"s%d" % (number + 1)],
            importer=names[number], exporter=names[number + 1],
        )  # fmt: skip
    service = world.connect("A")
    service.say(b"SUB s3 1")
    publish(world.account("D"), b"s0", b"", world.begin())
    world.turn.finish()
    assert b'Nats-Request-Info: {"acc":"D","svc":"B"}\r\n' in service.heard()


def test_a_chain_that_ends_nowhere_leaves_nothing(world: World):
    asker, service = chain(world)
    service.say(b"UNSUB 1")
    heard = asker.say(b"PUB top _INBOX.c 0", b"")
    assert heard.startswith(b"HMSG _INBOX.c 1 ")
    assert b"Nats-Subject: top\r\n" in heard
    for name in "AB":
        assert not any(
            world.account(name).sublist.interested(subject) for subject in (b"deep", b"_R_.x.y")
        )
    assert len(world.account("B").sublist) == 1
    assert len(world.account("A").sublist) == 0


def test_a_circle_of_imports_comes_to_an_end(world: World):
    for importer, exporter in (("A", "B"), ("B", "C"), ("C", "A")):
        cross(world, b"round", importer=importer, exporter=exporter)
    asker = world.connect("A")
    asker.say(b"SUB _INBOX.a 1")
    heard = asker.say(b"PUB round _INBOX.a 0", b"")
    assert b"NATS/1.0 503\r\n" in heard
    assert [len(world.account(name).sublist) for name in "ABC"] == [2, 1, 1]


def test_a_request_passes_an_export_once(world: World):
    """B and C lead it back to A, where it would go to both of them again."""
    for importer, exporter in (("A", "B"), ("A", "C"), ("B", "A"), ("C", "A")):
        cross(world, b"round", importer=importer, exporter=exporter)
    hears = world.connect("A")
    hears.say(b"SUB round 1")
    heard = world.connect("A").say(b"PUB round 0", b"") + hears.heard()
    assert heard.count(b"MSG round 1 ") == 3


def test_a_request_that_branches_at_each_border_gets_so_far(world: World):
    """Eight ways at each of five borders end 32,768 times; each of the first eight goes on 256."""
    for step in range(5):
        for way in range(8):
            remote = b"%d.%d" % (step + 1, way)
            local = b"%d.*" % step
            cross(world, local, remote, [remote], importer=f"X{step}", exporter=f"X{step + 1}")
    hears, asker = world.connect("X5"), world.connect("X0")
    hears.say(b"SUB > 1")
    for _ in range(2):
        asker.say(b"PUB 0.x 0", b"")
        assert 8 <= hears.heard().count(b"MSG 5.") <= 8 * 256


# --- the end of a grant ---


def test_a_closed_grant_is_a_subject_without_interest(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a")
    crossing.close()
    assert b"NATS/1.0 503\r\n" in asker.say(b"PUB svc.a _INBOX.x 0", b"")
    assert service.heard() == b""
    crossing.open(0)
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    assert service.heard()


def test_a_grant_ends_at_its_end_and_not_before(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a")
    crossing.open(START_NS + 10)
    world.now_ns = START_NS + 9
    asker.say(b"PUB svc.a 0", b"")
    assert service.heard()
    world.now_ns = START_NS + 10
    asker.say(b"PUB svc.a 0", b"")
    assert service.heard() == b""
    assert (crossing.messages, crossing.alive) == (1, True)


def test_a_withdrawn_import_leaves_both_accounts_empty(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a", response_type=STREAM)
    for _ in range(5):
        asker.say(b"PUB svc.a _INBOX.x 0", b"")
    crossing.unsubscribe()
    crossing.unsubscribe()
    assert crossing.response_count == 0
    assert [len(world.account(name).sublist) for name in "AB"] == [1, 1]


def test_usage_is_counted(world: World, service: MemoryConnection, asker: MemoryConnection):
    crossing = cross(world, b"svc.a")
    asker.say(b"PUB svc.a _INBOX.x 5", b"hello")
    asker.say(b"HPUB svc.a 12 14", b"NATS/1.0\r\n\r\nhi")
    asker.say(b"PUB svc.none 5", b"hello")
    world.now_ns += 5
    service.say(b"PUB %s 2" % reply_of(service.heard()), b"ok")
    assert (crossing.messages, crossing.bytes_crossed) == (2, 19)
    assert (crossing.answers, crossing.answer_bytes, crossing.deliveries) == (1, 2, 0)
    assert crossing.used_ns == world.now_ns


def test_an_answer_nobody_takes_is_not_counted(
    world: World, service: MemoryConnection, asker: MemoryConnection
):
    crossing = cross(world, b"svc.a", response_type=1)
    asker.say(b"PUB svc.a _INBOX.x 0", b"")
    reply = reply_of(service.heard())
    asker.say(b"UNSUB 1")
    service.say(b"PUB %s 2" % reply, b"ok")
    assert crossing.answers == 0
