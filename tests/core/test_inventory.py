"""What is pending of a consumer, written as a snapshot and read again."""

import pytest

from isthmus.core import retrace
from support.jetstream import StreamWorld

NEXT = "$JS.API.CONSUMER.MSG.NEXT.S."
MS = 1_000_000


@pytest.fixture
def world():
    world = StreamWorld()
    client = world.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "storage": "memory"})
    config = {"ack_policy": "explicit", "ack_wait": 30 * MS, "max_deliver": 2}
    for name in ("C", "FRESH"):
        wanted = {"stream_name": "S", "config": config | {"durable_name": name}}
        client.api(f"CONSUMER.CREATE.S.{name}", wanted)
    return world


def cursor(world, name):
    return world.jetstream().streams["S"].consumers[name].cursor


def pull(client, batch):
    heard = client.publish(NEXT + "C", b"%d" % batch, reply="_INBOX.pull")
    return [reply for _, reply, _, _ in heard if reply.startswith("$JS.ACK")]


def test_a_snapshot_tells_all_that_is_pending(world):
    client = world.client()
    for _ in range(40):
        client.publish("s.a", b"x")
    first = pull(client, 20)
    client.publish(first[4], b"-NAK")
    pull(client, 5)  # the fifth again, and four new ones
    world.wait_ns(2 * MS)
    later = pull(client, 8)
    for reply, body in ((first[2], b"+ACK"), (later[3], b"+ACK"), (first[9], b"+WPI")):
        client.publish(reply, body)
    client.publish(first[11], b'-NAK {"delay":1000000}')
    client.publish(later[0], b'-NAK {"delay":90000000}')
    world.wait_ns(29 * MS)  # what came first is due, or was delivered often enough
    before, after = cursor(world, "C"), cursor(world, "FRESH")
    assert before.pending.spent_count == 1
    assert before.pending.queued()
    snapshot = retrace.snapshot(before)
    retrace.apply(after, snapshot, world.now_ns)
    after.pending.check()
    assert after.pending.sequences() == before.pending.sequences()
    assert sorted(after.pending.queued()) == sorted(before.pending.queued())
    assert after.pending.spent_count == before.pending.spent_count
    assert after.num_redelivered == before.num_redelivered
    assert retrace.snapshot(after) == snapshot


def test_messages_that_were_delivered_together_take_a_few_bytes(world):
    client = world.client()
    for _ in range(2000):
        client.publish("s.a", b"x")
    replies = pull(client, 1000)
    client.publish(replies[499], b"+ACK")
    assert cursor(world, "C").num_ack_pending == 999
    assert len(retrace.snapshot(cursor(world, "C"))) < 150
