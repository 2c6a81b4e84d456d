"""What the owner of a consumer decides: activity, pauses, and who makes room."""

import json

import pytest

from isthmus.jetstream.limits import AccountLimits
from support.jetstream import StreamWorld

MS = 1_000_000
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.C"


def begin(**config):
    world = StreamWorld()
    client = world.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "storage": "memory"})
    config = {"durable_name": "C", "ack_policy": "explicit", "ack_wait": 30 * MS, **config}
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    return world, client


def exists(world):
    return "C" in world.jetstream().streams["S"].consumers


def pull(client, inbox, **body):
    return client.publish(NEXT, json.dumps(body).encode(), reply=inbox)


def test_requests_of_who_is_gone_make_room():
    _, client = begin(max_waiting=2)
    for number in (1, 2):
        client.say(b"SUB gone.%d 2%d" % (number, number))
        pull(client, f"gone.{number}", batch=1, expires=1000 * MS)
        client.say(b"UNSUB 2%d" % number)
    assert pull(client, "_INBOX.here", batch=1, expires=1000 * MS) == []
    assert [payload for *_, payload in client.publish("s.a", b"one")] == [b"one"]


def test_a_subscription_that_ends_takes_its_request_along():
    _, client = begin()
    for _ in range(3):
        client.publish("s.a", b"x")
    client.say(b"SUB once 20")
    client.say(b"UNSUB 20 1")
    assert len(pull(client, "once", batch=3, expires=1000 * MS)) == 1
    info = client.api("CONSUMER.INFO.S.C")
    assert (info["delivered"]["consumer_seq"], info["num_pending"]) == (1, 2)


@pytest.mark.parametrize("use", ["pull", "ack", "wait"])
def test_use_puts_off_the_end(use):
    world, client = begin(inactive_threshold=100 * MS)
    client.publish("s.a", b"one")
    [(_, reply, _, _)] = pull(client, "_INBOX.here", batch=1)
    world.wait_ns(90 * MS)
    if use == "pull":
        pull(client, "_INBOX.here", batch=1, no_wait=True)
    elif use == "ack":
        client.publish(reply)
    else:
        pull(client, "_INBOX.here", batch=5, expires=60 * MS)
        world.wait_ns(60 * MS)
    world.wait_ns(99 * MS)
    assert exists(world)
    world.wait_ns(100 * MS)
    assert not exists(world)


def test_a_push_consumer_rests_from_when_nobody_listens():
    world, client = begin(deliver_subject="d", inactive_threshold=100 * MS)
    client.say(b"SUB d 9")
    world.wait_ns(1000 * MS)
    client.publish("s.a", b"one")
    client.say(b"UNSUB 9")
    world.wait_ns(99 * MS)
    assert exists(world)
    client.say(b"SUB d 9")
    world.wait_ns(1000 * MS)
    client.say(b"UNSUB 9")
    world.wait_ns(100 * MS)
    assert not exists(world)


def test_a_pause_beyond_all_clocks_is_one():
    world, client = begin()
    body = {"pause_until": "9999-12-31T23:59:59Z"}
    answer = client.api("CONSUMER.PAUSE.S.C", body)
    assert (answer["paused"], answer["pause_until"]) == (True, body["pause_until"])
    assert answer["pause_remaining"] == (1 << 63) - 1
    world.wait_ns(1000 * MS)
    client.publish("s.a", b"one")
    heard = pull(client, "_INBOX.here", batch=1, no_wait=True)
    assert [header for _, _, header, _ in heard] == [b"NATS/1.0 404 No Messages\r\n\r\n"]
    assert client.api("CONSUMER.PAUSE.S.C")["paused"] is False
    assert [payload for *_, payload in pull(client, "_INBOX.here", batch=1)] == [b"one"]


