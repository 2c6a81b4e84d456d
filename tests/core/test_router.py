from collections import Counter

from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from support.core import MemoryConnection, World


def test_each_group_gets_one_and_everybody_gets_a_turn():
    world = World()
    members = [world.connect() for _ in range(4)]
    for member in members:
        member.say(b"SUB work g 1")
    publisher = world.connect()
    publisher.send(b"PUB work 1\r\nx\r\n" * 4000)
    counts = [member.heard().count(b"MSG ") for member in members]
    assert sum(counts) == 4000
    assert min(counts) > 800  # 1000 expected, with a deviation of 27


def test_a_member_that_does_not_take_it_leaves_it_to_another():
    world = World()
    silent, taker = world.connect(echo=False), world.connect()
    for member in (silent, taker):
        member.say(b"SUB work g 1")
    for _ in range(50):
        silent.say(b"PUB work 1", b"x")
    assert taker.heard().count(b"MSG work") == 50
    assert silent.heard() == b""


def test_an_overflowing_member_leaves_it_to_another():
    world = World()
    full = MemoryConnection(world, pending_max=10)
    full.send(b'CONNECT {"verbose":false}\r\nSUB work g 1\r\n')
    taker = world.connect()
    taker.say(b"SUB work g 1")
    turn = world.begin()
    assert [publish(world.account(), b"work", b"", turn) for _ in range(20)] == [1] * 20
    turn.finish()
    assert taker.heard().count(b"MSG work") == 20
    assert len(full.events) == 1


def test_plain_subscribers_are_served_before_groups():
    world = World()
    order: list[str] = []
    sublist = world.account().sublist
    for name, queue in (("group", b"g"), ("plain", b""), ("other", b"h"), ("second", b"")):

        def note(_batch: list[Request], _turn: object, name: str = name) -> None:
            order.append(name)

        sublist.add(b"x", Inlet(note), queue)
    turn = world.begin()
    assert publish(world.account(), b"x", b"", turn) == 4
    turn.finish()
    assert order[:2] == ["plain", "second"]
    assert Counter(order[2:]) == Counter(["group", "other"])


def test_an_inlet_copies_the_whole_message():
    world = World()
    seen: list[Request] = []
    world.account().sublist.add(b"a.>", Inlet(lambda batch, _turn: seen.extend(batch)))
    connection = world.connect()
    connection.say(b"HPUB a.b r 12 14", b"NATS/1.0\r\n\r\nhi")
    (request,) = seen
    assert (request.subject, request.reply) == (b"a.b", b"r")
    assert (request.header, request.payload) == (b"NATS/1.0\r\n\r\n", b"hi")
    assert (request.info, request.client) == (b"", connection.client)
    assert request.now_ns == world.now_ns
    assert repr(request) == "Request(b'a.b', reply=b'r', 2 bytes)"


def test_an_inlet_leaves_what_is_excluded_to_others():
    world = World()
    seen: list[bytes] = []
    inlet = Inlet(
        lambda batch, _turn: seen.extend(request.subject for request in batch),
        excluded=(b"a.b.", b"a.c"),
    )
    world.account().sublist.add(b"a.>", inlet)
    turn = world.begin()
    subjects = (b"a.b", b"a.b.c", b"a.c", b"a.d")
    assert [publish(world.account(), subject, b"", turn) for subject in subjects] == [1, 0, 0, 1]
    turn.finish()
    assert seen == [b"a.b", b"a.d"]


def test_an_inlet_takes_so_many_a_turn_and_refuses_the_rest():
    world = World()
    batches: list[int] = []
    inlet = Inlet(lambda batch, _turn: batches.append(len(batch)), requests_max=3)
    world.account().sublist.add(b"a", inlet)
    for _ in range(2):
        turn = world.begin()
        assert [publish(world.account(), b"a", b"", turn) for _ in range(5)] == [1, 1, 1, 0, 0]
        turn.finish()
    assert batches == [3, 3]
    assert inlet.dropped == 4


def test_an_inlet_hands_over_a_slice_a_turn_and_keeps_the_order():
    world = World()
    batches: list[list[bytes]] = []
    inlet = Inlet(
        lambda batch, _turn: batches.append([request.reply for request in batch]), slice_max=2
    )
    world.account().sublist.add(b"a", inlet)
    turn = world.begin()
    for number in range(3):
        publish(world.account(), b"a", b"", turn, reply=b"%d" % number)
    turn.finish()
    assert batches == [[b"0", b"1"]]
    assert turn.unfinished
    publish(world.account(), b"a", b"", turn, reply=b"3")  # comes after those who wait
    for _ in range(2):
        world.begin()
        turn.finish()
    assert batches == [[b"0", b"1"], [b"2", b"3"]]
    assert not turn.unfinished
