"""Archives of streams over $JS.API without a server: windows, ends, restarts."""

import pytest

from isthmus.testing.disks import MemoryDisk
from support.archive_talk import STREAM, ask, begin, filled, save, send, settle
from support.jetstream import StoreWorld, StreamWorld

S = 1_000_000_000


@pytest.fixture(params=["file", "memory"])
def world(request):
    return StoreWorld(MemoryDisk()) if request.param == "file" else StreamWorld()


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


def test_who_listens_by_a_wildcard_has_time_to_listen_in_particular(world):
    client = filled(world)
    client.say(b"UNSUB 9")
    client.say(b"SUB * 10")
    assert begin(world, client) == []
    client.say(b"SUB to 9")
    world.wait_ns(20_000_000)
    heard = settle(world, client)
    assert len(heard) >= 4
    assert len(heard) % 2 == 0, "each of the two got everything"


def test_who_listens_by_a_wildcard_alone_gets_it_in_the_end(world):
    client = filled(world)
    client.say(b"UNSUB 9")
    client.say(b"SUB * 10")
    assert begin(world, client) == []
    world.wait_ns(2 * S)
    assert settle(world, client)[-1][3] == b""


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
