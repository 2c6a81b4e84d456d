"""Streams and consumers over a store: nothing is answered too early, everything comes back."""

import json
import random

import pytest

from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld

STREAM = {"name": "S", "subjects": ["s.>"], "storage": "file"}
DURABLE = {"durable_name": "C", "ack_policy": "explicit", "ack_wait": 30_000_000_000}
KEPT = ("delivered", "ack_floor", "num_ack_pending", "num_redelivered", "num_pending")


def begin(config=DURABLE, stream=STREAM):
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.S", stream)
    create = {"stream_name": "S", "config": config}
    ask(world, client, f"CONSUMER.CREATE.S.{config['durable_name']}", create)
    return world, client


def ask(world, client, verb, body=b""):
    """An API request whose answer waits for the disk."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    heard = client.request(f"$JS.API.{verb}", payload)
    world.drain()
    heard += client.messages()
    answers = [json.loads(payload) for *_, payload in heard if payload.startswith(b'{"type"')]
    assert len(answers) == 1, heard
    assert "error" not in answers[0], answers[0]
    return answers[0]


def pull(client, batch, inbox="_INBOX.pull"):
    body = b'{"batch":%d,"no_wait":true}' % batch
    heard = client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", body, reply=inbox)
    return [message for message in heard if message[1].startswith("$JS.ACK")]


def test_no_puback_leaves_before_its_sync():
    world, client = begin()
    assert client.request("s.a", b"one") == []
    while not (heard := client.messages()):
        assert world.shell.busy
        world.step()
    assert [payload for *_, payload in heard] == [b'{"stream":"S","seq":1}']
    synced = [path for operation, path in world.disk.operations if operation == "sync"]
    assert any(path.startswith("journal/") for path in synced)


def test_a_message_is_not_delivered_before_its_sync():
    world, client = begin()
    client.publish("s.a", b"one")
    assert pull(client, 1) == []
    world.drain()
    assert [payload for *_, payload in client.messages()][:1] == [b"one"]


def test_an_api_answer_waits_for_what_it_tells_of():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    assert client.request("$JS.API.STREAM.CREATE.S", json.dumps(STREAM).encode()) == []
    world.drain()
    assert len(client.messages()) == 1


def test_a_double_ack_is_answered_after_its_sync():
    world, client = begin()
    client.publish("s.a", b"one")
    world.drain()
    [message] = pull(client, 1)
    world.drain()
    assert client.publish(message[1], b"+ACK", reply="_INBOX.acked") == []
    world.drain()
    assert [name for name, *_ in client.messages()] == ["_INBOX.acked"]


def test_a_refused_sequence_tells_only_of_durable_messages():
    world, client = begin()
    client.publish("s.a", b"one")
    header = b"NATS/1.0\r\nNats-Expected-Last-Sequence: 0\r\n\r\n"
    assert client.request("s.a", b"two", header=header) == []
    world.drain()
    [(_, _, _, payload)] = client.messages()
    assert b'"description":"wrong last sequence: 1"' in payload


def test_a_duplicate_is_answered_with_the_message_it_repeats():
    world, client = begin()
    header = b"NATS/1.0\r\nNats-Msg-Id: x\r\n\r\n"
    assert client.request("s.a", b"one", header=header) == []
    assert client.request("s.a", b"one", header=header) == []
    world.drain()
    assert [payload for *_, payload in client.messages()] == [
        b'{"stream":"S","seq":1}',
        b'{"stream":"S","seq":1,"duplicate": true}',
    ]


@pytest.mark.parametrize("orderly", [True, False])
def test_a_consumer_comes_back_as_it_was(orderly):
    world, client = begin(DURABLE | {"max_deliver": 5})
    for number in range(12):
        client.publish("s.a", b"%d" % number)
    world.drain()
    taken = pull(client, 8)
    for index, body in ((0, b"+ACK"), (2, b"+ACK"), (3, b"-NAK"), (4, b"+TERM"), (5, b"+WPI")):
        client.publish(taken[index][1], body)
    world.wait_ns(1_000_000)
    again = pull(client, 1)
    assert again[0][1].startswith("$JS.ACK.S.C.2.4.9.")
    before = ask(world, client, "CONSUMER.INFO.S.C")
    if orderly:
        world.stop()
    after = world.restarted()
    assert after.store.report.findings == []
    info = ask(after, after.client(), "CONSUMER.INFO.S.C")
    assert {key: info[key] for key in KEPT} == {key: before[key] for key in KEPT}
    assert info["created"] == before["created"]
    assert info["config"] == before["config"]
    cursor = after.jetstream().streams["S"].consumers["C"].cursor
    cursor.check()
    assert cursor.pending.sequences() == [2, 4, 6, 7, 8]


@pytest.mark.parametrize("orderly", [True, False])
def test_what_was_delivered_often_enough_is_still_counted(orderly):
    world, client = begin(DURABLE | {"max_deliver": 2})
    for number in range(3):
        client.publish("s.a", b"%d" % number)
    world.drain()
    pull(client, 3)
    for _ in range(2):
        world.wait_ns(DURABLE["ack_wait"])
        pull(client, 3)
    before = ask(world, client, "CONSUMER.INFO.S.C")
    assert (before["num_ack_pending"], before["num_redelivered"]) == (0, 3)
    ask(world, client, "STREAM.MSG.DELETE.S", {"seq": 2})
    if orderly:
        world.stop()
    after = world.restarted()
    client = after.client()
    info = ask(after, client, "CONSUMER.INFO.S.C")
    assert {key: info[key] for key in KEPT} == {key: before[key] for key in KEPT} | {
        "num_redelivered": 2
    }
    after.wait_ns(DURABLE["ack_wait"])
    assert pull(client, 3) == []


def test_a_stream_comes_back_as_it_was():
    world, client = begin(stream=STREAM | {"max_msgs_per_subject": 2})
    header = b"NATS/1.0\r\nNats-Msg-Id: id7\r\n\r\n"
    for number in range(9):
        client.publish(f"s.{number % 2}", b"%d" % number)
    client.publish("s.id", b"x", header=header)
    world.drain()
    client.messages()
    ask(world, client, "STREAM.MSG.DELETE.S", {"seq": 7})
    before = ask(world, client, "STREAM.INFO.S", {"subjects_filter": ">"})
    after = world.restarted()
    other = after.client()
    info = ask(after, other, "STREAM.INFO.S", {"subjects_filter": ">"})
    assert info["state"] == before["state"]
    assert info["config"] == before["config"]
    assert info["created"] == before["created"]
    [(_, _, _, payload)] = other.request("s.id", b"x", header=header)
    assert payload == b'{"stream":"S","seq":10,"duplicate": true}'


@pytest.mark.parametrize("orderly", [True, False])
@pytest.mark.parametrize("last", [b"", b"NATS/1.0\r\nNats-Msg-Id: z\r\n\r\n"])
def test_ids_between_messages_without_headers_come_back(orderly, last):
    world, client = begin()
    for number in range(30):
        header = b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % number if number % 7 == 3 else b""
        client.publish("s.a", b"%d" % number, header=header)
    client.publish("s.a", b"last", header=last)
    world.drain()
    if orderly:
        world.stop()
    after = world.restarted()
    other = after.client()
    ingest = after.jetstream().streams["S"].ingest
    assert ingest.duplicate_count == 4 + (last != b"")
    for number in (3, 10, 17, 24):
        header = b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % number
        [(_, _, _, payload)] = other.request("s.a", b"x", header=header)
        assert payload == b'{"stream":"S","seq":%d,"duplicate": true}' % (number + 1)
    wrong = b"NATS/1.0\r\nNats-Expected-Last-Msg-Id: 24\r\n\r\n"
    [(_, _, _, payload)] = other.request("s.a", b"x", header=wrong)
    assert b'"wrong last msg ID: %s"' % (b"z" if last else b"") in payload


def test_what_limits_removed_stays_removed_when_a_deletion_makes_room():
    world, client = begin(stream=STREAM | {"max_msgs": 3})
    for number in range(5):
        client.publish("s.a", b"%d" % number)
    world.drain()
    client.messages()
    ask(world, client, "STREAM.MSG.DELETE.S", {"seq": 4})
    after = world.restarted()
    assert [after.jetstream().streams["S"].message(seq) is not None for seq in range(1, 6)] == [
        False, False, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("sealed", [False, True])
def test_a_start_removes_nothing_where_new_messages_are_refused(sealed):
    stream = STREAM | {"discard": "new"}
    world, client = begin(stream=stream)
    for number in range(5):
        client.publish("s.a", b"%d" % number)
    world.drain()
    client.messages()
    ask(world, client, "STREAM.UPDATE.S", stream | {"max_msgs": 2, "sealed": sealed})
    after = world.restarted()
    assert [after.jetstream().streams["S"].message(seq) is not None for seq in range(1, 6)] == (
        [True] * 5
    )


def test_a_block_in_the_place_of_another_is_named_and_not_each_of_its_messages():
    world, client = begin()
    for number in range(500):
        client.publish("s.a", b"%d" % number)
    world.stop()
    disk = world.disk.crash(1)
    one, other = [path for path in sorted(disk._files) if path.endswith(".blk")][:2]
    contents = {
        other: disk.read(one, 0, disk.size(one)),
        one: disk.read(other, 0, disk.size(other)),
    }
    for path, content in contents.items():
        disk.truncate(path, 0)
        disk.write_at(path, 0, content)
    after = world.restarted(disk)
    for path in contents:
        assert 1 < len([text for text in after.store.report.findings if path in text]) < 10
    assert after.jetstream().streams["S"].message(500) is not None


def test_a_purge_and_a_deleted_stream_stay_gone():
    world, client = begin()
    for _ in range(5):
        client.publish("s.a", b"x")
    world.drain()
    ask(world, client, "STREAM.PURGE.S", {"seq": 4})
    ask(world, client, "STREAM.CREATE.T", {"name": "T", "subjects": ["t"]})
    ask(world, client, "STREAM.DELETE.T")
    ask(world, client, "CONSUMER.CREATE.S.D", {"stream_name": "S", "config": {"durable_name": "D"}})
    ask(world, client, "CONSUMER.DELETE.S.D")
    after = world.restarted()
    state = ask(after, after.client(), "STREAM.INFO.S")["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (2, 4, 5)
    assert state["consumer_count"] == 1
    assert list(after.jetstream().streams) == ["S"]


def test_memory_streams_do_not_come_back():
    world, client = begin()
    memory = {"name": "M", "subjects": ["m"], "storage": "memory"}
    ask(world, client, "STREAM.CREATE.M", memory)
    after = world.restarted()
    assert list(after.jetstream().streams) == ["S"]


def survive(seed):
    """A life of publishing, pulling and acknowledging, cut at a random place; then the next."""
    chance = random.Random(seed)
    world, client = begin(DURABLE | {"ack_wait": 1_000_000})
    sent, confirmed, acked = {}, {}, set()
    asked = {}
    replies = []
    for step in range(chance.randint(5, 120)):
        what = chance.random()
        if what < 0.4:
            payload = b"%d-%d" % (seed, step)
            sent[f"_INBOX.p{step}"] = payload
            client.connection.say(
                b"PUB s.%d _INBOX.p%d %d\r\n%s" % (step % 3, step, len(payload), payload)
            )
        elif what < 0.6:
            body = b'{"batch":3,"no_wait":true}'
            client.connection.say(
                b"PUB $JS.API.CONSUMER.MSG.NEXT.S.C _INBOX.pull %d\r\n%s" % (len(body), body)
            )
        elif what < 0.8 and replies:
            seq, reply = replies.pop(chance.randrange(len(replies)))
            asked[f"_INBOX.k{step}"] = seq
            client.connection.say(b"PUB %s _INBOX.k%d 4\r\n+ACK" % (reply.encode(), step))
        else:
            for _ in range(chance.randint(1, 6)):
                world.step()
        world.finish()
        for name, reply, _, payload in client.messages():
            if reply.startswith("$JS.ACK"):
                replies.append((int(reply.split(".")[5]), reply))
            elif name in sent:
                confirmed[json.loads(payload)["seq"]] = sent[name]
            elif name in asked:
                acked.add(asked[name])
    after = world.restarted(world.disk.crash(seed))
    assert after.store.report.findings == [] or not after.store.report.lost
    stream = after.jetstream().streams["S"]
    for seq, payload in confirmed.items():
        entry = stream.message(seq)
        assert entry is not None, f"seed {seed}: acknowledged message {seq} is lost"
        assert entry.payload == payload, f"seed {seed}: message {seq} has other content"
    cursor = stream.consumers["C"].cursor
    cursor.check()
    waiting = set(cursor.pending.sequences()) | set(range(cursor.next_seq, 1 << 10))
    assert not acked & waiting, f"seed {seed}: acknowledged acks came back: {acked & waiting}"
    other = after.client()
    other.request("s.new", b"x")
    after.drain()
    seq = json.loads(other.messages()[0][3])["seq"]
    assert seq > max(confirmed, default=0), f"seed {seed}: sequence {seq} was used twice"


@pytest.mark.parametrize("part", range(5))
def test_no_acknowledged_message_or_ack_is_lost_in_a_crash(part):
    for seed in range(part * 30, part * 30 + 30):
        survive(seed)


@pytest.mark.parametrize("filtered", [{}, {"filter": "s.a"}, {"filter": "s.*"}])
def test_what_a_purge_keeps_is_kept_through_a_crash(filtered):
    world, client = begin()
    for number in range(5):
        client.publish("s.a", b"%d" % number)
    world.drain()
    assert ask(world, client, "STREAM.PURGE.S", {"keep": 2, **filtered})["purged"] == 3
    after = world.restarted()
    state = ask(after, after.client(), "STREAM.INFO.S")["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (2, 4, 5)
