"""What a consumer has not seen is counted in slices, while messages come and go."""

import json

import pytest

from support.jetstream import StreamWorld

MANY = 60_000  # subjects: more than a turn looks at


@pytest.fixture
def client():
    client = StreamWorld().client()
    client.api("STREAM.CREATE.S", {
        "name": "S", "subjects": ["s.>"], "storage": "memory", "allow_rollup_hdrs": True,
    })  # fmt: skip
    lines = [b"PUB s.%05d.x 1\r\n1\r\n" % number for number in range(MANY)]
    client.connection.send(b"".join(lines))
    client.world.finish()
    return client


def lines_of(subject, body, reply=""):
    payload = json.dumps(body).encode()
    return f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n"


def create(name, **config):
    body = {"stream_name": "S", "config": {"name": name, "ack_policy": "explicit"} | config}
    return lines_of(f"$JS.API.CONSUMER.CREATE.S.{name}", body, f"_INBOX.{name}")


def delete(seq):
    return lines_of("$JS.API.STREAM.MSG.DELETE.S", {"seq": seq}, "_INBOX.gone")


def answers(client, data):
    """What came to inboxes after one read, by the inbox."""
    client._left += client.connection.send(data)
    client.world.finish()
    return {subject: payload for subject, _, _, payload in client.messages()}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("all", {"filter_subject": "s.*.x"}),
        ("two", {"filter_subjects": ["s.*.x", "s.*.y"]}),
        (
            "middle",
            {"filter_subjects": ["s.*.x", "s.*.y"], "deliver_policy": "by_start_sequence"}
            | {"opt_start_seq": MANY // 3},
        ),
        ("last", {"filter_subject": "s.*.x", "deliver_policy": "last_per_subject"}),
    ],
)
def test_what_comes_and_goes_while_it_is_counted_is_counted_once(client, name, config):
    numbers = (0, 1, MANY // 2, MANY - 2)
    stored = client.world.jetstream().streams["S"].stored
    met = [stored.log.next_seq(number + 10 * len(name)) for number in numbers]
    data = create(name, **config)
    data += b"".join(delete(seq) for seq in met)
    data += b"".join(
        b"PUB s.%05d.%b 1\r\n1\r\n" % (number, kind) for number in numbers for kind in (b"x", b"y")
    )
    told = json.loads(answers(client, data)[f"_INBOX.{name}"])
    cursor = client.world.jetstream().streams["S"].consumers[name].cursor
    assert cursor.counted
    assert told["num_pending"] == cursor.num_pending
    cursor.check()


def test_a_pull_waits_until_it_is_counted_how_much_is_behind_its_message(client):
    answers(client, create("C", filter_subject="s.*.x"))
    cursor = client.world.jetstream().streams["S"].consumers["C"].cursor
    client.api("STREAM.PURGE.S", {"filter": "s.00000.*"})
    assert not cursor.counted, "nobody has asked yet"
    pull = lines_of("$JS.API.CONSUMER.MSG.NEXT.S.C", {"batch": 1, "no_wait": True}, "_INBOX.m")
    client._left += client.connection.send(pull)
    client.world.finish()
    (reply,) = [reply for _, reply, _, payload in client.messages() if payload == b"1"]
    assert int(reply.split(".")[-1]) == MANY - 2
    assert cursor.num_pending == MANY - 2


def roll_up(client, number):
    client.publish(f"s.{number:05}.x", b"2", header=b"NATS/1.0\r\nNats-Rollup: sub\r\n\r\n")


@pytest.mark.parametrize("pattern", ["s.*.x", "s.00000.x"])
def test_who_is_told_of_what_a_roll_up_takes_needs_not_count_anew(client, pattern):
    answers(client, create("C", filter_subject=pattern))
    cursor = client.world.jetstream().streams["S"].consumers["C"].cursor
    for number in range(3):
        assert cursor.counted
        roll_up(client, number)
    assert cursor.counted
    cursor.check()


def test_roll_ups_do_not_begin_a_count_anew(client):
    answers(client, create("C", filter_subject="s.*.x"))
    cursor = client.world.jetstream().streams["S"].consumers["C"].cursor
    client.api("STREAM.PURGE.S", {"filter": "s.00000.*"})
    slices = 0
    while cursor.count_on():
        slices += 1
        roll_up(client, slices)
        assert slices < 2 * MANY / 8192
    assert slices > 2
    assert cursor.num_pending == MANY - 1
    cursor.check()
