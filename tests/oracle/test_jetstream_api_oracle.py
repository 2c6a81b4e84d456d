"""What the rules say of a configuration is what the real server answers to it.

The pure functions stand alone here: no server of ours runs. Each config goes to the real server as
CREATE or UPDATE; the normalised config it prints, or its error, must be ours to the byte.
"""

import json
from itertools import product

import pytest

from isthmus.base.errors import JetStreamError
from isthmus.base.values import to_json
from isthmus.jetstream import api, consumer_requests, consumer_rules, errors, stream_rules
from isthmus.jetstream.limits import AccountLimits, AccountUsage, ServerLimits
from isthmus.jetstream.stream_config import Storage
from support.jetstream_cases import CONSUMER_CASES, STREAM_CASES, S, pairs
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
    def start(config="", **connect):
        flags = ["-js", "-sd", str(tmp_path / "store")]
        return RawClient(start_server("real", *flags, config=config).port, **connect)

    return start


def read(verb, body):
    found = api.find(f"$JS.API.{verb}")
    assert found is not None
    return api.read(found[0], json.dumps(body).encode())


def error_of(error):
    return error.code, error.err_code, error.description


def usage_of(streams):
    streams = list(streams)
    reserved = {Storage.FILE: 0, Storage.MEMORY: 0}
    for stream in streams:
        reserved[stream.storage] += max(stream.max_bytes, 0)
    return AccountUsage(
        streams=len(streams),
        reserved_storage=reserved[Storage.FILE],
        reserved_memory=reserved[Storage.MEMORY],
    )


def our_stream(name, body, *, server=ServerLimits(), account=AccountLimits(), others=(), old=None):
    """The config we keep, or our error; `others` may hold a stream of this name."""
    usage = usage_of(other for other in others if other.name != name)
    try:
        request = read(f"STREAM.CREATE.{name}", body)
        if old is None:
            stream_rules.require_creatable(name, request, account, usage)
        config = stream_rules.normalise(
            request.config(), server=server, account=account, pedantic=request.pedantic
        )
        existing = next((other for other in others if other.name == name), None)
        if old is not None:
            config = stream_rules.apply_update(old, config, account, usage)
        elif existing is not None:
            same = stream_rules.same(existing, config)
            return existing if same else error_of(errors.make(errors.STREAM_NAME_IN_USE))
        else:
            stream_rules.require_room(config, account, usage)
        stream_rules.require_no_overlap(config, others)
    except JetStreamError as error:
        return error_of(error)
    return config


def our_consumer(verb, body, *, stream, server=ServerLimits(), account=AccountLimits(), old=None):
    try:
        request = read(verb, body)
        subject = consumer_requests.parse_create_subject(f"$JS.API.{verb}")
        config = consumer_rules.prepare(
            consumer_requests.require_agreement(subject, request),
            stream=stream,
            server=server,
            account=account,
            pedantic=request.pedantic,
            old=old,
        )
        consumer_rules.require_action(request.action, old, config)
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


class Comparison:
    """What the two answered to each case; `ask` puts one case to both.

    A refused case of `ordered` is tried with every other refused one: that shows which is checked
    first.
    """

    def __init__(self, ask, cases, ordered=()):
        self.answers = {name: ask(case) for name, case in cases.items()}
        refused = {name: cases[name] for name in ordered if self.refused(name)}
        self.answers |= {name: ask(case) for name, case in pairs(refused).items()}

    def refused(self, name):
        return isinstance(self.answers[name][0], tuple)

    def differences(self):
        return [
            f"{name}\n  real {real}\n  ours {ours}"
            for name, (real, ours) in self.answers.items()
            if real != ours
        ]


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("pedantic", [False, True])
def test_streams_are_created_as_the_real_server_creates_them(start_real, limited, pedantic):
    client = start_real(LIMITED_CONFIG if limited else "")
    server = LIMITED if limited else ServerLimits()
    client.api("STREAM.CREATE.DN", OTHER)
    other = our_stream("DN", OTHER, server=server)

    def ask(case):
        body = {"name": "X", **case, **({"pedantic": True} if pedantic else {})}
        name = body["name"]
        real = their_answer(client.api(f"STREAM.CREATE.{name}", body), b',"created"')
        if isinstance(real, bytes):
            client.api(f"STREAM.DELETE.{name}")
        return real, shown(our_stream(name, body, server=server, others=[other]), stream_rules)

    comparison = Comparison(ask, STREAM_CASES, () if limited else STREAM_CASES)
    assert len(comparison.answers) > (90 if limited else 1000)
    assert comparison.differences() == []


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("pedantic", [False, True])
@pytest.mark.parametrize("base", [{"durable_name": "C", "ack_policy": "explicit"}, {"name": "C"}])
def test_consumers_are_created_as_the_real_server_creates_them(start_real, limited, pedantic, base):
    client = start_real(LIMITED_CONFIG if limited else "")
    server = LIMITED if limited else ServerLimits()
    stream = {"name": "S", "subjects": ["s.>"], "consumer_limits": STREAM_LIMITS if limited else {}}
    assert b'"error"' not in client.api("STREAM.CREATE.S", stream)
    our_s = our_stream("S", stream, server=server)

    def ask(case):
        body = {"stream_name": "S", "config": {**base, **case}}
        if pedantic:
            body["pedantic"] = True
        real = their_answer(client.api("CONSUMER.CREATE.S.C", body), b',"delivered"')
        if isinstance(real, bytes):
            client.api("CONSUMER.DELETE.S.C")
        ours = our_consumer("CONSUMER.CREATE.S.C", body, stream=our_s, server=server)
        return real, shown(ours, consumer_rules)

    ordered = CONSUMER_CASES if "ack_policy" in base and not limited else ()
    comparison = Comparison(ask, CONSUMER_CASES, ordered)
    assert len(comparison.answers) > (600 if ordered else 90)
    assert comparison.differences() == []


