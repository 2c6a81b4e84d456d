"""/varz from a snapshot."""

import json

from isthmus.base.values import NS_PER_S
from isthmus.monitor.documents import indented
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot
from isthmus.monitor.varz import make_varz
from support.operator_mode import OPERATOR, operator_token

START_NS = 1_769_860_800_000_000_000
# the keys of nats-server 2.15.1 without authentication, tags and operators, in its order
ALWAYS = """
    server_id server_name version proto go host port max_connections ping_interval ping_max
    http_host http_port http_base_path https_port auth_timeout max_control_line max_payload
    max_pending cluster gateway leaf mqtt websocket jetstream tls_timeout write_deadline start now
    uptime mem cores gomaxprocs cpu connections total_connections routes remotes leafnodes in_msgs
    in_bytes in_client_msgs in_client_bytes out_msgs out_bytes out_client_msgs out_client_bytes
    slow_consumers stale_connections stalled_clients subscriptions http_req_stats config_load_time
    config_digest feature_flags system_account slow_consumer_stats stale_connection_stats
    disk_io_wait_stats
"""


def fields(document):
    return " ".join(document)


def words(text):
    return " ".join(text.split())


def snapshot(**more):
    values = {
        "server_id": "NA",
        "server_name": "n",
        "start_ns": START_NS,
        "now_ns": START_NS + 62 * NS_PER_S,
        "system_account": "$SYS",
    }
    return ServerSnapshot(**values | more)


def varz(server=None, jetstream=None, requests=()):
    document = make_varz(server or snapshot(), jetstream, dict(requests))
    return json.loads(indented(document))


def test_the_fields_and_their_order():
    assert fields(varz()) == words(ALWAYS)


def test_what_is_empty_is_left_out():
    server = snapshot(
        auth_required=True,
        max_subscriptions=7,
        tags=("a",),
        metadata={"x": "y"},
        operator_tokens=(operator_token(),),
    )
    assert set(varz(server)) - set(varz()) == {
        "auth_required",
        "max_subscriptions",
        "tags",
        "metadata",
        "trusted_operators_jwt",
        "trusted_operators_claim",
    }


def test_operators_are_shown_as_token_and_as_claims():
    document = varz(snapshot(operator_tokens=(operator_token(),)))
    assert document["trusted_operators_jwt"] == [operator_token()]
    assert document["trusted_operators_claim"][0]["sub"] == OPERATOR.public_key


def test_times_and_counters():
    server = snapshot(in_messages=1, in_bytes=2, out_messages=3, out_bytes=4, slow_consumers=5)
    document = varz(server, requests={"/varz": 2, "/": 1})
    assert document["start"] == "2026-01-31T12:00:00Z"
    assert document["uptime"] == "1m2s"
    assert (document["in_msgs"], document["in_client_bytes"]) == (1, 2)
    assert (document["out_client_msgs"], document["out_bytes"]) == (3, 4)
    assert document["slow_consumer_stats"]["clients"] == 5
    assert list(document["http_req_stats"].items()) == [("/", 1), ("/varz", 2)]


def test_seconds_are_whole_where_they_can_be():
    assert varz()["auth_timeout"] == 2
    assert varz(snapshot(auth_timeout_ns=1_500_000_000))["auth_timeout"] == 1.5


def test_jetstream_is_empty_when_it_is_off():
    assert varz()["jetstream"] == {}


def test_jetstream_has_configuration_use_and_limits():
    jetstream = JetStreamSnapshot(
        store_dir="/d/jetstream",
        domain="hub",
        max_memory=1,
        max_storage=2,
        sync_interval_ns=3,
        sync_always=True,
        memory=4,
        storage=5,
        api_total=6,
        api_errors=7,
        enabled_accounts=1,
    )
    assert varz(jetstream=jetstream)["jetstream"] == {
        "config": {
            "max_memory": 1,
            "max_storage": 2,
            "store_dir": "/d/jetstream",
            "sync_interval": 3,
            "sync_always": True,
            "domain": "hub",
            "strict": True,
        },
        "stats": {
            "memory": 4,
            "storage": 5,
            "reserved_memory": 0,
            "reserved_storage": 0,
            "accounts": 1,
            "ha_assets": 0,
            "api": {"level": 5, "total": 6, "errors": 7},
        },
        "limits": {"default_max_consumers": 1000},
    }
