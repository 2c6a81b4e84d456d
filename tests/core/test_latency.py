"""Which requests are measured, and what the owner is told of them."""

import pytest

from isthmus.core.crossing import Crossing
from isthmus.core.latency import Latency, Sample
from isthmus.core.turn import Turn
from support.core import START_NS, MemoryConnection, World
from support.crossings import chain, cross, info, reply_of

STREAM = 1
MARK = b".server00.T"
THRESHOLD_NS = 1000


class Recorder:
    """Keeps what it is told; a header with `X: 1` asks for a measurement."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.calls = 0

    def traced(self, header: bytes) -> dict[str, list[str]] | None:
        return {"X": ["1"]} if b"X: 1" in header else None

    def measured(self, samples: list[Sample], turn: Turn) -> None:
        self.calls += 1
        self.samples += samples

    def statuses(self) -> list[int]:
        out = [sample.status for sample in self.samples]
        self.samples.clear()
        return out


class Measured:
    """A service of A that B calls, measured."""

    def __init__(self, percent: int = 100, **settings: object) -> None:
        self.world = World()
        self.recorder = Recorder()
        self.crossing: Crossing = cross(self.world, b"svc.a", **settings)
        self.crossing.measure(Latency(self.recorder, percent, MARK))
        self.service: MemoryConnection = self.world.connect("A")
        self.asker: MemoryConnection = self.world.connect("B")
        self.asker.say(b"SUB _INBOX.> 1")

    def listen(self) -> None:
        self.service.say(b"SUB svc.a 1")

    def ask(self, reply: bytes = b"_INBOX.x") -> bytes:
        """Ask; the reply subject that the service got, or nothing."""
        self.asker.say(b"PUB svc.a %s 0" % reply, b"")
        heard = self.service.heard()
        return reply_of(heard) if reply and heard else b""


def test_an_answer_is_measured_from_the_request():
    case = Measured()
    case.listen()
    reply = case.ask()
    assert reply.endswith(MARK)
    case.world.now_ns += 350
    case.service.say(b"PUB %s 2" % reply, b"ok")
    assert case.asker.heard() == b"MSG _INBOX.x 1 2\r\nok\r\n"
    (sample,) = case.recorder.samples
    assert (sample.status, sample.asked_ns, sample.ended_ns) == (200, START_NS, START_NS + 350)
    assert sample.requester == info()
    assert sample.responder == b'{"id":1,"acc":"A","rtt":1000,"kind":"Client"}'
    assert sample.header is None
    case.service.say(b"PUB %s 2" % reply, b"ok")
    assert len(case.recorder.samples) == 1


def test_a_request_without_reply_cannot_be_measured():
    case = Measured()
    case.listen()
    case.ask(b"")
    assert case.recorder.statuses() == [400]


def test_nobody_there():
    case = Measured()
    assert case.ask() == b""
    assert case.recorder.statuses() == [503]


@pytest.mark.parametrize("way", ["unsubscribe", "disconnect"])
def test_a_requester_that_is_gone(way: str):
    case = Measured()
    case.listen()
    reply = case.ask()
    if way == "unsubscribe":
        case.asker.say(b"UNSUB 1")
    else:
        case.asker.end()
        case.world.begin()
        case.world.turn.finish()
    (sample,) = case.recorder.samples
    assert (sample.status, sample.responder) == (408, b"")
    case.service.say(b"PUB %s 2" % reply, b"ok")
    assert case.recorder.statuses() == [408]


def test_no_answer_in_time():
    case = Measured(threshold_ns=THRESHOLD_NS)
    case.listen()
    case.ask()
    case.world.begin(THRESHOLD_NS)
    assert case.crossing.expire(case.world.now_ns, 10) == 1
    case.world.turn.finish()
    assert case.recorder.statuses() == [504]


def test_the_owner_is_told_once_per_turn():
    case = Measured()
    case.listen()
    replies = [case.ask(b"_INBOX.%d" % number) for number in range(5)]
    case.service.send(b"".join(b"PUB %s 1\r\nx\r\n" % reply for reply in replies))
    assert (case.recorder.calls, case.recorder.statuses()) == (1, [200] * 5)


def test_a_share_of_the_requests():
    case = Measured(percent=30)
    case.listen()
    marked = sum(case.ask(b"_INBOX.%d" % number).endswith(MARK) for number in range(1000))
    assert 200 < marked < 400


@pytest.mark.parametrize(("percent", "header", "marked"), [
    (0, b"X: 1", True), (0, b"Y: 1", False), (1, b"X: 1", True),
])  # fmt: skip
def test_headers_ask_for_it(percent: int, header: bytes, marked: bool):
    case = Measured(percent=percent)
    case.listen()
    block = b"NATS/1.0\r\n%s\r\n\r\n" % header
    case.asker.say(b"HPUB svc.a _INBOX.x %d %d" % (len(block), len(block)), block)
    reply = reply_of(case.service.heard())
    assert reply.endswith(MARK) == marked
    case.service.say(b"PUB %s 1" % reply, b"x")
    assert [sample.header for sample in case.recorder.samples] == [{"X": ["1"]}] * marked


def test_a_measurement_that_is_switched_off_ends_quietly():
    case = Measured()
    case.listen()
    reply = case.ask()
    case.crossing.measure(None)
    case.service.say(b"PUB %s 2" % reply, b"ok")
    assert case.asker.heard() == b"MSG _INBOX.x 1 2\r\nok\r\n"
    assert not case.ask().endswith(MARK)
    assert case.recorder.samples == []


def test_in_a_chain_the_first_requester_is_named_alone():
    world, recorder = World(), Recorder()
    asker, service = chain(world, last=Latency(recorder, 100, MARK))
    asker.say(b"PUB top _INBOX.c 0", b"")
    service.say(b"PUB %s 2" % reply_of(service.heard()), b"ok")
    assert asker.heard() == b"MSG _INBOX.c 1 2\r\nok\r\n"
    (sample,) = recorder.samples
    assert (sample.status, sample.requester) == (200, info(b"C"))


def test_an_answer_that_nobody_measures_is_not_told():
    case = Measured(response_type=STREAM)
    case.crossing.measure(None)
    case.listen()
    case.service.say(b"PUB %s 2" % case.ask(), b"ok")
    assert case.recorder.calls == 0
