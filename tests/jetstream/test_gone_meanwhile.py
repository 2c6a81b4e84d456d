"""A stream that goes, or JetStream that is switched off, while an answer takes its slices."""

import json

import pytest

from isthmus.jetstream import beginnings, removals
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld, StreamWorld

STREAM = {"name": "S", "subjects": ["s.>"], "storage": "memory", "allow_direct": True}
SUBJECTS = 40


def lines_of(subject, body, reply):
    payload = json.dumps(body).encode() if body else b""
    return f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n"


def deleted():
    return lines_of("$JS.API.STREAM.DELETE.S", None, "_INBOX.deleted")


def filled(client, count):
    client.api("STREAM.CREATE.S", STREAM)
    lines = [b"PUB s.%d.x 1\r\n1\r\n" % number for number in range(count)]
    client.connection.send(b"".join(lines))
    client.world.finish()
    return client


def began(client, data):
    """One read; what was asked for in it is not finished when the turn ends."""
    client._left += client.connection.send(data)
    assert client.world.turn.unfinished


def answers(client):
    """What came to inboxes when everything is done: header and payload."""
    client.world.finish()
    return {subject: (header, payload) for subject, _, header, payload in client.messages()}


def refusal(client, inbox):
    return json.loads(answers(client)[inbox][1])["error"]["err_code"]


@pytest.fixture
def client(monkeypatch):
    """Of a stream in which the beginning of a consumer takes many turns to find."""
    monkeypatch.setattr(beginnings, "SLICE", 1)
    return filled(StreamWorld().client(), SUBJECTS)


def consumer():
    config = {"name": "C", "deliver_policy": "last_per_subject", "filter_subject": "s.*.x"}
    body = {"stream_name": "S", "config": config}
    return lines_of("$JS.API.CONSUMER.CREATE.S.C", body, "_INBOX.C")


def test_a_consumer_does_not_begin_where_another_stream_ended(client):
    again = lines_of("$JS.API.STREAM.CREATE.S", STREAM, "_INBOX.again")
    began(client, consumer() + deleted() + again)
    assert refusal(client, "_INBOX.C") == 10059
    assert client.api("STREAM.INFO.S")["state"]["consumer_count"] == 0


def test_a_consumer_is_refused_where_jetstream_was_switched_off_meanwhile(client):
    began(client, consumer())
    client.world.jetstream().limit(None, client.world.turn)
    assert refusal(client, "_INBOX.C") == 10039
    assert client.world.jetstream().streams["S"].consumers == {}


MANY = 30_000  # messages: more than a turn looks at
NOTHING = "s.*.y"


def test_a_message_is_not_looked_for_in_a_stream_that_is_gone():
    client = filled(StreamWorld().client(), MANY)
    body = {"next_by_subj": NOTHING}
    began(client, lines_of("$JS.API.STREAM.MSG.GET.S", body, "_INBOX.m") + deleted())
    assert refusal(client, "_INBOX.m") == 10059


@pytest.mark.parametrize("body", [{"filter": "s.*.x"}, {"filter": "s.*.x", "keep": 9}, {"keep": 9}])
def test_a_purge_whose_stream_goes_is_told_so(monkeypatch, body):
    """As the original tells it."""
    monkeypatch.setattr(removals, "SLICE", 1)
    client = filled(StreamWorld().client(), SUBJECTS)
    began(client, lines_of("$JS.API.STREAM.PURGE.S", body, "_INBOX.p") + deleted())
    told = answers(client)
    assert json.loads(told["_INBOX.p"][1]) == {
        "type": "io.nats.jetstream.api.v1.stream_purge_response",
        "error": {"code": 500, "err_code": 10051, "description": "stream closed"},
        "purged": 0,
    }
    assert answers(client) == {}


@pytest.mark.parametrize(
    "body",
    [
        {"next_by_subj": NOTHING},
        {"next_by_subj": NOTHING, "batch": 2},
        {"multi_last": [NOTHING]},
        {"seq": 1, "batch": MANY},
    ],
)
def test_a_direct_get_of_a_stream_that_goes_is_told_that_nobody_is_there(body):
    client = filled(StreamWorld().client(), MANY)
    began(client, lines_of("$JS.API.DIRECT.GET.S", body, "_INBOX.m") + deleted())
    before = client.messages()
    assert len(before) < MANY
    assert answers(client)["_INBOX.m"] == (b"NATS/1.0 503\r\n\r\n", b"")
    assert answers(client) == {}


def test_a_stream_that_is_gone_is_not_read_and_called_damaged():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    client.request("$JS.API.STREAM.CREATE.S", json.dumps(STREAM | {"storage": "file"}).encode())
    world.drain()
    client.connection.send(b"PUB s.0.x 1\r\n1\r\n" * MANY)
    world.finish()
    world.drain()
    client.messages()
    body = {"next_by_subj": NOTHING, "batch": 2}
    began(client, lines_of("$JS.API.DIRECT.GET.S", body, "_INBOX.m") + deleted())
    while world.shell.busy:  # its files go before the next slice
        world.shell.step(world.chance, world.now_ns)
    assert "_INBOX.m" in answers(client)
    assert world.findings == []