def test_a_pull_beats_no_more_often_than_once_a_millisecond():
    world, client = begin()
    pull(client, "_INBOX.here", batch=1, expires=1000 * MS, idle_heartbeat=1)
    beats = 0
    for _ in range(500):
        world.wait_ns(MS // 50)
        beats += sum(b"100 Idle" in header for _, _, header, _ in client.messages())
    assert 9 <= beats <= 10


def test_a_heartbeat_beyond_all_clocks_never_comes():
    world, client = begin(deliver_subject="d", idle_heartbeat=(1 << 63) - 1)
    client.say(b"SUB d 9")
    world.wait_ns(1000 * MS)
    assert client.messages() == []
    assert [payload for *_, payload in client.publish("s.a", b"one")] == [b"one"]


def test_more_pulls_than_anybody_needs_are_refused():
    world, client = begin(max_waiting=1_000_000)
    assert client.api("CONSUMER.INFO.S.C")["config"]["max_waiting"] == 1_000_000
    body = b'{"expires":60000000000}'
    one = b"PUB %b _INBOX.p %d\r\n%b\r\n" % (NEXT.encode(), len(body), body)
    heard = b""
    for _ in range(101):
        heard += client.connection.send(one * 100)
        world.finish()
    assert heard.count(b"NATS/1.0 409 Exceeded MaxWaiting\r\n\r\n") == 100
    assert client.api("CONSUMER.INFO.S.C")["num_waiting"] == 10_000


def test_many_that_end_at_one_moment_do_so_in_many_turns():
    world, client = begin(inactive_threshold=0)
    body = json.dumps({"stream_name": "S", "config": {}}).encode()
    line = b"PUB $JS.API.CONSUMER.CREATE.S _INBOX.made %d\r\n%b\r\n" % (len(body), body)
    client.connection.send(line * 300)
    world.finish()
    consumers = world.jetstream().streams["S"].consumers
    assert len(consumers) == 301
    world.begin(5_000 * MS)
    world.agenda.ring(world.turn)
    turns = 0
    while len(consumers) > 1:
        before = len(consumers)
        world.turn.finish()
        world.begin()
        world.agenda.ring(world.turn)  # which gives a turn so many, and the next one others
        assert before - len(consumers) <= 10
        turns += 1
    assert turns >= 30
    assert list(consumers) == ["C"]


def test_who_comes_while_others_end_keeps_it():
    world, client = begin(inactive_threshold=5_000 * MS)
    body = json.dumps({"stream_name": "S", "config": {"inactive_threshold": 4_990 * MS}}).encode()
    line = b"PUB $JS.API.CONSUMER.CREATE.S _INBOX.made %d\r\n%b\r\n" % (len(body), body)
    client.connection.send(line * 100)
    world.finish()
    consumers = world.jetstream().streams["S"].consumers
    world.begin(5_000 * MS)
    world.agenda.ring(world.turn)
    world.turn.finish()
    assert len(consumers) > 50
    pull(client, "_INBOX.here", batch=1, expires=60_000 * MS)
    assert list(consumers) == ["C"]


def due_with_others(world, client):
    """C's time to end has come together with that of so many that they wait for each other."""
    body = json.dumps({"stream_name": "S", "config": {"inactive_threshold": 4_990 * MS}}).encode()
    line = b"PUB $JS.API.CONSUMER.CREATE.S _INBOX.made %d\r\n%b\r\n" % (len(body), body)
    client.connection.send(line * 100)
    world.finish()
    world.begin(5_000 * MS)
    world.agenda.ring(world.turn)
    world.turn.finish()
    assert len(world.jetstream().premises.endings) > 50


def test_who_may_stay_meanwhile_does():
    world, client = begin(inactive_threshold=5_000 * MS)
    due_with_others(world, client)
    config = {"durable_name": "C", "ack_policy": "explicit", "ack_wait": 30 * MS}
    body = json.dumps({"stream_name": "S", "config": config, "action": "update"}).encode()
    client.publish("$JS.API.CONSUMER.CREATE.S.C", body, reply="_INBOX.kept")
    world.wait_ns(60_000 * MS)
    assert list(world.jetstream().streams["S"].consumers) == ["C"]


def test_nothing_ends_while_jetstream_is_off():
    world, client = begin(inactive_threshold=5_000 * MS)
    due_with_others(world, client)
    jetstream = world.jetstream()
    jetstream.limit(None, world.turn)
    world.wait_ns(60_000 * MS)
    assert len(jetstream.streams["S"].consumers) > 50
    jetstream.limit(AccountLimits(), world.begin())
    world.wait_ns(4_989 * MS)
    assert exists(world)
    world.wait_ns(11 * MS)
    assert not exists(world)
