"""Snapshot and restore as captured on nats-server, on both servers: the exchange, step by step.

The archives differ, so the number of chunks is free; their sizes, replies and order, all answers,
statuses and advisories are those of the capture. So is the stream: six messages of 1,500 bytes
that do not compress, of which a consumer has been sent two.
"""

import json
import random
import re

import pytest

from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle]

STATE = {"messages": 6, "bytes": 9210, "first_seq": 1, "last_seq": 6, "num_subjects": 6}
CONSUMER = {"durable_name": "bc", "ack_policy": "explicit"}
ADVISORY = "$JS.EVENT.ADVISORY."
REPLY = r"\$JS\.SNAPSHOT\.ACK\.BIG\.[0-9A-Za-z]{22}\.1024\.%d"


def api(client, verb, **body):
    return json.loads(client.api(verb, body or b""))


def told(listener, *events):
    """The next advisories are these; their bodies."""
    messages = []
    while len(messages) < len(events):
        message = listener.message(10)
        assert message is not None, (events, messages)
        if message.subject.startswith(ADVISORY):
            messages.append(message)
    assert [message.subject.removeprefix(ADVISORY) for message in messages] == list(events)
    return [json.loads(message.payload) for message in messages]


def untimed(state):
    return {key: value for key, value in state.items() if key not in {"first_ts", "last_ts"}}


def begin(client):
    client.publish(
        "$JS.API.STREAM.SNAPSHOT.BIG",
        b'{"deliver_subject":"to","chunk_size":1024,"window_size":1024}',
        reply="answer",
    )


def save(client):
    """Every chunk acknowledged: the answer, the archive, the number of chunks."""
    begin(client)
    data, count, answer, ended = b"", 0, None, False
    while answer is None or not ended:
        message = client.message(10)
        if message.subject == "answer":
            answer = json.loads(message.payload)
        elif not message.payload:
            assert (message.reply, message.header) == ("", b"NATS/1.0 204\r\n\r\n")
            ended = True
        else:
            data += message.payload
            count += 1
            assert message.header == b""
            if len(message.payload) == 1024:
                assert re.fullmatch(REPLY % count, message.reply)
                client.publish(message.reply)
            else:
                assert message.reply == "", "the last one asks for nothing"
    return answer, data, count


def comes_back(client, listener, state, data):
    """A stream that is there cannot be restored; one that is not, can."""
    wanted = {"name": "BIG", "subjects": ["big.>"]}
    refused = client.api("STREAM.RESTORE.BIG", {"config": wanted, "state": state})
    assert refused == (
        b'{"type":"io.nats.jetstream.api.v1.stream_restore_response","error":{"code":400,'
        b'"err_code":10130,"description":"stream name already in use, cannot restore"},'
        b'"deliver_subject":""}'
    )
    api(client, "STREAM.DELETE.BIG")
    started = api(client, "STREAM.RESTORE.BIG", config=wanted, state=state)
    assert list(started) == ["type", "deliver_subject"]
    to = started["deliver_subject"]
    assert re.fullmatch(r"\$JS\.SNAPSHOT\.RESTORE\.BIG\.[0-9A-Za-z]{22}", to)
    for at in range(0, len(data), 4096):
        acknowledged = client.request(to, data[at : at + 4096])
        assert (acknowledged.header, acknowledged.payload) == (b"", b"")
    final = json.loads(client.request(to, b"").payload)
    assert list(final) == ["type", "config", "created", "state", "ts"]
    assert final["type"] == "io.nats.jetstream.api.v1.stream_create_response"
    assert final["state"] == state
    found = api(client, "CONSUMER.INFO.BIG.bc")
    assert found["delivered"] | {"last_active": 0} == {
        "consumer_seq": 2, "stream_seq": 2, "last_active": 0
    }  # fmt: skip
    assert api(client, "CONSUMER.NAMES.BIG")["consumers"] == ["bc"]
    deleted, _, created, end = told(
        listener,
        "STREAM.DELETED.BIG",
        "STREAM.RESTORE_CREATE.BIG",
        "STREAM.CREATED.BIG",
        "STREAM.RESTORE_COMPLETE.BIG",
    )
    assert (deleted["action"], created["action"]) == ("delete", "create")
    assert end["bytes"] == len(data)


def is_changed(client, kind):
    """What changed first after a restore; the original does it, but answers as it was before."""
    changed = {"stream_name": "BIG", "config": {**CONSUMER, "max_deliver": 5}}
    shown = api(client, "CONSUMER.CREATE.BIG.bc", **changed)["config"]["max_deliver"]
    assert shown == (5 if kind == "isthmus" else -1)
    assert api(client, "CONSUMER.INFO.BIG.bc")["config"]["max_deliver"] == 5


def is_given_up(client, listener):
    """Who acknowledges no chunk."""
    begin(client)
    heard = [client.message(10) for _ in range(3)]
    chunk, status = [message for message in heard if message.subject == "to"]
    assert re.fullmatch(REPLY % 1, chunk.reply)
    assert len(chunk.payload) == 1024
    assert (status.reply, status.header, status.payload) == (
        *("", b"NATS/1.0 408 No Flow Response\r\n\r\n"),
        b"",
    )
    _, complete = told(listener, "STREAM.SNAPSHOT_CREATE.BIG", "STREAM.SNAPSHOT_COMPLETE.BIG")
    assert complete["error"] == "no flow response"


@pytest.mark.parametrize("kind", ["isthmus", "real"])
def test_as_captured(kind, tmp_path):
    with (
        ServerProcess(kind, tmp_path, "-js", "-sd", str(tmp_path / "store")) as server,
        RawClient(server.port) as client,
        RawClient(server.port) as listener,
    ):
        api(client, "STREAM.CREATE.BIG", name="BIG", subjects=["big.>"])
        chance = random.Random(1)
        for number in range(6):
            client.request(f"big.{number}", chance.randbytes(1500))
        api(client, "CONSUMER.CREATE.BIG.bc", stream_name="BIG", config=CONSUMER)
        client.publish("$JS.API.CONSUMER.MSG.NEXT.BIG.bc", b"2", reply="_INBOX.pulled")
        assert [client.message().subject for _ in range(2)] == ["big.0", "big.1"]
        client.send(b"SUB to 2\r\nSUB answer 3\r\n")
        listener.send(b"UNSUB 1\r\nSUB $JS.EVENT.ADVISORY.STREAM.> 2\r\n")
        listener.settle()

        # the archive is sent
        answer, data, count = save(client)
        assert list(answer) == ["type", "config", "state"]
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_snapshot_response"
        assert untimed(answer["state"]) == STATE | {"consumer_count": 1}
        assert count > 8, "nothing of it can be made smaller"
        created, complete = told(
            listener, "STREAM.SNAPSHOT_CREATE.BIG", "STREAM.SNAPSHOT_COMPLETE.BIG"
        )
        assert created["state"] == answer["state"]
        assert "error" not in complete

        comes_back(client, listener, answer["state"], data)
        is_changed(client, kind)
        is_given_up(client, listener)
