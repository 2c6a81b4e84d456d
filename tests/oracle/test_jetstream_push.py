"""Push consumers: the same deliveries, heartbeats and flow control from both servers."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

MS = 1_000_000
SECOND = 1_000_000_000


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store")) as server:
        yield server


@pytest.fixture
def client(server):
    """An administrator, and an empty stream S."""
    with RawClient(server.port) as client:
        client.api("STREAM.DELETE.S")
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        yield client


class Receiver(RawClient):
    """Whoever listens; its answers come below `_HERE.`, where no one else's are."""

    def __init__(self, port):
        super().__init__(port)
        self.send(b"UNSUB 1\r\nSUB _HERE.> 1\r\n")
        self.settle()


@pytest.fixture
def receiver(server):
    with Receiver(server.port) as receiver:
        yield receiver


def consumer(client, name="C", *, refused=False, **config):
    config = {"durable_name": name, "deliver_subject": "d", **config}
    body = {"stream_name": "S", "config": config}
    answer = json.loads(client.api(f"CONSUMER.CREATE.S.{name}", body))
    assert ("error" in answer) == refused, answer
    return answer


def info(client, name="C"):
    return json.loads(client.api(f"CONSUMER.INFO.S.{name}"))


def bound(client, name="C"):
    """Does the server say that somebody listens?"""
    return info(client, name).get("push_bound", False)


def counted(client, name="C"):
    found = info(client, name)
    pair = [
        (found[key]["consumer_seq"], found[key]["stream_seq"]) for key in ("delivered", "ack_floor")
    ]
    return (*pair, found["num_ack_pending"], found["num_redelivered"], found["num_pending"])


def fill(client, count, subject="s.a", payload=b"m"):
    for number in range(count):
        assert client.request(subject, payload + b"%d" % number) is not None


def listen(receiver, subject="d", sid=9, queue=""):
    words = [word for word in ("SUB", subject, queue, str(sid)) if word]
    receiver.send(" ".join(words).encode() + b"\r\n")
    receiver.settle()


def leave(receiver, sid=9):
    receiver.send(f"UNSUB {sid}\r\n".encode())
    receiver.settle()


def heard(receiver, wait_s=0.3):
    """What the deliver subject brought within the time."""
    out, until = [], time.monotonic() + wait_s
    while (left_s := until - time.monotonic()) > 0:
        message = receiver.message(left_s)
        if message is not None:
            out.append(message)
    return out


def take(receiver, count, wait_s=3):
    """So many messages of the deliver subject."""
    out, until = [], time.monotonic() + wait_s
    while len(out) < count:
        message = receiver.message(max(until - time.monotonic(), 0.01))
        assert message is not None, out
        out.append(message)
    return out


def tokens(message):
    """Deliveries, stream sequence, consumer sequence, pending."""
    assert message.reply.startswith("$JS.ACK.S."), message
    numbers = message.reply.split(".")
    return int(numbers[4]), int(numbers[5]), int(numbers[6]), int(numbers[8])


def beat(consumer_seq, stream_seq, stalled=""):
    rest = f"\r\nNats-Consumer-Stalled: {stalled}" if stalled else ""
    return (
        f"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: {consumer_seq}\r\n"
        f"Nats-Last-Stream: {stream_seq}{rest}\r\n\r\n"
    ).encode()


