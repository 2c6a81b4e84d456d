"""Archives of streams over $JS.API without a server: windows, ends, hostile archives, restarts."""

import json

import msgspec
import pytest

from isthmus.core.segment import KINDS, encode
from isthmus.jetstream.limits import AccountLimits
from isthmus.store.archive import FORMAT, Manifest, Writer
from isthmus.store.records import ConsumerMeta
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld, StreamWorld

S = 1_000_000_000
STREAM = {"name": "S", "subjects": ["s.>"]}


def ask(world, client, verb, body=b""):
    """An API request whose answer may wait for the disk."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    heard = client.request(f"$JS.API.{verb}", payload)
    if isinstance(world, StoreWorld):
        world.drain()
        heard += client.messages()
    answers = [json.loads(text) for *_, text in heard if text.startswith(b'{"type"')]
    assert len(answers) == 1, heard
    return answers[0]


@pytest.fixture(params=["file", "memory"])
def world(request):
    return StoreWorld(MemoryDisk()) if request.param == "file" else StreamWorld()


def filled(world, messages=40, size=600):
    """A client, after a stream was made and filled."""
    client = world.client()
    storage = "file" if isinstance(world, StoreWorld) else "memory"
    ask(world, client, "STREAM.CREATE.S", STREAM | {"storage": storage})
    for number in range(messages):
        client.publish(f"s.{number}", b"%d" % number * (size // 2))
    settle(world, client)
    client.say(b"SUB to 9")
    return client


def settle(world, client):
    """Everything that can happen without time passing has happened; what was heard."""
    heard = client.messages()
    if isinstance(world, StoreWorld):
        world.drain()
    return heard + client.messages()


def begin(world, client, **how):
    """Ask for an archive; what came to `to` until it waits."""
    body = {"deliver_subject": "to", **how}
    heard = client.request("$JS.API.STREAM.SNAPSHOT.S", json.dumps(body).encode())
    heard += settle(world, client)
    world.wait_ns(20_000_000)
    heard += settle(world, client)
    return [message for message in heard if message[0] == "to"]


def save(world, client, **how):
    """A whole archive."""
    data, heard = b"", begin(world, client, **how)
    while heard:
        _, reply, header, payload = heard.pop(0)
        data += payload
        if not payload:
            assert header in {b"", b"NATS/1.0 204\r\n\r\n"}, header
            return data
        if reply:
            heard += [m for m in client.publish(reply) if m[0] == "to"]
            heard += [m for m in settle(world, client) if m[0] == "to"]
    raise AssertionError("it did not end")


def send(world, client, data, name="S", chunk=5000, **config):
    """The answer to the last chunk."""
    body = {"config": STREAM | {"name": name} | config, "state": {}}
    subject = ask(world, client, f"STREAM.RESTORE.{name}", body)["deliver_subject"]
    for at in range(0, len(data), chunk):
        heard = client.request(subject, data[at : at + chunk]) + settle(world, client)
        assert [payload for *_, payload in heard] == [b""]
    heard = client.request(subject) + settle(world, client)
    assert len(heard) == 1
    return json.loads(heard[0][3])


def test_no_more_than_the_window_is_sent_and_little_more_is_read(world):
    client = filled(world, messages=400)
    sent = begin(world, client, chunk_size=2048, window_size=8192)
    assert len(sent) == 4
    [snapshot] = world.jetstream().streams["S"].snapshots
    assert len(snapshot._data) <= 300_000
    more = client.publish(sent[0][1]) + settle(world, client)
    assert len([m for m in more if m[0] == "to"]) == 1
    again = client.publish(sent[0][1]) + settle(world, client)
    assert [m for m in again if m[0] == "to"] == [], "an acknowledgement counts once"


def test_silence_ends_it_and_lets_everything_go(world):
    client = filled(world)
    begin(world, client, chunk_size=1024, window_size=2048)
    world.wait_ns(5 * S)
    assert [m[2] for m in client.messages()] == [b"NATS/1.0 408 No Flow Response\r\n\r\n"]
    assert world.jetstream().streams["S"].snapshots == []


def test_each_acknowledgement_gives_it_time(world):
    client = filled(world)
    sent = begin(world, client, chunk_size=1024, window_size=1024)
    for _ in range(3):
        world.wait_ns(4 * S)
        heard = client.publish(sent[0][1]) + settle(world, client)
        sent = [message for message in heard if message[0] == "to"]
        assert len(sent) == 1
        assert sent[0][3]


def test_nobody_listens(world):
    client = filled(world)
    client.say(b"UNSUB 9")
    begin(world, client)
    world.wait_ns(2 * S)
    settle(world, client)
    assert world.jetstream().streams["S"].snapshots == []


def test_the_stream_goes(world):
    client = filled(world)
    begin(world, client, chunk_size=1024, window_size=1024)
    heard = client.request("$JS.API.STREAM.DELETE.S") + settle(world, client)
    assert b"NATS/1.0 500 stream deleted\r\n\r\n" in [m[2] for m in heard]


def test_what_is_published_or_removed_meanwhile_does_not_count(world):
    client = filled(world, messages=300)
    first = begin(world, client, chunk_size=1024, window_size=1024)
    for number in range(20):
        client.publish(f"s.new{number}", b"new")
    client.request("$JS.API.STREAM.PURGE.S", b'{"keep":5}')
    settle(world, client)
    data, heard = b"", first
    while heard:
        _, reply, _, payload = heard.pop(0)
        data += payload
        if reply:
            heard += [m for m in client.publish(reply) + settle(world, client) if m[0] == "to"]
    ask(world, client, "STREAM.DELETE.S")
    made = send(world, client, data, storage="memory")
    state = made["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (300, 1, 300)


def test_what_is_erased_meanwhile_is_not_in_it(world):
    client = filled(world, messages=300)
    first = begin(world, client, chunk_size=1024, window_size=1024)
    client.request("$JS.API.STREAM.MSG.DELETE.S", b'{"seq":299}')
    settle(world, client)
    data, heard = b"", first
    while heard:
        _, reply, _, payload = heard.pop(0)
        data += payload
        if reply:
            heard += [m for m in client.publish(reply) + settle(world, client) if m[0] == "to"]
    assert b"298" * 100 not in data
    assert b"297" * 100 in data


def test_only_so_many_at_a_time(world):
    client = filled(world)
    for _ in range(16):
        begin(world, client, chunk_size=1024, window_size=1024)
    answer = ask(world, client, "STREAM.SNAPSHOT.S", {"deliver_subject": "to"})
    assert answer["error"]["err_code"] == 10064


def test_a_restored_stream_is_there_after_a_power_cut():
    world = StoreWorld(MemoryDisk())
    client = filled(world)
    ask(world, client, "CONSUMER.CREATE.S.C", {"stream_name": "S", "config": {"name": "C"}})
    data = save(world, client)
    ask(world, client, "STREAM.DELETE.S")
    before = send(world, client, data)
    client.publish("s.more", b"more")
    world.drain()
    after = world.restarted()
    assert after.store.report.findings == []
    info = ask(after, after.client(), "STREAM.INFO.S")
    assert info["created"] == before["created"]
    assert info["state"]["messages"] == 41
    assert ask(after, after.client(), "CONSUMER.NAMES.S")["consumers"] == ["C"]


def test_a_power_cut_before_the_end_leaves_nothing():
    world = StoreWorld(MemoryDisk())
    client = filled(world, messages=300)
    data = save(world, client)
    ask(world, client, "STREAM.DELETE.S")
    body = {"config": STREAM, "state": {}}
    subject = ask(world, client, "STREAM.RESTORE.S", body)["deliver_subject"]
    client.request(subject, data)
    world.drain()
    after = world.restarted()
    assert after.store.report.findings == []
    assert ask(after, after.client(), "STREAM.NAMES")["streams"] is None


def crafted(consumer=None, records=b"", messages=0, **changed):
    """An archive that nobody wrote."""
    stream = {"config": STREAM, "created_ns": 1}
    fields = {
        "format": FORMAT,
        "name": b"S",
        "config": json.dumps(stream).encode(),
        "taken_ns": 1,
        "first_seq": 0,
        "last_seq": messages,
        "last_ns": 0,
        "messages": messages,
        "consumers": 0,
    }
    writer = Writer(1)
    out = writer.begin(Manifest(**(fields | changed)))
    if consumer is not None:
        out += writer.consumer(consumer)
    if records:
        out += writer.records(1, records)
    return out + writer.end(messages)


RESET = b"\x09" + b"\x00" * 7


def meta(config=None, steps=RESET, name=b"C"):
    kept = {"config": config or {"name": "C", "ack_policy": "none"}, "created_ns": 1}
    return ConsumerMeta(number=1, name=name, config=msgspec.json.encode(kept), records=[(steps, 1)])


def test_a_crafted_archive_that_is_right():
    world = StreamWorld()
    assert "error" not in send(world, world.client(), crafted(meta()), storage="memory")


@pytest.mark.parametrize(
    ("consumer", "why"),
    [
        (meta({"deliver_subject": "a b"}), "invalid"),
        (meta({"name": "D", "max_ack_pending": 5, "ack_policy": "none"}), ""),
        (meta(name=b"a.b"), "can not contain"),
        (meta(name=b""), "without a name"),
        (meta(steps=b""), "missing"),
        (meta(steps=b"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "is none"),
        (meta(steps=RESET[:-1]), "damaged"),
        (meta(steps=RESET + b"\x0a\x05\x01\x01\x01\x01\x00" * 2), "stands behind"),
        (meta(steps=b"\x09" + b"\xff" * 9 + b"\x01" + b"\x00" * 6), "damaged"),
    ],
)
def test_a_consumer_that_no_request_could_have_made_is_refused(consumer, why):
    world = StreamWorld()
    made = send(world, world.client(), crafted(consumer), storage="memory")
    if why:
        assert why in made["error"]["description"]
        assert world.jetstream().streams == {}


def test_messages_that_would_break_the_protocol_are_refused():
    world = StreamWorld()
    for subject in (b"a b", b"a\r\nPUB", b""):
        record = encode(KINDS["message"], 0, 1, 1, subject=subject, payload=b"x")
        made = send(world, world.client(), crafted(records=record, messages=1), storage="memory")
        assert made["error"]["err_code"] == 10062


def test_what_is_over_the_accounts_limit_is_refused():
    source = StreamWorld()
    data = save(source, filled(source))
    world = StreamWorld()
    world.jetstream(limits=AccountLimits(max_memory=5000))
    made = send(world, world.client(), data, storage="memory")
    assert "resource limits exceeded" in made["error"]["description"]
    assert world.jetstream().restores == []
    assert world.jetstream().usage.memory_bytes == 0
