"""Mirrors and sources in virtual time: silence, gaps, refusals, crashes."""

import base64
import json
import random
from itertools import pairwise

import pytest

from isthmus.core.router import publish
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld, StreamWorld

S = 1_000_000_000
SOON_NS = S // 5  # a first request is made after 100 to 200 ms


def create(client, name, **config):
    answer = client.api(f"STREAM.CREATE.{name}", {"name": name, "storage": "memory", **config})
    assert "error" not in answer, answer


def begin(**copies):
    """A stream O, and its copies, which have asked for their consumers."""
    world = StreamWorld()
    client = world.client()
    create(client, "O", subjects=["o.>"])
    for name, config in copies.items():
        create(client, name, **config)
    world.wait_ns(SOON_NS)
    return world, client


def deliver(world, subject, payload, reply):
    """What no client may publish."""
    core = world.account("$G")
    publish(core, subject.encode(), payload, world.begin(), reply=reply.encode())
    world.finish()


def payloads(client, name):
    info = client.api(f"STREAM.INFO.{name}")["state"]
    out = {}
    for seq in range(max(info["first_seq"], 1), info["last_seq"] + 1):
        found = client.api(f"STREAM.MSG.GET.{name}", {"seq": seq})
        if "message" in found:
            out[seq] = base64.b64decode(found["message"].get("data", ""))
    return out


def origin(client, name):
    info = client.api(f"STREAM.INFO.{name}")
    return info.get("mirror") or info["sources"][0]


def test_a_copy_asks_again_for_a_consumer_that_fell_silent():
    world, client = begin(M={"mirror": {"name": "O"}}, S={"sources": [{"name": "O"}]})
    client.publish("o.a", b"one")
    stream = world.jetstream().streams["O"]
    for consumer in list(stream):
        stream.delete_consumer(consumer, world.turn)
    client.publish("o.a", b"two")
    assert payloads(client, "M") == payloads(client, "S") == {1: b"one"}
    world.wait_ns(12 * S)
    assert payloads(client, "M") == payloads(client, "S") == {1: b"one", 2: b"two"}
    assert origin(client, "M")["lag"] == 0


def test_heartbeats_keep_a_consumer_that_has_nothing_to_say():
    world, client = begin(M={"mirror": {"name": "O"}})
    [consumer] = world.jetstream().streams["O"].consumers
    world.wait_ns(60 * S)
    assert list(world.jetstream().streams["O"].consumers) == [consumer]
    assert origin(client, "M")["active"] <= S


