"""Consumers that deliver by themselves, after a restart: what they knew, and who listens now."""

import json

import pytest

from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld

SECOND = 1_000_000_000
STREAM = {"name": "S", "subjects": ["s.>"], "storage": "file"}
KEPT = ("delivered", "ack_floor", "num_ack_pending", "num_redelivered", "num_pending")
PUSHING = {
    "durable_name": "C",
    "ack_policy": "explicit",
    "ack_wait": 30 * SECOND,
    "deliver_subject": "d",
}


def begin(config=PUSHING, stream=STREAM):
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.S", stream)
    ask(world, client, "CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    return world, client


def ask(world, client, verb, body=None):
    """An API request whose answer waits for the disk."""
    payload = b"" if body is None else json.dumps(body).encode()
    heard = client.request(f"$JS.API.{verb}", payload)
    world.drain()
    heard += client.messages()
    [answer] = [json.loads(payload) for *_, payload in heard if payload.startswith(b'{"type"')]
    assert "error" not in answer, answer
    return answer


def listen(client, subject=b"d"):
    return client.say(b"SUB " + subject + b" 9")


def replies(messages):
    """Deliveries, stream sequence, consumer sequence of each message."""
    found = [reply.split(".")[4:7] for _, reply, *_ in messages if reply.startswith("$JS.ACK")]
    return [tuple(map(int, tokens)) for tokens in found]


@pytest.mark.parametrize("orderly", [True, False])
def test_a_push_consumer_goes_on_where_it_was(orderly):
    world, client = begin(PUSHING)
    listen(client)
    for number in range(4):
        client.publish("s.a", b"%d" % number)
    world.drain()
    got = client.messages()
    assert replies(got) == [(1, 1, 1), (1, 2, 2), (1, 3, 3), (1, 4, 4)]
    acks = [reply for _, reply, *_ in got if reply.startswith("$JS.ACK")]
    client.publish(acks[0])
    client.publish(acks[2])
    world.drain()
    before = ask(world, client, "CONSUMER.INFO.S.C")
    if orderly:
        world.stop()
    after = world.restarted()
    client = after.client()
    info = ask(after, client, "CONSUMER.INFO.S.C")
    assert {key: info[key] for key in KEPT} == {key: before[key] for key in KEPT}
    assert info["config"] == before["config"]
    assert "push_bound" not in info
    client.publish("s.a", b"4")
    after.drain()
    after.wait_ns(40 * SECOND)
    assert replies(client.messages()) == []  # nobody listens: nothing is counted as delivered
    assert replies(listen(client)) == [(2, 2, 5), (2, 4, 6), (1, 5, 7)]


@pytest.mark.parametrize("memory", [True, False])
def test_an_ephemeral_comes_back_unless_it_lives_in_memory_and_then_ends(memory):
    world, client = begin()
    config = {"deliver_subject": "d", "inactive_threshold": 5 * SECOND, "mem_storage": memory}
    name = ask(world, client, "CONSUMER.CREATE.S", {"stream_name": "S", "config": config})["name"]
    after = world.restarted()
    consumers = after.jetstream().streams["S"].consumers
    assert (name in consumers) is not memory
    after.wait_ns(4 * SECOND)
    assert (name in consumers) is not memory
    after.wait_ns(1 * SECOND)
    assert name not in consumers
    after.drain()
    assert list(after.restarted().jetstream().streams["S"].consumers) == ["C"]


def test_a_pause_outlasts_a_restart_and_ends_in_time():
    world, client = begin(PUSHING)
    listen(client)
    client.publish("s.a", b"one")
    world.drain()
    until_ns = world.now_ns + 10 * SECOND
    paused = ask(world, client, "CONSUMER.PAUSE.S.C", {"pause_until": "2023-11-14T22:13:30Z"})
    assert paused["pause_remaining"] == until_ns - world.now_ns
    after = world.restarted()
    client = after.client()
    client.publish("s.a", b"two")
    after.drain()
    already = replies(listen(client))
    assert ask(after, client, "CONSUMER.INFO.S.C")["paused"] is True
    after.wait_ns(9 * SECOND)
    assert replies(client.messages()) == []
    after.wait_ns(2 * SECOND)
    assert already == []
    assert [seq for _, seq, _ in replies(client.messages())] == [2]
    assert "paused" not in ask(after, client, "CONSUMER.INFO.S.C")


def test_a_filtered_push_consumer_goes_on_with_what_it_chose():
    world, client = begin(stream=STREAM | {"max_msgs_per_subject": 3})
    for number in range(9):
        client.publish(f"s.{number % 3}", b"%d" % number)
    world.drain()
    config = PUSHING | {"deliver_policy": "last_per_subject", "filter_subject": "s.*"}
    config |= {"durable_name": "L", "deliver_subject": "l", "max_ack_pending": 2}
    ask(world, client, "CONSUMER.CREATE.S.L", {"stream_name": "S", "config": config})
    assert [seq for _, seq, _ in replies(listen(client, b"l"))] == [7, 8]
    world.drain()
    after = world.restarted()
    client = after.client()
    listen(client, b"l")
    after.wait_ns(31 * SECOND)
    got = client.messages()
    assert [seq for _, seq, _ in replies(got)] == [7, 8]
    heard = [message for _, reply, *_ in got for message in client.publish(reply)]
    after.drain()
    assert [seq for _, seq, _ in replies(heard + client.messages())] == [9]
