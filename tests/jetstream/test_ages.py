"""Expiry in virtual time, and over crashes: what expired stays gone, the rest expires later."""

import json
import random

import pytest

from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld

S = 1_000_000_000
STREAM = {"name": "S", "subjects": ["s.>"], "storage": "file", "allow_msg_ttl": True}


def begin(**more):
    world = StoreWorld(MemoryDisk())
    client = world.client()
    [answer] = settle(world, client, "$JS.API.STREAM.CREATE.S", json.dumps(STREAM | more).encode())
    assert b'"error"' not in answer
    return world, client


def settle(world, client, subject, payload=b"", header=b""):
    """What a request brings when the disk has done everything."""
    heard = client.request(subject, payload, header=header)
    world.drain()
    return [body for *_, body in heard + client.messages()]


def publish(world, client, subject, ttl="", payload=b"x"):
    header = f"NATS/1.0\r\nNats-TTL: {ttl}\r\n\r\n".encode() if ttl else b""
    settle(world, client, subject, payload, header)


def last_message(stream, pattern):
    search = stream.search(pattern, last=True)
    while search.step():
        pass
    return stream.message(search.found)


def subjects(world):
    stream = world.jetstream().streams["S"]
    stream.stored.check()
    states, _ = stream.stored.tree.matching(b">")
    return {state.subject.decode(): state.count for state in states}


def test_a_message_lives_as_long_as_it_says():
    world, client = begin()
    for key, ttl in (("plain", ""), ("one", "1"), ("two", "2s"), ("never", "never")):
        publish(world, client, f"s.{key}", ttl)
    world.wait_ns(S - 1)
    assert len(subjects(world)) == 4
    world.wait_ns(S // 10)
    assert set(subjects(world)) == {"s.plain", "s.two", "s.never"}
    world.wait_ns(3600 * S)
    assert set(subjects(world)) == {"s.plain", "s.never"}


def test_the_stream_s_age_passes_what_never_expires():
    world, client = begin(max_age=10 * S, duplicate_window=S)
    publish(world, client, "s.never", "never")
    publish(world, client, "s.a")
    world.wait_ns(6 * S)
    publish(world, client, "s.b")
    world.wait_ns(5 * S)
    assert set(subjects(world)) == {"s.never", "s.b"}
    world.wait_ns(6 * S)
    assert set(subjects(world)) == {"s.never"}


@pytest.mark.parametrize("orderly", [True, False])
def test_a_ttl_goes_on_after_a_restart(orderly):
    world, client = begin()
    for number in range(50):
        publish(world, client, f"s.{number}", "never" if number % 10 == 0 else f"{10 + number}")
    world.wait_ns(15 * S)
    world.drain()
    left = subjects(world)
    assert len(left) == 45
    if orderly:
        world.stop()
    after = world.restarted()
    assert subjects(after) == left
    after.wait_ns(20 * S)
    assert len(subjects(after)) < len(left)
    after.wait_ns(3600 * S)
    assert set(subjects(after)) == {f"s.{number}" for number in range(0, 50, 10)}
    after.drain()
    assert subjects(after.restarted()) == subjects(after)


def test_a_marker_comes_back_and_expires_too():
    world, client = begin(subject_delete_marker_ttl=5 * S, max_age=2 * S, duplicate_window=S)
    publish(world, client, "s.a")
    publish(world, client, "s.purged")
    world.wait_ns(2 * S + S // 10)
    world.drain()
    entry = last_message(world.jetstream().streams["S"], "s.a")
    assert entry is not None
    assert b"Nats-Marker-Reason: MaxAge" in entry.header
    after = world.restarted()
    assert last_message(after.jetstream().streams["S"], "s.a").header == entry.header
    after.wait_ns(10 * S)
    assert subjects(after) == {}


def test_a_marker_may_live_as_long_as_time():
    forever = (1 << 63) - 1
    world, client = begin(subject_delete_marker_ttl=forever, max_age=2 * S, duplicate_window=S)
    publish(world, client, "s.a")
    world.wait_ns(2 * S + S // 10)
    world.drain()
    assert b"Nats-Marker-Reason" in last_message(world.jetstream().streams["S"], "s.a").header
    assert subjects(world.restarted()) == subjects(world)


def live(seed):
    """Messages with TTLs over a crash: none that was confirmed is missing before its time is over,
    and none is left behind it."""
    chance = random.Random(seed)
    world, client = begin()
    due, confirmed = {}, set()
    for step in range(chance.randint(5, 80)):
        ttl_s = chance.choice([None, 1, 3, 9])
        header = b"NATS/1.0\r\nNats-TTL: %d\r\n\r\n" % ttl_s if ttl_s else b""
        client.publish(f"s.{step}", b"x", reply=f"_INBOX.{step}", header=header)
        due[f"s.{step}"] = world.now_ns + ttl_s * S if ttl_s else None
        for _ in range(chance.randint(0, 4)):
            world.step()
        if chance.random() < 0.2:
            world.wait_ns(chance.randint(1, S))
        confirmed |= {f"s.{name.split('.')[1]}" for name, *_ in client.messages()}
    after = world.restarted(world.disk.crash(seed))
    after.wait_ns(chance.randint(1, 5 * S))
    found = set(subjects(after))
    alive = {key for key, at_ns in due.items() if at_ns is None or at_ns > after.now_ns}
    late = {key for key, at_ns in due.items() if at_ns and at_ns < after.now_ns - S // 10}
    assert confirmed & alive <= found, f"seed {seed}"
    assert not late & found, f"seed {seed}"


@pytest.mark.parametrize("part", range(3))
def test_ttls_survive_crashes(part):
    for seed in range(part * 20, part * 20 + 20):
        live(seed)
