"""What the rules say of a configuration is what the real server answers to it.

The pure functions stand alone here: no server of ours runs. Each config goes to the real server as
CREATE or UPDATE; the normalised config it prints, or its error, must be ours to the byte.
"""

import json

import pytest

from isthmus.base.errors import JetStreamError
from isthmus.base.values import to_json
from isthmus.jetstream import api, consumer_requests, consumer_rules, stream_rules
from isthmus.jetstream.limits import AccountLimits, AccountUsage, ServerLimits
from support.jetstream_cases import CONSUMER_CASES, STREAM_CASES, S, singles_and_pairs
from support.raw import RawClient

pytestmark = pytest.mark.oracle

OTHER = {"name": "DN", "subjects": ["dn.>"]}
LIMITED = ServerLimits(duplicate_window_ns=60 * S, max_ack_pending=200, max_request_batch=100)
LIMITED_CONFIG = """
jetstream { limits { duplicate_window: "1m", max_ack_pending: 200, max_request_batch: 100 } }
"""
STREAM_LIMITS = {"max_ack_pending": 150, "inactive_threshold": 3 * S}


@pytest.fixture
def start_real(start_server, tmp_path):
    def start(config=""):
        flags = ["-js", "-sd", str(tmp_path / "store")]
        return RawClient(start_server("real", *flags, config=config).port)

    return start


def read(verb, body):
    found = api.find(f"$JS.API.{verb}")
    assert found is not None
    return api.read(found[0], json.dumps(body).encode())


def error_of(error):
    return error.code, error.err_code, error.description


def our_stream(name, body, *, server=ServerLimits(), account=AccountLimits(), others=(), old=None):
    """The config we keep, or our error."""
    try:
        request = read(f"STREAM.CREATE.{name}", body)
        if old is None:
            stream_rules.require_creatable(name, request)
            stream_rules.require_room(request, account, AccountUsage(streams=len(others)))
        config = stream_rules.normalise(
            request.config(), server=server, account=account, pedantic=request.pedantic
        )
        if old is not None:
            config = stream_rules.apply_update(old, config)
        stream_rules.require_no_overlap(config, others)
    except JetStreamError as error:
        return error_of(error)
    return config


def our_consumer(verb, body, *, stream, server=ServerLimits(), account=AccountLimits(), old=None):
    try:
        request = read(verb, body)
        subject = consumer_requests.parse_create_subject(f"$JS.API.{verb}")
        config = consumer_rules.normalise(
            consumer_requests.require_agreement(subject, request),
            stream=stream,
            server=server,
            account=account,
            pedantic=request.pedantic,
        )
        if old is not None and not consumer_rules.same(old, config):
            consumer_rules.require_update(old, config)
    except JetStreamError as error:
        return error_of(error)
    return config


def shown(outcome, rules):
    return outcome if isinstance(outcome, tuple) else to_json(rules.shown(outcome))


def their_answer(raw, following):
    """The real server's error, or the bytes of the config it prints."""
    answer = json.loads(raw)
    if "error" in answer:
        return tuple(answer["error"].values())
    start = raw.index(b'"config":') + len(b'"config":')
    return raw[start : raw.index(following)]


def differences(found):
    return [f"{name}\n  real {real}\n  ours {ours}" for name, real, ours in found if real != ours]


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("pedantic", [False, True])
def test_streams_are_created_as_the_real_server_creates_them(start_real, limited, pedantic):
    client = start_real(LIMITED_CONFIG if limited else "")
    server = LIMITED if limited else ServerLimits()
    client.api("STREAM.CREATE.DN", OTHER)
    other = our_stream("DN", OTHER, server=server)
    cases = STREAM_CASES.items() if limited else singles_and_pairs(STREAM_CASES)
    found = []
    for name, case in cases:
        body = {"name": "X", **case, **({"pedantic": True} if pedantic else {})}
        real = their_answer(client.api(f"STREAM.CREATE.{body['name']}", body), b',"created"')
        ours = our_stream(body["name"], body, server=server, others=[other])
        found.append((name, real, shown(ours, stream_rules)))
        if isinstance(real, bytes):
            client.api(f"STREAM.DELETE.{body['name']}")
    assert len(found) > 90
    assert differences(found) == []


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("pedantic", [False, True])
@pytest.mark.parametrize("base", [{"durable_name": "C", "ack_policy": "explicit"}, {"name": "C"}])
def test_consumers_are_created_as_the_real_server_creates_them(start_real, limited, pedantic, base):
    client = start_real(LIMITED_CONFIG if limited else "")
    server = LIMITED if limited else ServerLimits()
    stream = {"name": "S", "subjects": ["s.>"], "consumer_limits": STREAM_LIMITS if limited else {}}
    assert b'"error"' not in client.api("STREAM.CREATE.S", stream)
    our_s = our_stream("S", stream, server=server)
    pairs = "ack_policy" in base and not limited
    cases = singles_and_pairs(CONSUMER_CASES) if pairs else CONSUMER_CASES.items()
    found = []
    for name, case in cases:
        body = {"stream_name": "S", "config": {**base, **case}}
        if pedantic:
            body["pedantic"] = True
        real = their_answer(client.api("CONSUMER.CREATE.S.C", body), b',"delivered"')
        ours = our_consumer("CONSUMER.CREATE.S.C", body, stream=our_s, server=server)
        found.append((name, real, shown(ours, consumer_rules)))
        if isinstance(real, bytes):
            client.api("CONSUMER.DELETE.S.C")
    assert len(found) > 90
    assert differences(found) == []
