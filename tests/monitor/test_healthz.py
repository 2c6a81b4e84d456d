"""/healthz from a snapshot."""

import json

import msgspec
import pytest

from isthmus.base.values import to_json
from isthmus.jetstream.responses import ConsumerInfo, SequencePair, StreamState
from isthmus.jetstream.stream_config import StreamConfig
from isthmus.monitor.healthz import HealthzQuery, make_healthz
from isthmus.monitor.snapshots import (
    AccountSnapshot,
    ConsumerSnapshot,
    JetStreamSnapshot,
    StreamSnapshot,
)

CONSUMER = ConsumerSnapshot(
    name="C",
    info=ConsumerInfo(
        stream_name="S",
        name="C",
        created="2026-01-31T12:00:00Z",
        delivered=SequencePair(),
        ack_floor=SequencePair(),
        num_ack_pending=0,
        num_redelivered=0,
        num_waiting=0,
        num_pending=0,
        ts="2026-01-31T12:00:00Z",
    ),
)
STREAM = StreamSnapshot(
    name="S",
    created_ns=0,
    config=StreamConfig(name="S"),
    state=StreamState(),
    consumers=(CONSUMER,),
)
GOOD = JetStreamSnapshot(accounts=(AccountSnapshot(name="A", streams=(STREAM,)),))
BROKEN = JetStreamSnapshot(
    accounts=(
        AccountSnapshot(
            name="A", streams=(msgspec.structs.replace(STREAM, write_error="disk full"),)
        ),
    )
)
STOPPED = JetStreamSnapshot(problem="journal: Input/output error")
OK = (200, {"status": "ok"})


def healthz(jetstream=GOOD, **query):
    status, document = make_healthz(jetstream, HealthzQuery(**query))
    return status, json.loads(to_json(document))


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"details": True},
        {"account": "A"},
        {"account": "A", "stream": "S"},
        {"account": "A", "stream": "S", "consumer": "C"},
        {"shallow": True},
        {"shallow": True, "account": "Z"},
    ],
)
def test_all_is_well(query):
    assert healthz(**query) == OK


def test_a_server_without_jetstream_is_well():
    assert healthz(None) == OK
    assert healthz(None, account="A") == OK


@pytest.mark.parametrize(
    ("query", "entry"),
    [
        (
            {"account": "Z"},
            {"type": "ACCOUNT", "account": "Z", "error": 'JetStream account "Z" not found'},
        ),
        (
            {"account": "A", "stream": "Z"},
            {
                "type": "STREAM",
                "account": "A",
                "stream": "Z",
                "error": 'JetStream stream "Z" not found on account "A"',
            },
        ),
        (
            {"account": "A", "stream": "S", "consumer": "Z"},
            {
                "type": "CONSUMER",
                "account": "A",
                "stream": "S",
                "consumer": "Z",
                "error": 'JetStream consumer "Z" not found for stream "S" on account "A"',
            },
        ),
    ],
)
def test_what_does_not_exist(query, entry):
    assert healthz(**query) == (404, {"status": "unavailable", "error": entry["error"]})
    assert healthz(**query, details=True) == (404, {"status": "error", "errors": [entry]})


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"stream": "S"}, '"account" must not be empty when checking stream health'),
        ({"account": "A", "consumer": "C"}, '"stream" must not be empty when checking consumer'),
    ],
)
def test_a_question_that_is_incomplete(query, text):
    status, document = healthz(**query)
    assert (status, document["status"]) == (400, "error")
    assert document["error"].startswith(text)
    assert healthz(**query, details=True)[1]["errors"][0]["type"] == "BAD_REQUEST"


@pytest.mark.parametrize("query", [{}, {"shallow": True}, {"account": "A"}])
def test_a_journal_that_can_not_be_written(query):
    text = "journal: Input/output error"
    assert healthz(STOPPED, **query) == (503, {"status": "unavailable", "error": text})


def test_a_stream_that_can_not_be_written():
    text = "JetStream stream 'A > S' write error: disk full"
    assert healthz(BROKEN) == (503, {"status": "unavailable", "error": text})
    assert healthz(BROKEN, account="A", stream="S")[0] == 503
    assert healthz(BROKEN, shallow=True) == OK


def test_only_the_stream_that_was_asked_for_counts():
    other = AccountSnapshot(name="B", streams=(STREAM,))
    both = msgspec.structs.replace(BROKEN, accounts=(*BROKEN.accounts, other))
    assert healthz(both, account="B") == OK
    assert healthz(both, account="A")[0] == 503
