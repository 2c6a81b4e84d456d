"""Answers as captured from the real server, made again from values."""

import json

import pytest

from isthmus.jetstream import consumer_rules, stream_rules
from isthmus.jetstream.limits import AccountLimits
from isthmus.jetstream.responses import (
    AccountDetails,
    ApiStatistics,
    Cluster,
    ConsumerInfo,
    ConsumerNames,
    Created,
    MessageGot,
    Paged,
    Purged,
    Response,
    SequencePair,
    StoredMessage,
    StreamInfo,
    StreamList,
    StreamNames,
    StreamState,
    Success,
    Tier,
    to_body,
)
from support.jetstream_values import consumer_config, stream_config

V1 = "io.nats.jetstream.api.v1."

ORDERS_CONFIG = (
    b'"config":{"name":"ORDERS","subjects":["orders.\\u003e"],"retention":"limits",'
    b'"max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,'
    b'"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,'
    b'"duplicate_window":120000000000,"compression":"none","allow_direct":false,'
    b'"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,'
    b'"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,"metadata":{'
)
SHOWN = b'"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1"}}'


def orders():
    return stream_config({"name": "ORDERS", "subjects": ["orders.>"]})


def test_a_stream_is_created():
    info = StreamInfo(
        config=stream_rules.shown(orders()),
        created="2026-11-23T03:21:11.60954538Z",
        state=StreamState(),
        ts="2026-11-23T03:21:11.611202164Z",
    )
    assert to_body(Response(type=f"{V1}stream_create_response"), info, Created()) == (
        b'{"type":"io.nats.jetstream.api.v1.stream_create_response",' + ORDERS_CONFIG + SHOWN +
        b',"created":"2026-11-23T03:21:11.60954538Z","state":{"messages":0,"bytes":0,"first_seq":0,'
        b'"first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z",'
        b'"consumer_count":0},"ts":"2026-11-23T03:21:11.611202164Z","did_create":true}'
    )  # fmt: skip


def test_a_stream_is_described_with_its_subjects():
    info = StreamInfo(
        config=stream_rules.shown(orders()),
        created="2026-11-23T03:21:11.60954538Z",
        state=StreamState(
            messages=5, bytes=409, first_seq=1, first_ts="2026-11-23T03:21:11.755729319Z",
            last_seq=5, last_ts="2026-11-23T03:21:12.30483253Z", num_subjects=4,
            subjects={"orders.a": 1, "orders.new": 2, "orders.q": 1, "orders.zz": 1},
        ),
        cluster=Cluster(leader="S1"),
        ts="2026-11-23T03:21:12.748998029Z",
    )  # fmt: skip
    head = Paged(type=f"{V1}stream_info_response", total=4, limit=100_000)
    assert to_body(head, info) == (
        b'{"type":"io.nats.jetstream.api.v1.stream_info_response","total":4,"offset":0,'
        b'"limit":100000,' + ORDERS_CONFIG + SHOWN +
        b',"created":"2026-11-23T03:21:11.60954538Z","state":{"messages":5,"bytes":409,'
        b'"first_seq":1,"first_ts":"2026-11-23T03:21:11.755729319Z","last_seq":5,'
        b'"last_ts":"2026-11-23T03:21:12.30483253Z","num_subjects":4,"subjects":{"orders.a":1,'
        b'"orders.new":2,"orders.q":1,"orders.zz":1},"consumer_count":0},"cluster":{"leader":"S1"},'
        b'"ts":"2026-11-23T03:21:12.748998029Z"}'
    )  # fmt: skip


def test_a_list_shows_what_is_stored_and_no_more():
    info = StreamInfo(
        config=orders(),
        created="2026-11-23T03:21:11.60954538Z",
        state=StreamState(num_deleted=3, last_seq=11),
        domain="ngs",
        ts="2026-11-23T03:21:13.016934206Z",
    )
    answer = StreamList(type=f"{V1}stream_list_response", total=1, limit=256, streams=(info,))
    assert to_body(answer) == (
        b'{"type":"io.nats.jetstream.api.v1.stream_list_response","total":1,"offset":0,"limit":256,'
        b'"streams":[{' + ORDERS_CONFIG + b'"_nats.req.level":"0"}},'
        b'"created":"2026-11-23T03:21:11.60954538Z","state":{"messages":0,"bytes":0,"first_seq":0,'
        b'"first_ts":"0001-01-01T00:00:00Z","last_seq":11,"last_ts":"0001-01-01T00:00:00Z",'
        b'"num_deleted":3,"consumer_count":0},"domain":"ngs","ts":"2026-11-23T03:21:13.016934206Z"}]}'
    )  # fmt: skip


