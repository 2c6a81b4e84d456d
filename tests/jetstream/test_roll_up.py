"""Roll-ups over a store: what went stays gone, whatever the power does; what was kept is there."""

import json
import random

import pytest

from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld

STREAM = {
    "name": "S", "subjects": ["s.>"], "storage": "file", "allow_rollup_hdrs": True,
    "max_msgs_per_subject": 4,
}  # fmt: skip
SUBJECT = b"NATS/1.0\r\nNats-Rollup: sub\r\n\r\n"
ALL = b"NATS/1.0\r\nNats-Rollup: all\r\n\r\n"


def begin():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    client.request("$JS.API.STREAM.CREATE.S", json.dumps(STREAM).encode())
    world.drain()
    client.messages()
    return world, client


def contents(world):
    stream = world.jetstream().streams["S"]
    log = stream.stored.log
    entries = [log.get(seq) for seq in range(max(log.first_seq, 1), log.last_seq + 1)]
    stream.stored.check()
    return [(entry.seq, entry.subject) for entry in entries if entry is not None]


def published(model, seq, subject, header):
    """What a list of messages becomes."""
    if header == ALL:
        model.clear()
    elif header == SUBJECT:
        model[:] = [message for message in model if message[1] != subject]
    model.append((seq, subject))
    mine = [message for message in model if message[1] == subject]
    if len(mine) > STREAM["max_msgs_per_subject"]:
        model.remove(mine[0])


def test_what_was_rolled_up_stays_gone():
    world, client = begin()
    for subject, header in (("a", b""), ("b", b""), ("a", b""), ("a", SUBJECT), ("b", b"")):
        client.publish(f"s.{subject}", b"x", header=header)
    world.drain()
    kept = [(2, b"s.b"), (4, b"s.a"), (5, b"s.b")]
    assert contents(world) == kept
    world = world.restarted()
    assert contents(world) == kept
    world.client().publish("s.z", b"x", header=ALL)
    world.drain()
    world = world.restarted()
    assert contents(world) == [(6, b"s.z")]


def live(seed):
    """Publishing and rolling up, cut at a random place; the next process shows a prefix of it."""
    chance = random.Random(seed)
    world, client = begin()
    model, states, confirmed = [], [[]], 0
    for step in range(chance.randint(5, 150)):
        subject = f"s.{chance.randrange(4)}"
        header = chance.choice(
            [b"", b"", b"", SUBJECT, SUBJECT, ALL if chance.random() < 0.3 else b""]
        )
        client.publish(subject, b"%d" % step, reply=f"_INBOX.p{step}", header=header)
        published(model, step + 1, subject.encode(), header)
        states.append(list(model))
        for _ in range(chance.randint(0, 3)):
            world.step()
        for _, _, _, payload in client.messages():
            confirmed = max(confirmed, json.loads(payload)["seq"])
    after = world.restarted(world.disk.crash(seed))
    found = contents(after)
    last_seq = after.jetstream().streams["S"].stored.log.last_seq
    assert last_seq >= confirmed, f"seed {seed}"
    assert found == states[last_seq], f"seed {seed}"


@pytest.mark.parametrize("part", range(4))
def test_after_a_crash_the_stream_is_what_it_was_at_its_last_sequence(part):
    for seed in range(part * 25, part * 25 + 25):
        live(seed)


def test_a_limit_per_subject_does_not_search_for_the_next_message():
    """Evicting follows links: thousands of other messages in between are not looked at."""
    world, client = begin()
    stream = world.jetstream().streams["S"]
    for _ in range(4):
        client.publish("s.hot", b"x")
        for number in range(500):
            client.publish(f"s.cold.{number}", b"x")
    for _ in range(4):
        client.publish("s.hot", b"x")
        assert stream.stored.tree.get(b"s.hot").first_seq is not None  # exact without a look
    world.drain()
    again = world.restarted()
    hot = again.jetstream().streams["S"].stored.tree
    again.client().publish("s.hot", b"x")
    assert hot.get(b"s.hot").first_seq is not None
