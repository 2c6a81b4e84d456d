"""Work queues and interest over crashes: an acknowledged message is gone, no other one is."""

import json
import random

import pytest

from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld


def begin(retention, *consumers):
    world = StoreWorld(MemoryDisk())
    client = world.client()
    stream = {"name": "S", "subjects": ["s.>"], "storage": "file", "retention": retention}
    client.request("$JS.API.STREAM.CREATE.S", json.dumps(stream).encode())
    for name, pattern in consumers:
        config = {"durable_name": name, "ack_policy": "explicit", "filter_subject": pattern}
        body = json.dumps({"stream_name": "S", "config": config}).encode()
        client.request(f"$JS.API.CONSUMER.CREATE.S.{name}.{pattern}", body)
    world.drain()
    answers = [json.loads(payload) for *_, payload in client.messages()]
    assert not [answer for answer in answers if "error" in answer]
    return world, client


def live(seed, retention, consumers):
    """Publish, pull and acknowledge, cut at a random place."""
    chance = random.Random(seed)
    world, client = begin(retention, *consumers)
    published, stored, replies, asked, done = {}, set(), [], {}, {}
    for step in range(chance.randint(20, 150)):
        what = chance.random()
        if what < 0.4:
            subject = f"s.{chance.choice('ab')}"
            published[step] = subject
            client.publish(subject, b"%d" % step, reply=f"_INBOX.p{step}")
        elif what < 0.65:
            name, _ = chance.choice(consumers)
            body = b'{"batch":3,"no_wait":true}'
            client.publish(f"$JS.API.CONSUMER.MSG.NEXT.S.{name}", body, reply="_INBOX.pull")
        elif replies:
            reply = replies.pop(chance.randrange(len(replies)))
            asked[f"_INBOX.k{step}"] = reply
            client.publish(reply, b"+ACK", reply=f"_INBOX.k{step}")
        for _ in range(chance.randint(0, 4)):
            world.step()
        for name, reply, _, payload in client.messages():
            if reply.startswith("$JS.ACK"):
                replies.append(reply)
            elif name.startswith("_INBOX.p") and payload.startswith(b'{"stream"'):
                stored.add((json.loads(payload)["seq"], published[int(name[8:])]))
            elif name in asked:
                tokens = asked[name].split(".")
                done.setdefault(int(tokens[5]), set()).add(tokens[3])
    after = world.restarted(world.disk.crash(seed))
    stream = after.jetstream().streams["S"]
    stream.stored.check()
    for consumer in stream:
        consumer.cursor.check()
    attempted = {int(reply.split(".")[5]) for reply in asked.values()}
    for seq, subject in stored:
        wanted = {name for name, pattern in consumers if pattern in {subject, "s.>"}}
        there = stream.message(seq) is not None
        if done.get(seq, set()) >= wanted:
            assert not there, f"seed {seed}: {seq} was acknowledged and came back"
        elif seq not in attempted:
            assert there, f"seed {seed}: {seq} was not acknowledged and is gone"


@pytest.mark.parametrize("part", range(3))
def test_a_work_queue_over_crashes(part):
    for seed in range(part * 20, part * 20 + 20):
        live(seed, "workqueue", [("A", "s.a"), ("B", "s.b")])


@pytest.mark.parametrize("part", range(3))
def test_interest_over_crashes(part):
    for seed in range(part * 20, part * 20 + 20):
        live(seed, "interest", [("A", "s.>"), ("B", "s.>")])


def test_a_reset_survives_a_restart():
    world, client = begin("limits", ("A", "s.>"))
    for number in range(5):
        client.publish("s.a", b"%d" % number)
    world.drain()
    client.publish("$JS.API.CONSUMER.MSG.NEXT.S.A", b"4", reply="_INBOX.pull")
    client.request("$JS.API.CONSUMER.RESET.S.A", b'{"seq":2}')
    world.drain()
    after = world.restarted()
    cursor = after.jetstream().streams["S"].consumers["A"].cursor
    cursor.check()
    assert (cursor.next_seq, cursor.num_ack_pending, cursor.delivered_consumer_seq) == (2, 0, 0)