def test_names_of_nothing_are_null():
    answer = StreamNames(type=f"{V1}stream_names_response", limit=1024)
    assert to_body(answer) == (
        b'{"type":"io.nats.jetstream.api.v1.stream_names_response","total":0,"offset":0,'
        b'"limit":1024,"streams":null}'
    )
    named = StreamNames(type=f"{V1}stream_names_response", total=1, limit=1024, streams=("ORDERS",))
    assert to_body(named).endswith(b'"limit":1024,"streams":["ORDERS"]}')
    names = ConsumerNames(
        type=f"{V1}consumer_names_response", total=4, limit=1024, consumers=("C1", "D1")
    )
    assert to_body(names).endswith(b'"total":4,"offset":0,"limit":1024,"consumers":["C1","D1"]}')


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (
            Success(type=f"{V1}stream_delete_response", success=True),
            b'{"type":"io.nats.jetstream.api.v1.stream_delete_response","success":true}',
        ),
        (
            Purged(type=f"{V1}stream_purge_response", success=True, purged=4),
            b'{"type":"io.nats.jetstream.api.v1.stream_purge_response","success":true,"purged":4}',
        ),
        (
            MessageGot(
                type=f"{V1}stream_msg_get_response",
                message=StoredMessage(
                    subject="orders.a", seq=3, hdrs=b"NATS/1.0\r\nNats-Msg-Id: id1\r\n\r\n",
                    data=b"1", time="2026-11-23T03:21:11.907531662Z",
                ),
            ),
            (b'{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{'
            b'"subject":"orders.a","seq":3,"hdrs":"TkFUUy8xLjANCk5hdHMtTXNnLUlkOiBpZDENCg0K",'
            b'"data":"MQ==","time":"2026-11-23T03:21:11.907531662Z"}}'),
        ),
    ],
)  # fmt: skip
def test_small_answers(answer, body):
    assert to_body(answer) == body


def test_an_empty_message_has_no_data():
    message = StoredMessage(subject="a", seq=1, time="t")
    answer = to_body(MessageGot(type="x", message=message))
    assert json.loads(answer)["message"] == {"subject": "a", "seq": 1, "time": "t"}


def test_an_account_is_described():
    limits = AccountLimits(
        max_memory=10485760, max_storage=20971520, max_streams=3, max_consumers=4,
        max_ack_pending=50, storage_max_stream_bytes=5242880, max_bytes_required=True,
    )  # fmt: skip
    usage = Tier(storage=40, reserved_storage=10000000, streams=2, consumers=4, limits=limits)
    details = AccountDetails(domain="ngs", api=ApiStatistics(level=5, total=15, errors=6))
    assert to_body(Response(type=f"{V1}account_info_response"), usage, details) == (
        b'{"type":"io.nats.jetstream.api.v1.account_info_response","memory":0,"storage":40,'
        b'"reserved_memory":0,"reserved_storage":10000000,"streams":2,"consumers":4,"limits":{'
        b'"max_memory":10485760,"max_storage":20971520,"max_streams":3,"max_consumers":4,'
        b'"max_ack_pending":50,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":5242880,'
        b'"max_bytes_required":true},"domain":"ngs","api":{"level":5,"total":15,"errors":6}}'
    )


def test_a_consumer_is_described():
    config = consumer_config({"durable_name": "C1", "name": "C1", "ack_policy": "explicit"})
    info = ConsumerInfo(
        stream_name="S",
        name="C1",
        created="2026-11-23T03:22:19.797367687Z",
        config=consumer_rules.shown(config),
        delivered=SequencePair(
            consumer_seq=6, stream_seq=6, last_active="2026-11-23T03:22:24.500858186Z"
        ),
        ack_floor=SequencePair(),
        num_ack_pending=3,
        num_redelivered=0,
        num_waiting=0,
        num_pending=0,
        ts="2026-11-23T03:22:25.094318455Z",
    )
    assert to_body(Response(type=f"{V1}consumer_info_response"), info) == (
        b'{"type":"io.nats.jetstream.api.v1.consumer_info_response","stream_name":"S","name":"C1",'
        b'"created":"2026-11-23T03:22:19.797367687Z","config":{"durable_name":"C1","name":"C1",'
        b'"deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,'
        b'"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0,'
        b'"metadata":{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1"}},'
        b'"delivered":{"consumer_seq":6,"stream_seq":6,'
        b'"last_active":"2026-11-23T03:22:24.500858186Z"},"ack_floor":{"consumer_seq":0,'
        b'"stream_seq":0},"num_ack_pending":3,"num_redelivered":0,"num_waiting":0,"num_pending":0,'
        b'"ts":"2026-11-23T03:22:25.094318455Z"}'
    )
