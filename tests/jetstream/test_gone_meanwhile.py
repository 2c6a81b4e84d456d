"""A stream that goes, or JetStream that is switched off, while an answer takes its slices."""

import json

import pytest

from isthmus.jetstream import beginnings
from support.jetstream import StreamWorld

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
