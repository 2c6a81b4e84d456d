"""Pulling and acknowledging: the same bytes, statuses and counters from both servers."""

import json

import pytest

from support.raw import RawClient
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

MS = 1_000_000
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.C"


@pytest.fixture
def client(kind, start_server, tmp_path):
    server = start_server(kind, "-js", "-sd", str(tmp_path / "store"))
    with RawClient(server.port) as client:
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        yield client


def consumer(client, **config):
    config = {"durable_name": "C", "ack_policy": "explicit", **config}
    body = {"stream_name": "S", "config": config}
    answer = json.loads(client.api("CONSUMER.CREATE.S.C", body))
    assert "error" not in answer, answer


def fill(client, count, subject="s.a"):
    for number in range(count):
        assert client.request(subject, b"m%d" % number) is not None


def pull(client, body, *, wait_s=0.4, inbox="_INBOX.pull"):
    """Everything that comes within the time: stream sequences, and status lines."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    client.publish(NEXT, payload, reply=inbox)
    return heard(client, wait_s)


def heard(client, wait_s=0.4):
    out = []
    while (message := client.message(wait_s)) is not None:
        out.append(message.reply or message.header)
    return out


def tokens(reply):
    """Deliveries, stream sequence, consumer sequence, pending."""
    numbers = reply.split(".")
    return int(numbers[4]), int(numbers[5]), int(numbers[6]), int(numbers[8])


def info(client, stream="S"):
    answer = json.loads(client.api(f"CONSUMER.INFO.{stream}.C"))
    pair = [
        (answer[key]["consumer_seq"], answer[key]["stream_seq"])
        for key in ("delivered", "ack_floor")
    ]
    return (*pair, answer["num_ack_pending"], answer["num_redelivered"], answer["num_pending"])


def reaches(client, state):
    """The real server delivers and takes acknowledgements beside what it answers meanwhile."""
    wait_for(lambda: info(client) == state)


def status(line, messages=None, size=0):
    rest = b""
    if messages is not None:
        rest = b"\r\nNats-Pending-Messages: %d\r\nNats-Pending-Bytes: %d" % (messages, size)
    return b"NATS/1.0 " + line + rest + b"\r\n\r\n"


def test_statuses_of_an_empty_stream(client):
    consumer(client)
    for body, expected in (
        ({"batch": 1, "no_wait": True}, [status(b"404 No Messages")]),
        ({"batch": 5, "expires": 100 * MS}, [status(b"408 Request Timeout", 5)]),
        (
            {"batch": 5, "expires": 100 * MS, "no_wait": True},
            [status(b"408 Request Timeout", 5)],
        ),
        (
            {"batch": 5, "expires": 100 * MS, "idle_heartbeat": 60 * MS},
            [status(b"400 Bad Request - heartbeat value too large")],
        ),
        (
            b"{bad",
            [
                status(
                    b"400 Bad Request - invalid character 'b' looking for beginning of object "
                    b"key string"
                )
            ],
        ),
        (
            {"expires": 100 * MS, "id": "x"},
            [status(b"400 Bad Request - Not a Pinned Client Priority consumer")],
        ),
    ):
        assert pull(client, body) == expected, body


def test_heartbeats_until_the_end(client):
    consumer(client)
    beat = b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\nNats-Last-Stream: 0\r\n\r\n"
    body = {"batch": 5, "expires": 500 * MS, "idle_heartbeat": 150 * MS}
    assert pull(client, body, wait_s=0.5) == [beat] * 3 + [status(b"408 Request Timeout", 5)]


def test_batches_and_counters(client):
    fill(client, 6)
    consumer(client)
    assert [tokens(reply) for reply in pull(client, b"2")] == [(1, 1, 1, 5), (1, 2, 2, 4)]
    assert [tokens(reply) for reply in pull(client, b"")] == [(1, 3, 3, 3)]
    got = pull(client, {"batch": 10, "no_wait": True})
    assert [tokens(reply) for reply in got[:-1]] == [(1, 4, 4, 2), (1, 5, 5, 1), (1, 6, 6, 0)]
    assert got[-1] == status(b"404 No Messages")
    reaches(client, ((6, 6), (0, 0), 6, 0, 0))


def test_the_floor_walks(client):
    fill(client, 5)
    consumer(client)
    replies = {tokens(reply)[1]: reply for reply in pull(client, b"5")}
    for seq, floor in ((3, (0, 0)), (1, (1, 1)), (2, (3, 3)), (5, (3, 3)), (4, (5, 5))):
        assert client.request(replies[seq], b"+ACK").payload == b""
        wait_for(lambda floor=floor: info(client)[1] == floor)


def test_every_kind_of_ack(client):
    fill(client, 6)
    consumer(client)
    replies = {tokens(reply)[1]: reply for reply in pull(client, b"6")}
    for seq, body in (
        (1, b"+ACK"),
        (1, b"+ACK"),
        (2, b"-NAK"),
        (3, b'-NAK {"delay":300000000}'),
        (4, b"+WPI"),
        (5, b"+TERM bad data"),
        (6, b""),
        (4, b"no such word"),
    ):
        assert client.request(replies[seq], body).payload == b"", body
    beyond = replies[6].replace(".1.6.6.", ".1.500.500.")
    assert client.request(beyond, b"+ACK", timeout_s=0.3) is None
    reaches(client, ((6, 6), (1, 1), 3, 0, 0))
    got = pull(client, {"batch": 5, "expires": 500 * MS}, wait_s=0.6)
    assert [tokens(reply)[:3] for reply in got[:-1]] == [(2, 2, 7), (2, 3, 8)]
    assert got[-1] == status(b"408 Request Timeout", 3)


def test_naks_come_back_in_their_order_before_new_ones(client):
    fill(client, 4)
    consumer(client)
    replies = {tokens(reply)[1]: reply for reply in pull(client, b"3")}
    for seq in (3, 1):
        client.request(replies[seq], b"-NAK")
    assert [tokens(reply)[1] for reply in pull(client, b"3")] == [3, 1, 4]


def test_an_ack_can_ask_for_the_next(client):
    fill(client, 2)
    consumer(client)
    [first] = pull(client, b"1")
    client.publish(first, b"+NXT", reply="_INBOX.next")
    [second] = heard(client)
    assert tokens(second) == (1, 2, 2, 0)
    client.publish(second, b'+NXT {"batch":1,"no_wait":true}', reply="_INBOX.next")
    assert heard(client) == [status(b"404 No Messages")]


def test_both_forms_of_ack_subjects_are_understood(client):
    fill(client, 2)
    consumer(client)
    for reply in pull(client, b"2"):
        long = reply.replace("$JS.ACK.", "$JS.ACK._.szMpdrwD.")
        assert client.request(long, b"+ACK").payload == b""
    wait_for(lambda: info(client)[2] == 0)


def test_deliveries_end_at_their_maximum(client):
    fill(client, 2)
    consumer(client, ack_wait=200 * MS, max_deliver=2)
    got = pull(client, {"batch": 10, "expires": 1000 * MS}, wait_s=1.2)
    assert [tokens(reply)[:3] for reply in got[:-1]] == [
        (1, 1, 1), (1, 2, 2), (2, 1, 3), (2, 2, 4),
    ]  # fmt: skip
    assert got[-1] == status(b"408 Request Timeout", 6)
    reaches(client, ((4, 2), (0, 0), 0, 2, 0))


def test_credit_ends_at_max_ack_pending(client):
    fill(client, 3)
    consumer(client, max_ack_pending=1)
    got = pull(client, {"batch": 2, "expires": 200 * MS})
    assert tokens(got[0])[1] == 1
    assert got[1:] == [status(b"408 Request Timeout", 1)]
    client.publish(NEXT, b'{"no_wait":true}', reply="_INBOX.x")
    assert heard(client, 0.3) == []
    client.publish(got[0], b"+ACK")
    assert tokens(heard(client)[0])[1] == 2


def test_bytes_end_a_pull(client):
    for _ in range(3):
        client.request("s.a", b"x" * 50)
    consumer(client)
    assert pull(client, {"batch": 10, "max_bytes": 10, "expires": 300 * MS}) == [
        status(b"409 Message Size Exceeds MaxBytes", 10, 10)
    ]
    got = pull(client, {"batch": 1, "max_bytes": 2500, "expires": 300 * MS})
    size = len("s.a") + len(got[0]) + 50
    assert got[1:] == [status(b"409 Batch Completed", 0, 2500 - size)]
    first = 250 - size
    got = pull(client, {"batch": 10, "max_bytes": 250, "expires": 300 * MS})
    assert [tokens(reply)[1] for reply in got[:2]] == [2, 3]
    assert got[2:] == [status(b"408 Request Timeout", 8, first - size)]


def test_limits_of_the_consumer(client):
    consumer(client, max_batch=2, max_expires=1_000 * MS, max_bytes=100, max_waiting=1)
    for body, line in (
        ({"batch": 3}, b"409 Exceeded MaxRequestBatch of 2"),
        ({"expires": 2_000 * MS}, b"409 Exceeded MaxRequestExpires of 1s"),
        ({"expires": 200 * MS, "max_bytes": 200}, b"409 Exceeded MaxRequestMaxBytes of 100"),
    ):
        assert pull(client, body, wait_s=0.2) == [status(line)], body
    client.publish(NEXT, b'{"expires":900000000}', reply="_INBOX.first")
    assert pull(client, {"expires": 300 * MS}, wait_s=0.2) == [status(b"409 Exceeded MaxWaiting")]
    body = {"expires": 300 * MS, "idle_heartbeat": 100 * MS}
    assert pull(client, body, wait_s=0.2) == []


def test_requests_take_turns(client):
    consumer(client)
    for inbox in ("_INBOX.a", "_INBOX.b"):
        client.publish(NEXT, b'{"batch":3,"expires":1500000000}', reply=inbox)
    fill(client, 4)
    wait_for(lambda: info(client)[0] == (4, 4))
    ends = [one for one in heard(client, 2) if isinstance(one, bytes)]
    assert ends == [status(b"408 Request Timeout", 1)] * 2, "each got two and still wanted one"


def test_a_deleted_consumer_says_so_first(client):
    consumer(client)
    client.publish(NEXT, b'{"expires":5000000000}', reply="_INBOX.waiting")
    client.publish("$JS.API.CONSUMER.DELETE.S.C", reply="_INBOX.api")
    first, second = client.message(), client.message()
    assert (first.subject, first.header) == ("_INBOX.waiting", status(b"409 Consumer Deleted"))
    assert second.subject == "_INBOX.api"
    assert client.request(NEXT, b"1").header.startswith(b"NATS/1.0 503")


def test_a_purge_moves_the_consumer(client):
    fill(client, 10)
    consumer(client)
    pull(client, b"2")
    client.api("STREAM.PURGE.S", {"seq": 5})
    reaches(client, ((2, 4), (2, 4), 0, 0, 6))
    client.api("STREAM.PURGE.S")
    reaches(client, ((2, 10), (2, 10), 0, 0, 0))


PURGES = (  # what is published, filter, purge; delivered, floor, then as `info`
    ("aaaa", {}, {"keep": 1}, ((4, 4), (3, 3), 1, 0, 0)),
    ("aaaa", {}, {"seq": 3}, ((4, 4), (2, 2), 2, 0, 0)),
    ("ababa", {"filter_subject": "p.a"}, {"filter": "p.a", "keep": 1}, ((3, 5), (2, 4), 1, 0, 0)),
    ("babaa", {"filter_subject": "p.a"}, {"filter": "p.a", "keep": 1}, ((3, 5), (2, 4), 1, 0, 0)),
    ("babba", {"filter_subject": "p.a"}, {"filter": "p.a", "seq": 5}, ((2, 5), (1, 4), 1, 0, 0)),
    ("ababab", {"filter_subject": "p.a"}, {"filter": "p.a"}, ((3, 6), (3, 6), 0, 0, 0)),
    ("aabb", {}, {"filter": "p.a"}, ((4, 4), (2, 2), 2, 0, 0)),
    ("aaa", {}, {"filter": "p.a"}, ((3, 3), (3, 3), 0, 0, 0)),
)


def test_a_purge_of_what_was_delivered_moves_the_floor(client):
    for number, (letters, config, purge, expected) in enumerate(PURGES):
        name = f"P{number}"

        def here(value, name=name):
            return value.replace("p.", f"{name}.") if isinstance(value, str) else value

        client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]})
        wanted = {"durable_name": "C", "ack_policy": "explicit"}
        wanted |= {key: here(value) for key, value in config.items()}
        client.api(f"CONSUMER.CREATE.{name}.C", {"stream_name": name, "config": wanted})
        for letter in letters:
            client.request(f"{name}.{letter}", b"x")
        client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{name}.C", b"9", reply="_INBOX.pull")
        for _ in range(expected[0][0]):
            assert client.message() is not None
        client.api(f"STREAM.PURGE.{name}", {key: here(value) for key, value in purge.items()})
        wait_for(lambda name=name, expected=expected: info(client, name) == expected)


def test_a_purge_moves_who_found_nothing_behind_what_it_was_sent(client):
    fill(client, 1)
    consumer(client, filter_subject="s.*")
    pull(client, b"1")
    fill(client, 2, "s.b")
    client.api("STREAM.PURGE.S", {"filter": "s.b", "seq": 9})
    pull(client, {"batch": 1, "expires": 50_000_000})
    client.api("STREAM.PURGE.S", {"filter": "s.a", "seq": 9})
    reaches(client, ((1, 3), (1, 3), 0, 0, 0))


def test_a_deleted_message_is_not_waited_for(client):
    fill(client, 3)
    consumer(client)
    pull(client, b"2")
    client.api("STREAM.MSG.DELETE.S", {"seq": 1})
    client.api("STREAM.MSG.DELETE.S", {"seq": 3})
    assert client.message(0.2) is None
    reaches(client, ((2, 2), (1, 1), 1, 0, 0))


def test_filters_and_starts(client):
    for subject in ("s.a", "s.b", "s.a", "s.c", "s.b"):
        client.request(subject, b"x")
    for number, (config, seqs) in enumerate(
        (
            ({"filter_subject": "s.b"}, [2, 5]),
            ({"filter_subjects": ["s.a", "s.c"]}, [1, 3, 4]),
            ({"deliver_policy": "last"}, [5]),
            ({"deliver_policy": "last", "filter_subject": "s.a"}, [3]),
            ({"deliver_policy": "new"}, []),
            ({"deliver_policy": "by_start_sequence", "opt_start_seq": 4}, [4, 5]),
            ({"deliver_policy": "last_per_subject", "filter_subject": "s.*"}, [3, 4, 5]),
        )
    ):
        name = f"F{number}"
        body = {"stream_name": "S", "config": {"durable_name": name, "ack_policy": "explicit"}}
        body["config"] |= config
        answer = json.loads(client.api(f"CONSUMER.DURABLE.CREATE.S.{name}", body))
        assert answer["num_pending"] == len(seqs), config
        client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.S.{name}", b'{"batch":9,"no_wait":true}', reply="_INBOX.p"
        )
        got = heard(client, 0.2)
        assert [tokens(reply)[1] for reply in got[:-1]] == seqs, config
        assert [tokens(reply)[3] for reply in got[:-1]] == list(range(len(seqs)))[::-1], config