STREAM_BASES = {
    "plain": {},
    "denying": {"deny_delete": True, "deny_purge": True, "allow_msg_ttl": True},
    "scheduling": {"allow_msg_schedules": True},
    "counting": {"allow_msg_counter": True},
    "asynchronous": {"persist_mode": "async"},
    "work queue": {"retention": "workqueue"},
    "interest": {"retention": "interest"},
    "memory": {"storage": "memory"},
    "sourcing": {"sources": [{"name": "DN"}]},
    "marking": {"subject_delete_marker_ttl": S},
}


ORDERED_STREAMS = [name for name, case in STREAM_CASES.items() if "name" not in case]
ORDERED_CONSUMERS = [
    name for name, case in CONSUMER_CASES.items() if not {"name", "durable_name"} & case.keys()
]


def updates(cases, base):
    """Each case alone, and each on top of what is there; none that is about another asset."""
    found = cases | {f"{name} on top": {**base, **case} for name, case in cases.items()}
    return {
        name: case
        for name, case in found.items()
        if case.get("name") in {None, base.get("name")}
        and not (case.get("direct") and case.get("sourcing"))  # each such has a name of its own
    }


@pytest.mark.parametrize("base", STREAM_BASES)
def test_streams_are_updated_as_the_real_server_updates_them(start_real, base):
    client = start_real()
    client.api("STREAM.CREATE.DN", OTHER)
    other = our_stream("DN", OTHER)
    first = {"name": "X", **STREAM_BASES[base]}
    old = our_stream("X", first, others=[other])
    assert b'"error"' not in client.api("STREAM.CREATE.X", first)

    def ask(case):
        body = {"name": "X", **case}
        real = their_answer(client.api("STREAM.UPDATE.X", body), b',"created"')
        if isinstance(real, bytes):
            client.api("STREAM.DELETE.X")
            client.api("STREAM.CREATE.X", first)
        return real, shown(our_stream("X", body, others=[other], old=old), stream_rules)

    cases = updates(STREAM_CASES, STREAM_BASES[base])
    comparison = Comparison(ask, cases, ORDERED_STREAMS if base == "plain" else ())
    assert len(comparison.answers) > 150
    assert comparison.differences() == []


def test_a_sealed_stream_stays_sealed(start_real):
    client = start_real()
    client.api("STREAM.CREATE.X", {"name": "X"})
    config = our_stream("X", {"name": "X"})
    denied = {"deny_delete": True, "deny_purge": True}
    for update in (
        {"sealed": True, "max_age": 5 * S, "allow_rollup_hdrs": True},
        {},
        {"sealed": True},
        {"sealed": True, **denied, "max_age": 5 * S, "max_msgs": 7},
        {"sealed": True, **denied, "allow_rollup_hdrs": True},
    ):
        body = {"name": "X", **update}
        real = their_answer(client.api("STREAM.UPDATE.X", body), b',"created"')
        ours = our_stream("X", body, old=config)
        assert shown(ours, stream_rules) == real
        config = config if isinstance(ours, tuple) else ours
    assert config.sealed


DURABLE = {"durable_name": "C", "ack_policy": "explicit"}
CONSUMER_BASES = {
    "plain": DURABLE,
    "ephemeral": {"name": "C"},
    "push": {**DURABLE, "deliver_subject": "d.x"},
    "push with flow control": {
        **DURABLE, "deliver_subject": "d.x", "flow_control": True, "idle_heartbeat": S,
    },
    "by sequence": {**DURABLE, "deliver_policy": "by_start_sequence", "opt_start_seq": 3},
    "by time": {
        **DURABLE, "deliver_policy": "by_start_time", "opt_start_time": "2020-01-01T00:00:00Z",
    },
    "filtered": {**DURABLE, "filter_subjects": ["s.a", "s.b"], "backoff": [S], "max_deliver": 5},
    "paused": {**DURABLE, "pause_until": "2090-01-01T00:00:00Z"},
    "pinned": {**DURABLE, "priority_policy": "pinned_client", "priority_groups": ["a"]},
    "memory": {**DURABLE, "mem_storage": True},
    "direct": {"name": "C", "deliver_subject": "d.x", "direct": True},
}  # fmt: skip


