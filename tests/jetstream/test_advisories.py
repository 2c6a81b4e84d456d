"""Events as captured from the real server, made again from values."""

import msgspec
import pytest

from isthmus.base.values import to_json
from isthmus.jetstream import advisories
from isthmus.jetstream.advisories import (
    Acknowledged,
    Action,
    ApiAudit,
    ConsumerAction,
    MaxDeliveries,
    Naked,
    Pinned,
    StreamAction,
    Terminated,
    Unpinned,
)

HEAD = {"id": "QQ27A0TSM6LcbkgebEgMYe", "timestamp": "2026-11-23T03:23:32.384923271Z"}
V1 = b'{"type":"io.nats.jetstream.advisory.v1.'
WHEN = b'"id":"QQ27A0TSM6LcbkgebEgMYe","timestamp":"2026-11-23T03:23:32.384923271Z",'
EVENT = "$JS.EVENT.ADVISORY."


@pytest.mark.parametrize(
    ("advisory", "subject", "body"),
    [
        (
            StreamAction(**HEAD, stream="R", action=Action.MODIFY),
            f"{EVENT}STREAM.UPDATED.R",
            V1 + b'stream_action",' + WHEN + b'"stream":"R","action":"modify"}',
        ),
        (
            StreamAction(**HEAD, stream="S", action=Action.CREATE, domain="hub"),
            f"{EVENT}STREAM.CREATED.S",
            V1 + b'stream_action",' + WHEN + b'"stream":"S","action":"create","domain":"hub"}',
        ),
        (
            ConsumerAction(**HEAD, stream="I", consumer="ib", action=Action.DELETE),
            f"{EVENT}CONSUMER.DELETED.I.ib",
            V1 + b'consumer_action",' + WHEN + b'"stream":"I","consumer":"ib","action":"delete"}',
        ),
        (
            MaxDeliveries(**HEAD, stream="R", consumer="md", stream_seq=1, deliveries=2),
            f"{EVENT}CONSUMER.MAX_DELIVERIES.R.md",
            V1 + b'max_deliver",' + WHEN
            + b'"stream":"R","consumer":"md","stream_seq":1,"deliveries":2}',
        ),
        (
            Naked(**HEAD, stream="R", consumer="nd", consumer_seq=3, stream_seq=2, deliveries=2),
            f"{EVENT}CONSUMER.MSG_NAKED.R.nd",
            V1 + b'nak",' + WHEN
            + b'"stream":"R","consumer":"nd","consumer_seq":3,"stream_seq":2,"deliveries":2}',
        ),
        (
            Terminated(
                **HEAD, stream="W", consumer="wa", consumer_seq=2, stream_seq=3, deliveries=1,
                reason="why",
            ),
            f"{EVENT}CONSUMER.MSG_TERMINATED.W.wa",
            V1 + b'terminated",' + WHEN
            + b'"stream":"W","consumer":"wa","consumer_seq":2,"stream_seq":3,"deliveries":1,'
            b'"reason":"why"}',
        ),
        (
            Pinned(
                **HEAD, account="$G", stream="G", consumer="p", domain="hub", group="A",
                pinned_id="I",
            ),
            f"{EVENT}CONSUMER.PINNED.G.p",
            V1 + b'consumer_group_pinned",' + WHEN
            + b'"account":"$G","stream":"G","consumer":"p","domain":"hub","group":"A",'
            b'"pinned_id":"I"}',
        ),
        (
            Unpinned(**HEAD, account="$G", stream="G", consumer="p", group="A", reason="admin"),
            f"{EVENT}CONSUMER.UNPINNED.G.p",
            V1 + b'consumer_group_unpinned",' + WHEN
            + b'"account":"$G","stream":"G","consumer":"p","group":"A","reason":"admin"}',
        ),
        (
            Acknowledged(
                **HEAD, stream="R", consumer="sm", consumer_seq=1, stream_seq=2, ack_time_ns=3,
                deliveries=4, domain="hub",
            ),
            "$JS.EVENT.METRIC.CONSUMER.ACK.R.sm",
            V1.replace(b"advisory", b"metric") + b'consumer_ack",' + WHEN
            + b'"stream":"R","consumer":"sm","consumer_seq":1,"stream_seq":2,"ack_time":3,'
            b'"deliveries":4,"domain":"hub"}',
        ),
    ],
)  # fmt: skip
def test_an_event_is_printed_as_the_original_prints_it(advisory, subject, body):
    assert advisory.subject == subject
    assert to_json(advisory) == body


def test_a_request_is_reported_with_its_answer():
    audit = ApiAudit(
        **HEAD,
        server="S1",
        client=msgspec.Raw(b'{"acc":"A","name":"n\\u003c1\\u003e"}'),
        api_subject="$JS.API.STREAM.CREATE.S",
        request='{"subjects":["s.>"]}',
        response='{"type":"x","subjects":["s.\\u003e"]}',
        domain="hub",
    )
    assert audit.subject == "$JS.EVENT.ADVISORY.API"
    assert to_json(audit) == (
        V1 + b'api_audit",' + WHEN + b'"server":"S1","client":{"acc":"A",'
        b'"name":"n\\u003c1\\u003e"},"subject":"$JS.API.STREAM.CREATE.S",'
        b'"request":"{\\"subjects\\":[\\"s.\\u003e\\"]}",'
        b'"response":"{\\"type\\":\\"x\\",\\"subjects\\":[\\"s.\\\\u003e\\"]}","domain":"hub"}'
    )  # fmt: skip


def test_a_request_without_a_body_is_reported_without_one():
    audit = ApiAudit(
        **HEAD, server="S1", client=msgspec.Raw(b"{}"), api_subject="$JS.API.INFO", response="{}"
    )
    assert b'"subject":"$JS.API.INFO","response":"{}"}' in to_json(audit)


def test_a_message_that_is_gone_is_terminated_in_these_words():
    assert advisories.DELETED_REASON == "Unacknowledged message was deleted"
