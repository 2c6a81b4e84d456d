"""Bodies of requests are read, and refused, as the real server does it: the same bytes.

Only the answers of the real server are compared with: no server of ours runs.
"""

import json

import pytest

from isthmus.base.errors import JetStreamError
from isthmus.base.headers import make_headers
from isthmus.base.values import to_json
from isthmus.jetstream import api, consumer_requests, errors, pulls, stream_rules
from isthmus.jetstream.consumer_config import ConsumerConfig, ConsumerCreateRequest
from isthmus.jetstream.decoding import decode
from isthmus.jetstream.limits import AccountLimits, AccountUsage, ServerLimits
from isthmus.jetstream.stream_config import StreamConfigRequest
from support.jetstream_bodies import BODIES, PULLS
from support.jetstream_cases import S
from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One server for all: a test leaves nothing behind but the empty stream S."""
    folder = tmp_path_factory.mktemp("bodies")
    server = ServerProcess("real", folder, "-js", "-sd", str(folder / "store"))
    with server, RawClient(server.port) as client:
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        yield client


@pytest.mark.parametrize("verb", BODIES)
def test_bodies_are_refused_as_the_real_server_refuses_them(client, verb):
    endpoint, names = api.find(f"$JS.API.{verb}")
    answers = []
    for body in BODIES[verb]:
        try:
            request = api.read(endpoint, body)
            if endpoint.handler == "clustering_required":
                raise errors.make(errors.CLUSTERING_REQUIRED)
            if isinstance(request, ConsumerCreateRequest):
                subject = consumer_requests.parse_create_subject(f"$JS.API.{verb}")
                consumer_requests.require_agreement(subject, request)
            if isinstance(request, StreamConfigRequest):
                stream_rules.require_creatable(names[0], request, AccountLimits(), AccountUsage())
        except JetStreamError as error:
            ours = api.refuse(endpoint, error)
        else:
            ours = b"not refused"
        answers.append((body, client.api(verb, body), ours))
    assert [answer for answer in answers if answer[1] != answer[2]] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"X","max_msgs":-0}',
        b'{"NAME":"X","Subjects":["a"],"MAX_MSGS":5}',
        b'{"name":"X","max_msgs":5,"MAX_MSGS":6,"max_msgs":7}',
        b'{"name":"X","consumer_limits":{"max_ack_pending":5},"CONSUMER_LIMITS":{}}',
        b'{"name":"X","metadata":{"a":"1"},"metadata":{"b":"2"}}',
        b'{"name":"X","subjects":["a","b"],"subjects":["c"]}',
        b'{"name":"X","subjects":["a","b"],"subjects":null}',
        b'{"name":"X","description":"\\u2028<>&\\u0007\\b\x7f\\ud83d\\ude00 \\ud800x"}',
        b'{"name":"X","description":"\xff\xe2\x82"}',
        b'{"name":"X","metadata":{"a":null}}',
        b'{"name":"X","max_age":null,"mirror":null}',
        b'{"na\\u006de":"X"}',
        b'{"name":"X"}{"description":"d"}',
        b'{"name":"X"} null',
        b'{"name":"X","\xc5\xbfealed":false}',
        b'{"name":"X","first_seq":18446744073709551615}',
        b'{"name":"X","persist_mode":""}',
        b'{"name":"X","persist_mode":"default"}',
    ],
)
def test_bodies_are_read_as_the_real_server_reads_them(client, body):
    raw = client.api("STREAM.CREATE.X", body)
    client.api("STREAM.DELETE.X")
    real = raw[raw.index(b'"config":') + 9 : raw.index(b',"created"')]
    found = api.find("$JS.API.STREAM.CREATE.X")
    request = api.read(found[0], body)
    config = stream_rules.normalise(
        request.config(), server=ServerLimits(), account=AccountLimits()
    )
    assert to_json(stream_rules.shown(config)) == real


def test_what_is_no_endpoint_gets_no_answer(client):
    verbs = (
        "FOO.BAR STREAM.INFO.A.B STREAM.NAMES.X STREAM.CREATE.a.b CONSUMER.CREATE STREAM.INFO "
        "INFO.X CONSUMER.INFO.X CONSUMER.DURABLE.CREATE.X CONSUMER.DURABLE.CREATE.X.Y.Z "
        "STREAM.MSG.X META.LEADER.STEPDOWN STREAM.TEMPLATE.NAMES"
    )
    for verb in verbs.split():
        client.publish(f"$JS.API.{verb}", reply="_INBOX.silence")
        assert api.find(f"$JS.API.{verb}") is None
    assert client.message(0.3) is None


@pytest.mark.parametrize("config", [
    {},
    {"max_batch": 2, "max_expires": S, "max_bytes": 100},
    {"deliver_subject": "d.x"},
    {"priority_policy": "overflow", "priority_groups": ["A", "B"]},
    {"priority_policy": "pinned_client", "priority_groups": ["A"]},
    {"priority_policy": "prioritized", "priority_groups": ["A"]},
])  # fmt: skip
def test_pulls_are_refused_as_the_real_server_refuses_them(client, config):
    body = {"stream_name": "S", "config": {"durable_name": "C", **config}}
    assert b'"error"' not in client.api("CONSUMER.CREATE.S.C", body)
    ours = decode(ConsumerConfig, json.dumps(body["config"]).encode())
    refused = 0
    for pull in PULLS:
        outcome = pulls.read(pull, ours)
        if isinstance(outcome, bytes):
            message = client.request("$JS.API.CONSUMER.MSG.NEXT.S.C", pull)
            assert message.header == outcome, pull
            assert message.payload == b""
            refused += 1
    client.api("CONSUMER.DELETE.S.C")
    assert refused > 18


@pytest.mark.parametrize("level", ["9", "6", "5", "x", "-1", "", "5.0", " 5", "05", "+5"])
def test_the_required_level_is_read_as_the_real_server_reads_it(client, level):
    header = make_headers([("Nats-Required-Api-Level", level)])
    real = client.request("$JS.API.STREAM.INFO.NOPE", header=header).payload
    endpoint, _ = api.find("$JS.API.STREAM.INFO.NOPE")
    try:
        api.require_level(level)
        error = errors.make(errors.STREAM_NOT_FOUND)
    except JetStreamError as refused:
        error = refused
    assert api.refuse(endpoint, error) == real