@pytest.mark.parametrize("base", CONSUMER_BASES)
def test_consumers_are_updated_as_the_real_server_updates_them(start_real, base):
    client = start_real()
    stream = {"name": "S", "subjects": ["s.>"]}
    client.api("STREAM.CREATE.S", stream)
    our_s = our_stream("S", stream)
    first = {"stream_name": "S", "config": CONSUMER_BASES[base]}
    old = our_consumer("CONSUMER.CREATE.S.C", first, stream=our_s)
    assert b'"error"' not in client.api("CONSUMER.CREATE.S.C", first)

    def ask(case):
        body = {"stream_name": "S", "config": {**case, **kept_name(CONSUMER_BASES[base], case)}}
        real = their_answer(client.api("CONSUMER.CREATE.S.C", body), b',"delivered"')
        if isinstance(real, bytes):
            real = their_answer(client.api("CONSUMER.INFO.S.C"), b',"delivered"')
            client.api("CONSUMER.DELETE.S.C")
            client.api("CONSUMER.CREATE.S.C", first)
        ours = our_consumer("CONSUMER.CREATE.S.C", body, stream=our_s, old=old)
        return real, shown(ours, consumer_rules)

    cases = updates(CONSUMER_CASES, CONSUMER_BASES[base])
    comparison = Comparison(ask, cases, ORDERED_CONSUMERS if base == "plain" else ())
    assert len(comparison.answers) > 150
    assert comparison.differences() == []


@pytest.mark.parametrize("exists", [False, True])
def test_an_action_is_carried_out_as_by_the_real_server(start_real, exists):
    client = start_real()
    stream = {"name": "S", "subjects": ["s.>"]}
    client.api("STREAM.CREATE.S", stream)
    our_s = our_stream("S", stream)
    first = {"stream_name": "S", "config": DURABLE}
    old = our_consumer("CONSUMER.CREATE.S.C", first, stream=our_s) if exists else None
    changes = (
        {}, {"max_deliver": 4}, {"ack_policy": "all"}, {"backoff": [-1]}, {"metadata": {"a": "b"}},
        {"metadata": {"_nats.ver": "x"}}, {"metadata": {"_nats.x": "y"}},
    )  # fmt: skip
    for action, change in product(("create", "update", ""), changes):
        if exists:
            client.api("CONSUMER.CREATE.S.C", first)
        body = {"stream_name": "S", "config": {**DURABLE, **change}, "action": action}
        real = their_answer(client.api("CONSUMER.CREATE.S.C", body), b',"delivered"')
        ours = our_consumer("CONSUMER.CREATE.S.C", body, stream=our_s, old=old)
        assert shown(ours, consumer_rules) == real, (action, change)
        client.api("CONSUMER.DELETE.S.C")


def test_limits_of_a_stream_hold_for_the_consumers_it_has(start_real):
    client = start_real()
    stream = {"name": "S", "subjects": ["s.>"]}
    client.api("STREAM.CREATE.S", stream)
    our_s = our_stream("S", stream)
    consumers = {}
    for name, fields in (("a", {"max_ack_pending": -1}), ("b", {"max_ack_pending": 20}),
                         ("c", {"inactive_threshold": 9 * S, "max_ack_pending": 5})):  # fmt: skip
        config = {**DURABLE, "durable_name": name, **fields}
        body = {"stream_name": "S", "config": config}
        client.api(f"CONSUMER.CREATE.S.{name}", body)
        consumers[name] = our_consumer(f"CONSUMER.CREATE.S.{name}", body, stream=our_s)
    for limits in (
        {"max_ack_pending": 19}, {"max_ack_pending": 20}, {"inactive_threshold": 9 * S - 1},
        {"inactive_threshold": 9 * S}, {"max_ack_pending": -1, "inactive_threshold": -1},
    ):  # fmt: skip
        body = {**stream, "consumer_limits": limits}
        real = their_answer(client.api("STREAM.UPDATE.S", body), b',"created"')
        ours = our_stream("S", body, old=our_s)
        try:
            consumer_rules.require_within(ours.consumer_limits, consumers)
        except JetStreamError as error:
            ours = error_of(error)
        assert shown(ours, stream_rules) == real, limits


def kept_name(base, case):
    """The fields without which a case would be about another consumer."""
    kept = {key: base[key] for key in ("durable_name", "ack_policy", "name") if key in base}
    return {key: value for key, value in kept.items() if key not in case}


