"""Requests to $JS.API are told of on $JS.EVENT.ADVISORY.API, from both servers alike."""

import json

import pytest

from support.both import Both, masked
from support.raw import RawClient
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

AUDIT = "$JS.EVENT.ADVISORY.API"
OPTED = ("id", "timestamp", "server")  # what a server chooses


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("audit")) as found:
        yield found


def told(client: RawClient, verb: str, body: bytes = b"", *, reply: str = "_INBOX.asked") -> object:
    """The answer to a request, and what was told of it; None: nothing was."""
    client.publish(f"$JS.API.{verb}", body, reply=reply)
    heard: dict[str, bytes] = {}
    wanted = 2 if reply else 1
    while len(heard) < wanted and (message := client.message(0.5)) is not None:
        heard[message.subject] = message.payload
    if AUDIT not in heard:
        return None
    assert list(heard)[-1] == AUDIT  # behind the answer
    audit = json.loads(heard[AUDIT])
    assert audit["response"].encode() == heard.get(reply, audit["response"].encode())
    assert all(audit.pop(name) for name in OPTED)
    audit["client"] = sorted(audit["client"])
    audit["response"] = masked(audit["response"].encode())
    return audit


def listen(client: RawClient) -> None:
    client.send(f"SUB {AUDIT} 77\r\n".encode())
    client.settle()


def silent(client: RawClient) -> None:
    client.send(b"UNSUB 77\r\n")
    client.settle()
    wait_for(lambda: client.message(0.05) is None)


STREAM = b'{"name":"A","subjects":["A.>"],"storage":"memory","allow_direct":true}'
CONSUMER = b'{"stream_name":"A","config":{"ack_policy":"explicit"}}'
REQUESTS = (
    ("INFO", b""),
    ("STREAM.CREATE.A", STREAM),
    ("STREAM.CREATE.A", b'{"name":"B"}'),
    ("STREAM.UPDATE.A", STREAM),
    ("STREAM.NAMES", b""),
    ("STREAM.LIST", b'junk <&> \xff"'),
    ("STREAM.INFO.Z", b""),
    ("STREAM.MSG.GET.A", b'{"seq":99}'),
    ("STREAM.MSG.DELETE.A", b'{"seq":99}'),
    ("STREAM.PURGE.A", b""),
    ("STREAM.PURGE.Z", b""),
    ("CONSUMER.CREATE.A.c", CONSUMER),
    ("CONSUMER.CREATE.A.c.x", b"{bad"),
    ("CONSUMER.INFO.A.c", b""),
    ("CONSUMER.PAUSE.A.c", b"{}"),
    ("CONSUMER.UNPIN.A.c", b'{"group":"G"}'),
    ("CONSUMER.DELETE.A.c", b""),
    ("STREAM.SNAPSHOT.A", b"{}"),
    ("STREAM.LEADER.STEPDOWN.A", b""),
    ("STREAM.DELETE.A", b""),
)


def test_who_asked_what_and_what_was_answered(both):
    def ask(client):
        listen(client)
        out = [told(client, verb, body) for verb, body in REQUESTS]
        silent(client)
        return out

    heard = both.each(ask)
    assert [audit["subject"] for audit in heard] == [f"$JS.API.{verb}" for verb, _ in REQUESTS]
    assert "request" not in heard[0]
    assert heard[1]["request"] == STREAM.decode()


def test_nothing_is_told_of_what_is_not_counted(both):
    def ask(client):
        client.api("STREAM.CREATE.N", {"name": "N", "subjects": ["N.>"], "allow_direct": True})
        client.request("N.1", b"x")
        body = {"stream_name": "N", "config": {"ack_policy": "explicit"}}
        client.api("CONSUMER.CREATE.N.c", body)
        listen(client)
        out = [
            told(client, verb, body)
            for verb, body in (
                ("STREAM.MSG.GET.N", b'{"seq":1}'),
                ("CONSUMER.RESET.N.c", b""),
                ("CONSUMER.MSG.NEXT.N.c", b'{"no_wait":true}'),
                ("DIRECT.GET.N", b'{"seq":1}'),
                ("NO.SUCH.THING", b""),
            )
        ]
        silent(client)
        return out

    assert both.each(ask) == [None] * 5


def test_who_wants_no_answer_is_told_of_too(both):
    def ask(client):
        listen(client)
        out = told(client, "STREAM.NAMES", reply="")
        silent(client)
        return out["subject"], json.loads(out["response"])["type"]

    subject, kind = both.each(ask)
    assert (subject, kind) == (
        "$JS.API.STREAM.NAMES",
        "io.nats.jetstream.api.v1.stream_names_response",
    )