def later(step_s):
    """A moment as the servers print it."""
    moment = datetime.now(UTC) + timedelta(seconds=step_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def test_messages_come_with_their_own_subject_and_an_ack_reply(client, receiver):
    fill(client, 2)
    answer = consumer(client, ack_policy="explicit")
    assert "push_bound" not in answer
    listen(receiver)
    messages = take(receiver, 2)
    assert [(m.subject, m.header, m.payload) for m in messages] == [
        ("s.a", b"", b"m0"),
        ("s.a", b"", b"m1"),
    ]
    assert [tokens(message) for message in messages] == [(1, 1, 1, 1), (1, 2, 2, 0)]
    assert counted(client) == ((2, 2), (0, 0), 2, 0, 0)
    wait_for(lambda: bound(client))
    for message in messages:
        receiver.publish(message.reply, reply="_HERE.acked")
        assert take(receiver, 1)[0].subject == "_HERE.acked"
    assert counted(client) == ((2, 2), (2, 2), 0, 0, 0)


def test_a_new_consumer_knows_who_listens_already(client, receiver):
    listen(receiver)
    fill(client, 1)
    answer = consumer(client, ack_policy="none")
    assert answer["push_bound"] is True
    assert answer["delivered"] == {"consumer_seq": 0, "stream_seq": 0}
    assert [tokens(message) for message in take(receiver, 1)] == [(1, 1, 1, 0)]


@pytest.mark.parametrize(
    ("group", "subscription", "heard_of"),
    [
        ("", ("d", ""), True),
        ("", ("d", "q"), False),
        ("", ("*", ""), False),
        ("", (">", ""), False),
        ("q", ("d", "q"), True),
        ("q", ("d", ""), False),
        ("q", ("d", "other"), False),
        ("q", ("*", "q"), False),
    ],
)
def test_interest_is_exact(client, receiver, group, subscription, heard_of):
    subject, queue = subscription
    fill(client, 1)
    consumer(client, deliver_group=group)
    listen(receiver, subject, queue=queue)
    if heard_of:
        take(receiver, 1)
    assert bound(client) is heard_of
    assert counted(client)[0] == ((1, 1) if heard_of else (0, 0))


def test_patterns_and_other_groups_get_theirs_too(client, receiver):
    listen(receiver, "*", sid=5)
    listen(receiver, "d", sid=6, queue="other")
    listen(receiver, "d", sid=7, queue="q")
    consumer(client, deliver_group="q")
    fill(client, 1)
    assert [tokens(message) for message in take(receiver, 3)] == [(1, 1, 1, 0)] * 3
    assert heard(receiver, 0.1) == []
    assert counted(client)[0] == (1, 1)


def test_a_deliver_group_shares_the_messages(client, server, receiver):
    consumer(client, deliver_group="q", ack_policy="explicit")
    with Receiver(server.port) as second:
        members = [receiver, second]
        for member in members:
            listen(member, queue="q")
        fill(client, 40)
        got = [[tokens(message)[1] for message in heard(member, 0.5)] for member in members]
    assert sorted(got[0] + got[1]) == list(range(1, 41))
    assert all(len(seqs) > 4 for seqs in got)


def test_delivery_stops_while_nobody_listens_and_goes_on_afterwards(client, receiver):
    listen(receiver)
    consumer(client, ack_policy="explicit", ack_wait=300 * MS, idle_heartbeat=100 * MS)
    fill(client, 2)
    take(receiver, 2)
    leave(receiver)
    wait_for(lambda: not bound(client))
    before = counted(client)
    fill(client, 1)
    heard(receiver, 0.5)  # the wait of the first two is over meanwhile
    assert counted(client) == (*before[:-1], 1)
    listen(receiver)
    got = take(receiver, 3)
    assert [tokens(message)[:3] for message in got] == [(2, 1, 3), (2, 2, 4), (1, 3, 5)]


def test_a_connection_that_is_cut_is_no_interest(client, server):
    with Receiver(server.port) as receiver:
        listen(receiver)
        consumer(client, ack_policy="explicit")
        fill(client, 1)
        take(receiver, 1)
    wait_for(lambda: not bound(client))
    fill(client, 1)
    assert counted(client) == ((1, 1), (0, 0), 1, 0, 1)


def test_heartbeats_tell_how_far_it_came(client, receiver):
    listen(receiver)
    consumer(client, filter_subject="s.a", idle_heartbeat=200 * MS)
    assert [message.header for message in take(receiver, 2)] == [beat(0, 0)] * 2
    fill(client, 1)
    fill(client, 2, "s.b")
    message, *_, last = take(receiver, 4)
    assert tokens(message) == (1, 1, 1, 0)
    assert (last.subject, last.reply, last.header) == ("d", "", beat(1, 3))


def test_a_delivery_takes_the_place_of_a_heartbeat(client, receiver):
    listen(receiver)
    consumer(client, idle_heartbeat=400 * MS)
    for _ in range(8):
        fill(client, 1)
        message = receiver.message(1)
        assert tokens(message)[0] == 1
        time.sleep(0.1)


@pytest.mark.parametrize("policy", ["explicit", "all", "none"])
def test_ack_policies(client, receiver, policy):
    fill(client, 4)
    listen(receiver)
    consumer(client, ack_policy=policy, **({"ack_wait": 400 * MS} if policy != "none" else {}))
    messages = take(receiver, 4)
    receiver.publish(messages[1].reply)
    again = [tokens(message)[:2] for message in heard(receiver, 0.65)]
    found = counted(client)
    if policy == "explicit":
        assert again == [(2, 1), (2, 3), (2, 4)]
        assert found == ((7, 4), (0, 0), 3, 3, 0)
    elif policy == "all":
        assert again == [(2, 3), (2, 4)]
        assert found == ((6, 4), (2, 2), 2, 2, 0)
    else:
        assert again == []
        assert found == ((4, 4), (4, 4), 0, 0, 0)


def test_no_more_than_max_ack_pending_at_once(client, receiver):
    fill(client, 4)
    listen(receiver)
    consumer(client, ack_policy="explicit", max_ack_pending=2)
    first, second = take(receiver, 2)
    assert heard(receiver, 0.2) == []
    receiver.publish(first.reply)
    assert tokens(take(receiver, 1)[0]) == (1, 3, 3, 1)
    receiver.publish(second.reply, b"-NAK")
    assert tokens(take(receiver, 1)[0]) == (2, 2, 4, 1)
    assert heard(receiver, 0.2) == []


def test_max_deliver(client, receiver):
    fill(client, 1)
    listen(receiver)
    consumer(client, ack_policy="explicit", ack_wait=200 * MS, max_deliver=2)
    assert [tokens(message)[0] for message in heard(receiver, 0.9)] == [1, 2]
    assert counted(client) == ((2, 1), (0, 0), 0, 1, 0)


def test_headers_only(client, receiver):
    fill(client, 1, payload=b"payload")
    client.request("s.a", b"four", header=b"NATS/1.0\r\nA: b\r\n\r\n")
    listen(receiver)
    consumer(client, headers_only=True)
    assert [(m.header, m.payload) for m in take(receiver, 2)] == [
        (b"NATS/1.0\r\nNats-Msg-Size: 8\r\n\r\n", b""),
        (b"NATS/1.0\r\nA: b\r\nNats-Msg-Size: 4\r\n\r\n", b""),
    ]


def test_flow_control(client, receiver):
    for _ in range(60):
        client.request("s.a", bytes(65_536))
    listen(receiver)
    consumer(client, flow_control=True, idle_heartbeat=300 * MS)
    got = take(receiver, 34)
    request = got[16]
    assert request.header == b"NATS/1.0 100 FlowControl Request\r\n\r\n"
    assert re.fullmatch(r"\$JS\.FC\.S\.C\.[0-9A-Za-z]{4}", request.reply)
    assert request.subject == "d"
    assert [len(message.payload) for message in got] == [65_536] * 16 + [0] + [65_536] * 16 + [0]
    assert got[33].header == beat(32, 32, request.reply)
    assert counted(client)[0] == (32, 32)
    receiver.publish(request.reply + "x")  # somebody else's
    assert take(receiver, 1)[0].header == beat(32, 32, request.reply)
    receiver.publish(request.reply)
    got = take(receiver, 30)
    assert [len(message.payload) for message in got] == [65_536] * 16 + [0] + [65_536] * 12 + [0]
    assert got[29].header == beat(60, 60, got[16].reply)
    receiver.publish(got[16].reply)
    assert take(receiver, 1)[0].header == beat(60, 60)


def test_pulling_from_a_push_consumer_is_refused(client, receiver):
    consumer(client, ack_policy="explicit")
    receiver.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", b"1", reply="_HERE.pull")
    [answer] = take(receiver, 1)
    assert answer.header == b"NATS/1.0 409 Consumer is push based\r\n\r\n"
    fill(client, 1)
    listen(receiver)
    [message] = take(receiver, 1)
    receiver.publish(message.reply, b"+NXT", reply="_HERE.next")
    [answer] = take(receiver, 1)
    assert (answer.subject, answer.header) == (
        "_HERE.next",
        b"NATS/1.0 409 Consumer is push based\r\n\r\n",
    )


def test_the_deliver_subject_may_change_while_nobody_listens(client, receiver):
    listen(receiver, "d", sid=8)
    listen(receiver, "e", sid=9)
    consumer(client, ack_policy="explicit")
    answer = consumer(client, ack_policy="explicit", deliver_subject="e", refused=True)
    assert answer["error"]["err_code"] == 10013
    leave(receiver, 8)
    wait_for(lambda: not bound(client))
    consumer(client, ack_policy="explicit", deliver_subject="e")
    fill(client, 1)
    assert tokens(take(receiver, 1)[0]) == (1, 1, 1, 0)
    wait_for(lambda: bound(client))


@pytest.mark.parametrize("never", [False, True])
def test_an_ephemeral_ends_when_nobody_has_listened_for_its_threshold(client, receiver, never):
    advisories = "$JS.EVENT.ADVISORY.CONSUMER.DELETED.S.*"
    listen(receiver, advisories, sid=3)
    if not never:
        listen(receiver)
    config = {"deliver_subject": "d", "inactive_threshold": 500 * MS}
    name = json.loads(client.api("CONSUMER.CREATE.S", {"stream_name": "S", "config": config}))[
        "name"
    ]
    if not never:
        time.sleep(0.9)
        assert bound(client, name)
        leave(receiver)
    assert "error" not in info(client, name)
    [advisory] = take(receiver, 1)
    assert advisory.subject == f"$JS.EVENT.ADVISORY.CONSUMER.DELETED.S.{name}"
    assert info(client, name)["error"]["err_code"] == 10014


def test_a_durable_with_a_threshold_ends_too(client):
    consumer(client, inactive_threshold=300 * MS)
    wait_for(lambda: "error" in info(client))


def test_who_comes_back_in_time_keeps_it(client, receiver):
    listen(receiver)
    consumer(client, inactive_threshold=700 * MS)
    for _ in range(3):
        leave(receiver)
        time.sleep(0.3)
        listen(receiver)
        time.sleep(0.3)
    wait_for(lambda: bound(client))


def test_the_pace_of_publication(client, receiver):
    fill(client, 1)
    time.sleep(0.5)
    fill(client, 2)
    listen(receiver)
    consumer(client, replay_policy="original")
    began = time.monotonic()
    seqs = [tokens(message)[1] for message in take(receiver, 3)]
    assert seqs == [1, 2, 3]
    assert time.monotonic() - began > 0.4
    fill(client, 1)
    assert tokens(take(receiver, 1)[0]) == (1, 4, 4, 0)


def test_a_rate_limit_is_kept_once_the_burst_is_used_up(client, receiver):
    client.api("STREAM.UPDATE.S", {"name": "S", "subjects": ["s.>"], "max_msg_size": 2000})
    fill(client, 12, payload=bytes(950))
    listen(receiver)
    consumer(client, rate_limit_bps=80_000)
    began = time.monotonic()
    assert [tokens(message)[1] for message in take(receiver, 12, wait_s=5)] == list(range(1, 13))
    assert time.monotonic() - began > 0.7  # about 10 of 12 kB at 10 kB a second


def test_deliver_policies(client, receiver):
    for subject in ("s.a", "s.b", "s.a", "s.c", "s.b"):
        fill(client, 1, subject)
    listen(receiver)
    for number, (config, expected) in enumerate(
        (
            ({"deliver_policy": "last"}, [5]),
            ({"deliver_policy": "new"}, []),
            ({"deliver_policy": "by_start_sequence", "opt_start_seq": 4}, [4, 5]),
            ({"deliver_policy": "last_per_subject", "filter_subject": "s.*"}, [3, 4, 5]),
            ({"filter_subjects": ["s.b", "s.c"]}, [2, 4, 5]),
            ({"deliver_policy": "last", "filter_subject": "s.a"}, [3]),
        )
    ):
        name = f"C{number}"
        consumer(client, name, **config)
        got = [tokens(message) for message in heard(receiver, 0.2)]
        assert [seq for _, seq, _, _ in got] == expected, config
        assert [pending for *_, pending in got] == list(range(len(got)))[::-1], config
        client.api(f"CONSUMER.DELETE.S.{name}")


def test_a_paused_consumer_delivers_nothing_and_lives(client, receiver):
    listen(receiver)
    consumer(client, ack_policy="explicit", idle_heartbeat=200 * MS)
    fill(client, 1)
    take(receiver, 1)
    until = later(1.5)
    answer = json.loads(client.api("CONSUMER.PAUSE.S.C", {"pause_until": until}))
    assert 0 < answer.pop("pause_remaining") <= 1500 * MS
    assert answer == {
        "type": "io.nats.jetstream.api.v1.consumer_pause_response",
        "paused": True,
        "pause_until": until,
    }
    fill(client, 1)
    found = info(client)
    assert found["paused"] is True
    assert found["pause_remaining"] > 0
    assert found["config"]["pause_until"] == until
    assert found["config"]["metadata"]["_nats.req.level"] == "1"
    got = take(receiver, 3)
    assert [message.header for message in got] == [beat(1, 1)] * 3
    while not (message := take(receiver, 1)[0]).reply:
        assert message.header == beat(1, 1)
    assert tokens(message) == (1, 2, 2, 0)
    assert "paused" not in info(client)
    assert info(client)["config"]["pause_until"] == until


def test_advisories_of_pausing(client, receiver):
    listen(receiver, "$JS.EVENT.ADVISORY.CONSUMER.PAUSE.>")

    def pause(body=b""):
        answer = json.loads(client.api("CONSUMER.PAUSE.S.C", body))
        return answer["paused"], answer["pause_until"]

    def told():
        [message] = take(receiver, 1)
        assert message.subject == "$JS.EVENT.ADVISORY.CONSUMER.PAUSE.S.C"
        found = json.loads(message.payload)
        assert list(found)[1:3] == ["id", "timestamp"]
        return found["stream"], found["consumer"], found["paused"], found["pause_until"]

    zero, past, future = "0001-01-01T00:00:00Z", "2020-01-01T00:00:00Z", later(3600)
    consumer(client, ack_policy="explicit")
    assert pause({"pause_until": future}) == (True, future)
    assert told() == ("S", "C", True, future)
    assert pause({"pause_until": future}) == (True, future)  # nothing new: nobody is told
    assert pause() == (False, zero)
    assert told() == ("S", "C", False, zero)
    assert pause() == (False, zero)
    assert pause({"pause_until": "2020-01-01T02:00:00+02:00"}) == (False, past)
    assert told() == ("S", "C", False, past)
    assert info(client)["config"]["metadata"]["_nats.req.level"] == "1"
    assert pause({"pause_until": zero}) == (False, zero)
    assert told() == ("S", "C", False, zero)
    assert info(client)["config"]["metadata"]["_nats.req.level"] == "0"
    soon = later(0.3)
    assert pause({"pause_until": soon}) == (True, soon)
    assert [told(), told()] == [("S", "C", True, soon), ("S", "C", False, soon)]
    client.api("CONSUMER.DELETE.S.C")
    consumer(client, pause_until=future)
    assert told() == ("S", "C", True, future)
    consumer(client, description="another", pause_until=soon)  # an update does not touch it
    assert told() == ("S", "C", True, future)
    assert info(client)["config"]["pause_until"] == future
    assert heard(receiver, 0.1) == []


def test_pulling_from_a_paused_consumer(client, receiver):
    fill(client, 1)
    consumer(client, deliver_subject="", ack_policy="explicit", pause_until=later(1.0))

    def pull(**body):
        receiver.publish(
            "$JS.API.CONSUMER.MSG.NEXT.S.C", json.dumps(body).encode(), reply="_HERE.pull"
        )
        return take(receiver, 1)[0]

    assert pull(no_wait=True).header == b"NATS/1.0 404 No Messages\r\n\r\n"
    assert pull(expires=100 * MS).header.startswith(b"NATS/1.0 408 Request Timeout\r\n")
    assert tokens(pull(expires=3 * SECOND, no_wait=True)) == (1, 1, 1, 0)


def test_what_can_not_be_paused(client):
    consumer(client)
    for place, body in (
        ("S.none", b""),
        ("none.C", b""),
        ("none.C", b"{bad"),
        ("S.C", b"{bad"),
        ("S.C", b"[]"),
        ("S.C", b'{"foo":1}'),
        ("S.C", b'{"pause_until":5}'),
        ("S.C", b'{"pause_until":"2026-13-01T00:00:00Z"}'),
    ):
        error = json.loads(client.api(f"CONSUMER.PAUSE.{place}", body))
        expected = {"S.none": 10014, "none.C": 10059}.get(place, 10025) if not body else 10025
        assert error["error"]["err_code"] == expected, (place, body)
        assert (error["paused"], error["pause_until"]) == (False, "0001-01-01T00:00:00Z")
    for body in (b"xx", b"   ", b'{"pause_until":null}'):
        assert "error" not in json.loads(client.api("CONSUMER.PAUSE.S.C", body))


def test_a_pause_may_end_beyond_all_clocks(client):
    consumer(client, idle_heartbeat=(1 << 63) - 1)
    body = {"pause_until": "9999-12-31T23:59:59.5+01:00"}
    answer = json.loads(client.api("CONSUMER.PAUSE.S.C", body))
    assert (answer["paused"], answer["pause_until"]) == (True, "9999-12-31T22:59:59.5Z")
    assert answer["pause_remaining"] == (1 << 63) - 1