ACCOUNT_CONFIG = """
accounts {
  A {
    users: [{user: a, password: a}]
    jetstream: {
      max_mem: 10000000, max_file: 20000000, max_streams: 3, max_consumers: 4,
      max_bytes_required: true, disk_max_stream_bytes: 15000000, mem_max_stream_bytes: 6000000,
      max_ack_pending: 50
    }
  }
}
"""
ACCOUNT = AccountLimits(
    max_memory=10_000_000,
    max_storage=20_000_000,
    max_streams=3,
    max_consumers=4,
    max_bytes_required=True,
    storage_max_stream_bytes=15_000_000,
    memory_max_stream_bytes=6_000_000,
    max_ack_pending=50,
)


def test_streams_keep_to_the_account_limits(start_real):
    client = start_real(ACCOUNT_CONFIG, user="a", **{"pass": "a"})
    memory, wordy = {"storage": "memory"}, {"description": "d" * 5000}
    made = {}
    for body in (
        {"name": "A"},
        {"name": "A", "max_bytes": 15_000_001},
        {"name": "A", "max_bytes": 6_000_000, "max_consumers": 5},
        {"name": "A", "max_bytes": 6_000_000, "max_consumers": 4},
        {"name": "A", "max_bytes": 6_000_000, "max_consumers": 4},
        {"name": "A", "max_bytes": 14_000_001},
        {"name": "A", "max_bytes": 15_000_001},
        {"name": "B", "max_bytes": 14_000_001},
        {"name": "B", "max_bytes": 14_000_001, **wordy},
        {"name": "B", "max_bytes": 14_000_001, "subjects": ["A"]},
        {"name": "B", "max_bytes": 14_000_000, "subjects": ["A"]},
        {"name": "B", "max_bytes": 14_000_000, "num_replicas": 2},
        {"name": "M", "max_bytes": 10_000_001, **memory},
        {"name": "M", "max_bytes": 6_000_001, **memory},
        {"name": "M", "max_bytes": 6_000_000, **memory},
        {"name": "N", "max_bytes": 4_000_001, **memory, **wordy},
        {"name": "N", "max_bytes": 4_000_000, **memory, **wordy},
        {"name": "N", **memory},
        {"name": "B", "max_bytes": 14_000_000},
        {"name": "C", "max_bytes": 1000, **wordy},
        {"name": "A", "max_bytes": 6_000_000, "max_consumers": 4},
    ):
        name = body["name"]
        real = their_answer(client.api(f"STREAM.CREATE.{name}", body), b',"created"')
        ours = our_stream(name, body, account=ACCOUNT, others=made.values())
        assert shown(ours, stream_rules) == real, body
        if isinstance(real, bytes):
            made[name] = ours
    assert list(made) == ["A", "M", "B"]
    others = [made["A"], made["B"]]
    for update in (
        {"max_bytes": 6_000_001},
        {"max_bytes": 10_000_000},
        {"max_bytes": 5_000_000, "subjects": ["B"]},
        {"max_bytes": 5_000_000},
        {},
    ):
        body = {"name": "M", **memory, **update}
        real = their_answer(client.api("STREAM.UPDATE.M", body), b',"created"')
        ours = our_stream("M", body, account=ACCOUNT, others=others, old=made["M"])
        assert shown(ours, stream_rules) == real, body


def test_consumers_keep_to_the_account_limits(start_real):
    client = start_real(ACCOUNT_CONFIG, user="a", **{"pass": "a"})
    body = {"name": "S", "max_bytes": 1000, "subjects": ["s.>"]}
    client.api("STREAM.CREATE.S", body)
    stream = our_stream("S", body, account=ACCOUNT)
    for name, fields in (
        ("a", {"max_ack_pending": 51}),
        ("b", {"max_ack_pending": 50}),
        ("c", {}),
        ("d", {"max_ack_pending": -1}),
        ("e", {"ack_policy": "none"}),
    ):
        config = {"durable_name": name, "ack_policy": "explicit", **fields}
        body = {"stream_name": "S", "config": config}
        real = their_answer(client.api(f"CONSUMER.CREATE.S.{name}", body), b',"delivered"')
        ours = our_consumer(f"CONSUMER.CREATE.S.{name}", body, stream=stream, account=ACCOUNT)
        assert shown(ours, consumer_rules) == real, body
    fifth = {"stream_name": "S", "config": {"durable_name": "f", "ack_policy": "explicit"}}
    real = their_answer(client.api("CONSUMER.CREATE.S.f", fifth), b',"delivered"')
    with pytest.raises(JetStreamError) as refused:
        consumer_rules.require_room(4, stream, ServerLimits(), ACCOUNT)
    assert error_of(refused.value) == real
