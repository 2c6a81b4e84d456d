import pytest

from isthmus.core.crossing import Crossing
from isthmus.core.inlet import Inlet, Request
from isthmus.core.outbound import Outbound
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from support.core import START_NS, World


class Writes:
    """A transport that tells each write to `then`."""

    def __init__(self, then=None) -> None:
        self.writes: list[bytes] = []
        self.then = then

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        if self.then is not None:
            self.then()

    def get_write_buffer_size(self) -> int:
        return 0


def outbound_to(transport: Writes) -> Outbound:
    outbound = Outbound(None, 1 << 20)
    outbound.attach(transport, -1)
    return outbound


def test_a_connection_is_written_once_per_turn():
    world = World()
    transport = Writes()
    outbound = outbound_to(transport)
    turn = world.begin()
    for part in (b"one ", b"two ", b"three"):
        outbound.write(part, turn)
    assert transport.writes == []
    turn.finish()
    turn.finish()
    assert transport.writes == [b"one two three"]


def test_what_a_handler_publishes_is_settled_in_the_same_turn():
    world = World()
    account = world.account()
    seen: list[bytes] = []

    def first(requests: list[Request], turn: Turn) -> None:
        for request in requests:
            publish(account, b"second", request.payload + b"!", turn)

    account.sublist.add(b"first", Inlet(first))
    account.sublist.add(
        b"second", Inlet(lambda batch, _turn: seen.extend(r.payload for r in batch))
    )
    turn = world.begin()
    publish(account, b"first", b"a", turn)
    publish(account, b"first", b"b", turn)
    assert seen == []
    turn.finish()
    assert seen == [b"a!", b"b!"]


def test_an_error_of_one_handler_does_not_stop_the_others():
    world = World()
    account = world.account()
    seen: list[bytes] = []
    transport = Writes()
    outbound = outbound_to(transport)

    def fail(requests: list[Request], turn: Turn) -> None:
        raise RuntimeError("broken handler")

    account.sublist.add(b"x", Inlet(fail))
    account.sublist.add(b"x", Inlet(lambda batch, _turn: seen.extend(r.payload for r in batch)))
    turn = world.begin()
    publish(account, b"x", b"1", turn)
    outbound.write(b"sent all the same", turn)
    with pytest.raises(RuntimeError, match="broken handler"):
        turn.finish()
    assert seen == [b"1"]
    assert transport.writes == [b"sent all the same"]
    publish(account, b"x", b"2", turn)
    with pytest.raises(RuntimeError):
        turn.finish()
    assert seen == [b"1", b"2"]


def test_a_transport_that_fails_does_not_stop_the_other_connections():
    world = World()

    def fail() -> None:
        raise OSError("broken transport")

    broken, whole = outbound_to(Writes(fail)), Writes()
    other = outbound_to(whole)
    turn = world.begin()
    broken.write(b"x", turn)
    other.write(b"y", turn)
    with pytest.raises(OSError, match="broken transport"):
        turn.finish()
    assert whole.writes == [b"y"]


def test_what_sending_touches_is_sent_in_the_same_turn():
    world = World()
    announced = Writes()
    second = outbound_to(announced)
    turn = world.begin()
    first = outbound_to(Writes(lambda: second.write(b"somebody left", turn)))
    first.write(b"x", turn)
    turn.finish()
    assert announced.writes == [b"somebody left"]
    assert not turn.unfinished


def test_what_sending_publishes_is_settled_in_the_same_turn():
    world = World()
    account = world.account()
    seen: list[bytes] = []
    account.sublist.add(b"left", Inlet(lambda batch, _turn: seen.extend(r.payload for r in batch)))
    turn = world.begin()
    outbound = outbound_to(Writes(lambda: publish(account, b"left", b"1", turn)))
    outbound.write(b"x", turn)
    turn.finish()
    assert seen == [b"1"]


def test_work_without_end_gives_the_loop_back():
    world = World()
    account = world.account()
    rounds = 0

    def again(requests: list[Request], turn: Turn) -> None:
        nonlocal rounds
        rounds += 1
        publish(account, b"again", b"", turn)

    account.sublist.add(b"again", Inlet(again))
    transport = Writes()
    outbound = outbound_to(transport)
    turn = world.begin()
    publish(account, b"again", b"", turn)
    outbound.write(b"x", turn)
    turn.finish()
    assert transport.writes == [b"x"]
    assert turn.unfinished
    before = rounds
    turn.begin(START_NS)
    turn.finish()
    assert rounds == before  # a turn that was begun for something else leaves it alone
    assert turn.unfinished
    turn.begin(START_NS)
    turn.resume()
    turn.finish()
    assert rounds > before
    account.sublist.discard(b"again", account.sublist.receivers(b"again")[0][0])
    world.begin()
    turn.finish()
    assert not turn.unfinished


def test_a_nested_finish_does_nothing():
    world = World()
    transport = Writes()
    turn = world.begin()
    outbound = outbound_to(transport)
    inner = outbound_to(Writes(turn.finish))
    inner.write(b"x", turn)
    outbound.write(b"y", turn)
    turn.finish()
    assert transport.writes == [b"y"]


def test_the_earliest_deadline_is_noted_until_it_is_taken():
    world = World()
    importer, exporter = world.account("B"), world.account("A")
    for number, threshold_ns in enumerate((50, 20, 30)):
        subject = b"x.%d" % number
        crossing = Crossing(
            importer, exporter, local=subject, remote=subject, threshold_ns=threshold_ns
        )
        crossing.open(0)
        crossing.subscribe()
        exporter.sublist.add(subject, Inlet(lambda _batch, _turn: None))
    turn = world.begin()
    assert turn.take_wake() == 0
    for number in range(3):
        publish(importer, b"x.%d" % number, b"", turn, reply=b"r")
    assert turn.take_wake() == START_NS + 20
    assert turn.take_wake() == 0
    turn.finish()


def test_a_seed_of_zero_is_refused():
    with pytest.raises(AssertionError):
        Turn(seed=0)