def test_a_refused_copy_asks_later_and_later():
    world, client = begin(M={"mirror": {"name": "NONE"}})
    seen = []
    client.say(b"SUB $JS.API.CONSUMER.CREATE.NONE 7")
    for _ in range(60):
        seen += [world.now_ns // S for _ in client.messages()]
        world.wait_ns(10 * S)
    waits = [later - before for before, later in pairwise(seen)]
    assert len(waits) > 3
    assert waits == sorted(waits)
    assert max(waits) <= 140
    assert origin(client, "M")["error"]["err_code"] == 10059
    create(client, "NONE", subjects=["n"])
    client.publish("n", b"at last")
    world.wait_ns(130 * S)
    assert payloads(client, "M") == {1: b"at last"}
    assert "error" not in origin(client, "M")


def test_a_missing_delivery_is_fetched_again():
    world, client = begin(M={"mirror": {"name": "O"}}, S={"sources": [{"name": "O"}]})
    client.publish("o.a", b"one")
    for one in world.jetstream().streams["O"]:  # the third comes before the second
        reply = f"$JS.ACK.O.{one.name}.1.3.3.1.0"
        deliver(world, one.config.deliver_subject, b"three", reply)
    client.publish("o.a", b"two")
    client.publish("o.a", b"three")
    assert payloads(client, "M") == payloads(client, "S") == {1: b"one"}
    world.wait_ns(5 * S)
    expected = {1: b"one", 2: b"two", 3: b"three"}
    assert payloads(client, "M") == payloads(client, "S") == expected


def test_a_heartbeat_that_tells_of_more_deliveries_than_came_is_believed():
    world, client = begin(M={"mirror": {"name": "O"}})
    [before] = world.jetstream().streams["O"]
    beat = b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 4\r\nNats-Last-Stream: 4\r\n\r\n"
    client.publish(before.config.deliver_subject, header=beat)
    world.wait_ns(5 * S)
    assert before.name in world.jetstream().streams["O"].consumers  # nobody listens to it any more
    assert len(world.jetstream().streams["O"].consumers) == 2
    world.wait_ns(20 * S)
    assert before.name not in world.jetstream().streams["O"].consumers


def test_what_another_consumer_delivers_there_is_passed_over():
    world, client = begin(M={"mirror": {"name": "O"}})
    [consumer] = world.jetstream().streams["O"]
    again = f"$JS.ACK.O.{consumer.name}.2.1.1.1.0"
    for reply in ("$JS.ACK.O.OTHER.1.1.1.1.0", "", "$JS.ACK.O", "$JS.ACK.O.C.1.x.1.1.0", again):
        deliver(world, consumer.config.deliver_subject, b"x", reply)
    assert payloads(client, "M") == {}


def test_a_source_that_was_made_anew_is_copied_from_its_beginning():
    world, client = begin(S={"sources": [{"name": "O"}]})
    for payload in (b"one", b"two", b"three"):
        client.publish("o.a", payload)
    client.api("STREAM.DELETE.O")
    world.wait_ns(S)
    create(client, "O", subjects=["o.>"])
    client.publish("o.a", b"anew")
    world.wait_ns(30 * S)
    assert payloads(client, "S") == {1: b"one", 2: b"two", 3: b"three", 4: b"anew"}
    assert origin(client, "S")["seq"] == 1


def test_a_full_copy_takes_the_same_message_when_there_is_room():
    world, client = begin(S={"sources": [{"name": "O"}], "max_msgs": 2, "discard": "new"})
    for payload in (b"one", b"two", b"three"):
        client.publish("o.a", payload)
    world.wait_ns(10 * S)
    assert payloads(client, "S") == {1: b"one", 2: b"two"}
    client.api("STREAM.MSG.DELETE.S", {"seq": 1})
    world.wait_ns(5 * S)
    assert payloads(client, "S") == {2: b"two", 3: b"three"}


def test_flow_control_is_answered():
    world, client = begin(M={"mirror": {"name": "O"}})
    for number in range(300):
        client.publish("o.a", b"%d" % number + bytes(60_000))
    world.wait_ns(S)
    assert len(payloads(client, "M")) == 300


def test_limits_hold_in_a_copy():
    world, client = begin(S={"sources": [{"name": "O"}], "max_msgs": 2})
    for number in range(5):
        client.publish("o.a", b"%d" % number)
    world.wait_ns(S)
    assert payloads(client, "S") == {4: b"3", 5: b"4"}


def test_a_rolled_up_subject_is_rolled_up_in_a_copy_that_allows_it():
    copy = {"sources": [{"name": "O"}]}
    world, client = begin(S={**copy, "allow_rollup_hdrs": True}, T=copy)
    client.api("STREAM.UPDATE.O", {"name": "O", "subjects": ["o.>"], "allow_rollup_hdrs": True,
                                   "storage": "memory"})  # fmt: skip
    client.publish("o.a", b"one")
    client.publish("o.a", b"two", header=b"NATS/1.0\r\nNats-Rollup: sub\r\n\r\n")
    world.wait_ns(S)
    assert payloads(client, "S") == {2: b"two"}
    assert payloads(client, "T") == {1: b"one", 2: b"two"}


def test_a_time_to_live_counts_from_when_the_origin_stored_it():
    world, client = begin()
    origin = {"name": "O", "subjects": ["o.>"], "allow_msg_ttl": True, "storage": "memory"}
    client.api("STREAM.UPDATE.O", origin)
    client.publish("o.a", b"short", header=b"NATS/1.0\r\nNats-TTL: 20s\r\n\r\n")
    world.wait_ns(15 * S)
    create(client, "M", mirror={"name": "O"}, allow_msg_ttl=True)
    world.wait_ns(2 * S)
    assert payloads(client, "M") == {1: b"short"}
    world.wait_ns(5 * S)
    assert payloads(client, "M") == {}


# --- on a disk ---


def ask(world, client, verb, body):
    heard = client.request(f"$JS.API.{verb}", json.dumps(body).encode())
    world.drain()
    heard += client.messages()
    [answer] = [json.loads(payload) for *_, payload in heard if payload.startswith(b'{"type"')]
    assert "error" not in answer, answer
    return answer


def stored(world, name):
    """What a stream holds: sequence, subject, payload."""
    log = world.jetstream().streams[name].stored.log
    seq, out = log.next_seq(1), []
    while seq:
        entry = log.get(seq)
        out.append((seq, entry.subject, entry.payload, entry.time_ns))
        seq = log.next_seq(seq + 1)
    return out


def live(world, seconds):
    """Time passes, and the disk keeps up."""
    for _ in range(seconds * 4):
        world.wait_ns(S // 4)
        world.drain()


@pytest.mark.parametrize("seed", range(12))
def test_a_crash_costs_no_message_and_stores_none_twice(seed):
    """Whatever the disk has done when the power goes, copies end up with all of the origin."""
    chance = random.Random(seed)
    world = StoreWorld(MemoryDisk(), seed=seed)
    client = world.client()
    ask(world, client, "STREAM.CREATE.O", {"name": "O", "subjects": ["o.>"]})
    ask(world, client, "STREAM.CREATE.M", {"name": "M", "mirror": {"name": "O"}})
    sources = [{"name": "O", "filter_subject": "o.1"}, {"name": "O", "filter_subject": "o.2"}]
    ask(world, client, "STREAM.CREATE.S", {"name": "S", "sources": sources})
    number = 0
    for _ in range(3):
        for _ in range(chance.randrange(30)):
            client.publish(f"o.{chance.randrange(3)}", b"%d" % number)
            number += 1
            for _ in range(chance.randrange(4)):
                world.step()
            if chance.random() < 0.2:
                world.wait_ns(chance.randrange(S))
        world = world.restarted(world.disk.crash(seed))
        client = world.client()
    live(world, 15)
    expected = stored(world, "O")
    assert stored(world, "M") == expected
    copied = [one[1:3] for one in stored(world, "S")]
    for subject in (b"o.1", b"o.2"):
        assert [one for one in copied if one[0] == subject] == [
            one[1:3] for one in expected if one[1] == subject
        ]


@pytest.mark.parametrize("orderly", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_source_goes_on_though_all_its_copies_are_gone(orderly, when):
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.O", {"name": "O", "subjects": ["o.>"]})
    ask(world, client, "STREAM.CREATE.S", {"name": "S", "sources": [{"name": "O"}]})
    for number in range(5):
        client.publish("o.a", b"%d" % number)
    live(world, 1)
    if when == "after":  # a checkpoint knows of the copies, the journal of nothing but the purge
        world.stop()
        world = world.restarted()
        live(world, 1)
        client = world.client()
    ask(world, client, "STREAM.PURGE.S", {})
    if orderly:
        world.stop()
    world = world.restarted()
    client = world.client()
    client.publish("o.a", b"new")
    live(world, 2)
    assert [one[:3] for one in stored(world, "S")] == [(6, b"o.a", b"new")]


@pytest.mark.parametrize("retention", ["workqueue", "interest"])
@pytest.mark.parametrize("seed", range(6))
def test_a_crash_loses_nothing_of_a_queue_that_is_copied(seed, retention):
    """What a copy acknowledged is gone from the queue, and durable in the copy."""
    chance = random.Random(seed)
    world = StoreWorld(MemoryDisk(), seed=seed)
    client = world.client()
    queue = {"name": "Q", "subjects": ["q"], "retention": retention}
    ask(world, client, "STREAM.CREATE.Q", queue)
    ask(world, client, "STREAM.CREATE.S", {"name": "S", "sources": [{"name": "Q"}]})
    live(world, 1)
    number = 0
    for _ in range(4):
        for _ in range(chance.randrange(20)):
            client.publish("q", b"%d" % number)
            number += 1
            for _ in range(chance.randrange(4)):
                world.step()
            if chance.random() < 0.3:
                world.wait_ns(chance.randrange(2 * S))
        before = world
        world = world.restarted(world.disk.crash(seed))
        client = world.client()
        number = max((int(one[2]) for one in stored(world, "Q") + stored(world, "S")), default=-1)
        number += 1
        assert before is not world
    live(world, 30)
    assert [one[2] for one in stored(world, "S")] == [b"%d" % one for one in range(number)]
    assert stored(world, "Q") == []


def test_holes_of_a_mirror_survive_a_restart():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.O", {"name": "O", "subjects": ["o.>"]})
    for number in range(6):
        client.publish("o.a", b"%d" % number)
    world.drain()
    for seq in (1, 4, 6):
        ask(world, client, "STREAM.MSG.DELETE.O", {"seq": seq})
    ask(world, client, "STREAM.CREATE.M", {"name": "M", "mirror": {"name": "O"}})
    live(world, 1)
    before = stored(world, "M")
    assert [seq for seq, *_ in before] == [2, 3, 5]
    state = world.jetstream().streams["M"].state()
    after = world.restarted()
    assert stored(after, "M") == before
    assert after.jetstream().streams["M"].state() == state


def test_where_an_empty_mirror_begins_survives_a_restart():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.O", {"name": "O", "subjects": ["o.>"], "first_seq": 1000})
    ask(world, client, "STREAM.CREATE.M", {"name": "M", "mirror": {"name": "O"}})
    live(world, 1)
    state = world.jetstream().streams["M"].state()
    assert (state.first_seq, state.last_seq) == (1000, 999)
    assert world.restarted().jetstream().streams["M"].state() == state


def test_flow_control_is_answered_when_what_came_before_is_durable():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.O", {"name": "O", "subjects": ["o.>"]})
    ask(world, client, "STREAM.CREATE.M", {"name": "M", "mirror": {"name": "O"}})
    live(world, 1)
    [consumer] = world.jetstream().streams["O"]
    client.say(b"SUB flow 9")
    client.publish("o.a", b"one")
    world.step()
    while not stored(world, "M"):
        world.step()
    request = b"NATS/1.0 100 FlowControl Request\r\n\r\n"
    heard = client.publish(consumer.config.deliver_subject, header=request, reply="flow")
    assert "flow" not in [subject for subject, *_ in heard]
    while not (heard := [one for one in client.messages() if one[0] == "flow"]):
        world.step()
    assert b"Nats-Last-Consumer: 1\r\nNats-Last-Stream: 1\r\n" in heard[0][2]
    assert world.jetstream().streams["M"].stored.visible_seq == 1
