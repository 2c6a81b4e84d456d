"""/jsz from a snapshot."""

import json

import pytest
from msgspec.structs import replace

from isthmus.base.values import to_json
from isthmus.jetstream.consumer_config import ConsumerConfig
from isthmus.jetstream.responses import ConsumerInfo, SequencePair, StreamState
from isthmus.jetstream.stream_config import StreamConfig
from isthmus.monitor.documents import COMPACT, INDENTED, indented
from isthmus.monitor.jsz import SLICE, JszQuery, make_jsz, write_account, write_jsz
from isthmus.monitor.snapshots import (
    AccountSnapshot,
    ConsumerSnapshot,
    JetStreamSnapshot,
    ServerSnapshot,
    StreamSnapshot,
)

SERVER = ServerSnapshot(server_id="NA", server_name="n", start_ns=0, now_ns=1)
CONSUMER = ConsumerSnapshot(
    name="C",
    info=ConsumerInfo(
        stream_name="S",
        name="C",
        created="2026-01-31T12:00:00Z",
        config=ConsumerConfig(),
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
    created_ns=1_769_860_800_000_000_000,
    config=StreamConfig(name="S"),
    state=StreamState(messages=3),
    consumers=(CONSUMER,),
)
ACCOUNTS = (
    AccountSnapshot(name="A", storage=10, max_storage=20, api_total=4, streams=(STREAM,)),
    AccountSnapshot(name="B"),
)
JETSTREAM = JetStreamSnapshot(
    store_dir="d/jetstream",
    storage=10,
    streams=1,
    consumers=1,
    messages=3,
    enabled_accounts=2,
    accounts=ACCOUNTS,
)


def jsz(jetstream=JETSTREAM, **query):
    return json.loads(indented(make_jsz(SERVER, jetstream, JszQuery(**query))))


def test_the_fields_and_their_order():
    fields = "memory storage reserved_memory reserved_storage accounts ha_assets api server_id now"
    fields += " config limits streams consumers messages bytes total"
    assert " ".join(jsz()) == fields


def test_jetstream_that_is_off():
    document = jsz(None)
    assert document["disabled"] is True
    assert document["config"] == {"max_memory": 0, "max_storage": 0}
    assert document["api"] == {"level": 0, "total": 0, "errors": 0}
    assert document["total"] == 0


def test_accounts_are_shown_when_asked_for():
    assert "account_details" not in jsz()
    assert jsz(accounts=True)["account_details"] == [
        {
            "name": "A",
            "id": "A",
            "memory": 0,
            "storage": 10,
            "reserved_memory": 2**64 - 1,
            "reserved_storage": 20,
            "accounts": 0,
            "ha_assets": 0,
            "api": {"level": 0, "total": 4, "errors": 0},
        },
        {
            "name": "B",
            "id": "B",
            "memory": 0,
            "storage": 0,
            "reserved_memory": 2**64 - 1,
            "reserved_storage": 2**64 - 1,
            "accounts": 0,
            "ha_assets": 0,
            "api": {"level": 0, "total": 0, "errors": 0},
        },
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"accounts": True, "limit": 1}, ["A"]),
        ({"accounts": True, "offset": 1}, ["B"]),
        ({"accounts": True, "offset": -1}, ["A", "B"]),
        ({"accounts": True, "limit": -1}, ["A", "B"]),
        ({"accounts": True, "offset": 9}, []),
        ({"account": "B"}, ["B"]),
        ({"account": "B", "offset": 9}, ["B"]),
        ({"account": "Z"}, []),
        ({"streams": True}, ["A", "B"]),
    ],
)
def test_which_accounts(query, names):
    document = jsz(**query)
    assert [one["name"] for one in document.get("account_details", [])] == names
    assert document["total"] == 2


def streams(**query):
    return jsz(**query)["account_details"][0].get("stream_detail")


def test_streams_have_a_state():
    (stream,) = streams(streams=True)
    assert list(stream) == ["name", "created", "cluster", "state"]
    assert stream["created"] == "2026-01-31T12:00:00Z"
    assert stream["cluster"] == {"leader": "n"}
    assert stream["state"]["messages"] == 3
    assert streams(accounts=True) is None


def test_streams_have_a_configuration_when_asked_for():
    assert streams(streams=True, config=True)[0]["config"]["name"] == "S"


def test_consumers_come_with_their_stream():
    (stream,) = streams(consumers=True)
    (consumer,) = stream["consumer_detail"]
    assert consumer["name"] == "C"
    assert "config" not in consumer
    (stream,) = streams(consumers=True, config=True)
    assert "config" in stream["consumer_detail"][0]


def test_one_server_leads_everything():
    document = jsz(leaders=True)
    assert (document["streams_leader"], document["consumers_leader"]) == (1, 1)


@pytest.mark.parametrize("streams", [0, 1, 40])
@pytest.mark.parametrize(
    "query", [{"accounts": True}, {"streams": True}, {"consumers": True, "config": True}]
)
def test_what_is_written_in_slices_is_the_document(streams, query):
    many = tuple(replace(STREAM, name=f"<{number}>") for number in range(streams))
    accounts = (*(replace(ACCOUNTS[0], name=name, streams=many) for name in "AB"), ACCOUNTS[1])
    jetstream = replace(JETSTREAM, accounts=accounts)
    asked = JszQuery(**query)
    whole = make_jsz(SERVER, jetstream, asked)
    least = 0 if query == {"accounts": True} else 2 * (streams // SLICE)
    pieces = list(write_jsz(SERVER, jetstream, asked, INDENTED))
    assert b"".join(pieces) == indented(whole)
    assert len(pieces) >= least
    pieces = list(write_jsz(SERVER, jetstream, asked, COMPACT))
    assert b"".join(pieces) == to_json(whole)
    assert len(pieces) >= least
    for account, one in zip(accounts, whole.account_details, strict=True):
        alone = write_account(account, SERVER.server_name, asked, COMPACT)
        assert b"".join(alone) == to_json(one)


def test_without_jetstream_both_say_so():
    document = make_jsz(SERVER, None, JszQuery())
    assert document.disabled
    assert b"".join(write_jsz(SERVER, None, JszQuery(), INDENTED)) == indented(document)
    assert b"".join(write_jsz(SERVER, None, JszQuery(), COMPACT)) == to_json(document)
