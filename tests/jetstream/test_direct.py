"""Direct gets over a disk that takes its time, and batches longer than a turn."""

import json

from isthmus.jetstream import direct
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld, StreamWorld

FILE = {"name": "S", "subjects": ["s.>"], "storage": "file", "allow_direct": True}


def begin(world, **more):
    client = world.client()
    client.request("$JS.API.STREAM.CREATE.S", json.dumps(FILE | more).encode())
    if isinstance(world, StoreWorld):
        world.drain()
    client.messages()
    return client


def sequences(messages):
    return [
        line.partition(b": ")[2]
        for _, _, header, _ in messages
        for line in header.split(b"\r\n")
        if line.startswith(b"Nats-Sequence")
    ]


def test_what_is_not_durable_is_not_shown():
    world = StoreWorld(MemoryDisk())
    client = begin(world)
    client.publish("s.a", b"one")
    assert client.request("$JS.API.DIRECT.GET.S.s.a") == []
    world.drain()
    [(_, _, header, payload)] = client.messages()
    assert (sequences([("", "", header, b"")]), payload) == ([b"1"], b"one")


def test_it_is_shown_even_if_it_was_evicted_while_it_waited():
    world = StoreWorld(MemoryDisk())
    client = begin(world, max_msgs_per_subject=1)
    client.publish("s.a", b"one")
    client.request("$JS.API.DIRECT.GET.S.s.a")
    client.publish("s.a", b"two")
    client.request("$JS.API.DIRECT.GET.S.s.a")
    world.drain()
    assert [payload for *_, payload in client.messages()] == [b"one", b"two"]


def test_what_is_durable_is_answered_while_the_disk_works():
    world = StoreWorld(MemoryDisk())
    client = begin(world)
    client.publish("s.a", b"one")
    world.drain()
    client.publish("s.b", b"two")
    assert [payload for *_, payload in client.request("$JS.API.DIRECT.GET.S.s.a")] == [b"one"]


def test_a_batch_goes_on_in_the_next_turn(monkeypatch):
    monkeypatch.setattr(direct, "SLICE", 3)
    world = StreamWorld()
    client = begin(world, storage="memory")
    for number in range(10):
        client.publish("s.a", b"%d" % number)
    answers = client.request("$JS.API.DIRECT.GET.S", b'{"seq":2,"batch":8}')
    assert [payload for *_, payload in answers] == [b"%d" % n for n in range(1, 9)] + [b""]
    assert answers[-1][2].startswith(b"NATS/1.0 204 EOB\r\n")


def test_who_asks_for_the_last_ones_up_to_a_sequence_looks_back_in_slices():
    world = StreamWorld()
    client = begin(world, storage="memory")
    names = [b"s.%d" % number for number in range(20)]
    between = [b"s.between"] * 20_000
    lines = [b"PUB %b 1\r\nx\r\n" % name for name in (*names, *names, *between, *names)]
    client.connection.send(b"".join(lines))
    request = b'{"multi_last":["s.*"],"up_to_seq":20040}'
    line = b"PUB $JS.API.DIRECT.GET.S _INBOX.m %d\r\n%b\r\n" % (len(request), request)
    client._left += client.connection.send(line)
    turns = 1
    while world.turn.unfinished:
        world.begin()
        world.turn.finish()
        turns += 1
    assert turns > 20 * 20_000 * 100 / 3_000_000, "of two milliseconds and a slice"
    found = sorted(int(seq) for seq in sequences(client.messages()))
    assert found == [*range(21, 41), 20_040]


def test_another_account_is_not_answered():
    world = StreamWorld()
    begin(world, storage="memory").publish("s.a", b"one")
    other = world.client("OTHER", headers=True, no_responders=True)
    [(_, _, header, _)] = other.request("$JS.API.DIRECT.GET.S.s.a")
    assert header.startswith(b"NATS/1.0 503")
