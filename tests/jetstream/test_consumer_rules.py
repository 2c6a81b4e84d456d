"""The rules in their own words; `tests/oracle` compares all of them with the real server."""

import json

import pytest
from msgspec.structs import replace

from isthmus.base.errors import JetStreamError
from isthmus.jetstream import consumer_rules
from isthmus.jetstream.consumer_config import (
    AckPolicy,
    Action,
    ConsumerConfig,
    ConsumerCreateRequest,
    DeliverPolicy,
    PriorityPolicy,
)
from isthmus.jetstream.consumer_requests import CreateSubject, require_agreement
from isthmus.jetstream.decoding import decode
from isthmus.jetstream.limits import AccountLimits, ServerLimits
from isthmus.jetstream.stream_config import ConsumerLimits
from support.jetstream_cases import CONSUMER_CASES
from support.jetstream_values import consumer_config, stream_config

S = 1_000_000_000
DURABLE = {"durable_name": "C", "name": "C", "ack_policy": "explicit"}


def refusal(call, *args, **kwargs):
    with pytest.raises(JetStreamError) as found:
        call(*args, **kwargs)
    return found.value.err_code, found.value.description


def test_an_explicit_durable_gets_the_usual_numbers():
    config = consumer_config(DURABLE)
    assert config.ack_wait_ns == 30 * S
    assert (config.max_deliver, config.max_waiting, config.max_ack_pending) == (-1, 512, 1000)
    assert config.inactive_threshold_ns == 0


def test_a_consumer_that_is_not_durable_ends_when_nobody_asks():
    config = consumer_config({"name": "E"})
    assert config.ack_policy is AckPolicy.NONE
    assert (config.ack_wait_ns, config.max_ack_pending) == (0, 0)
    assert config.inactive_threshold_ns == 5 * S


def test_the_first_backoff_is_the_ack_wait():
    config = consumer_config({**DURABLE, "ack_wait": 9 * S, "backoff": [S, 2 * S]})
    assert config.ack_wait_ns == S


def test_the_stream_sets_defaults_and_bounds():
    limits = {"max_ack_pending": 50, "inactive_threshold": 7 * S}
    stream = stream_config({"name": "S", "consumer_limits": limits})
    config = consumer_config(DURABLE, stream)
    assert (config.max_ack_pending, config.inactive_threshold_ns) == (50, 7 * S)
    assert refusal(consumer_config, {**DURABLE, "max_ack_pending": 51}, stream) == (
        10121, "consumer max ack pending exceeds system limit of 50",
    )  # fmt: skip
    assert refusal(consumer_config, {**DURABLE, "inactive_threshold": 8 * S}, stream) == (
        10153, "consumer inactive threshold exceeds system limit of 7s",
    )  # fmt: skip


def test_the_server_bounds_what_a_request_leaves_open():
    config = consumer_rules.prepare(
        ConsumerConfig(durable_name="C", name="C", ack_policy=AckPolicy.ALL),
        stream=stream_config({"name": "S"}),
        server=ServerLimits(max_ack_pending=200, max_request_batch=100),
        account=AccountLimits(max_ack_pending=150),
    )
    assert (config.max_ack_pending, config.max_batch) == (150, 100)


def test_a_prepared_config_is_prepared_already():
    config = consumer_config({**DURABLE, "backoff": [S], "filter_subjects": ["s.a", "s.b"]})
    again = consumer_rules.prepare(
        config,
        stream=stream_config({"name": "S"}),
        server=ServerLimits(),
        account=AccountLimits(),
    )
    assert again == config


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (
            {"opt_start_seq": 3},
            "consumer delivery policy is deliver all, but optional start sequence is also set",
        ),
        (
            {"deliver_policy": "by_start_time"},
            (
                "consumer delivery policy is deliver by start time,"
                " but optional start time is not set"
            ),
        ),
        (
            {"deliver_policy": "last_per_subject"},
            (
                "consumer delivery policy is deliver last per subject,"
                " but optional filter subject is not set"
            ),
        ),
        (
            {"sample_freq": "abc"},
            (
                "failed to parse consumer sampling configuration:"
                ' strconv.Atoi: parsing "abc": invalid syntax'
            ),
        ),
        ({"filter_subjects": ["a.>", "a.b"]}, "consumer subject filters cannot overlap"),
        ({"filter_subject": "a..b"}, "invalid subject"),
        (
            {"backoff": [S, S], "max_deliver": 1},
            "max deliver is required to be > length of backoff values",
        ),
        (
            {"durable_name": "a.b"},
            "consumer durable name can not contain '.', '*', '>', '\\', '/'",
        ),
    ],
)
def test_a_broken_rule_is_told(fields, error):
    assert refusal(consumer_config, {**DURABLE, **fields})[1] == error


def test_an_update_with_the_same_fields_is_no_update():
    config = consumer_config(DURABLE)
    assert consumer_rules.same(config, consumer_rules.shown(config))
    consumer_rules.require_update(config, config)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ack_policy": AckPolicy.ALL}, "ack policy can not be updated"),
        ({"deliver_policy": DeliverPolicy.NEW}, "deliver policy can not be updated"),
        ({"max_waiting": 3}, "max waiting can not be updated"),
        ({"mem_storage": True}, "storage type can not be updated"),
        ({"deliver_subject": "q"}, "can not update pull consumer to push based"),
    ],
)
def test_some_things_are_not_for_an_update_to_change(change, text):
    old = consumer_config(DURABLE)
    assert refusal(consumer_rules.require_update, old, replace(old, **change)) == (10012, text)


def test_an_update_does_not_touch_the_pause():
    old = replace(consumer_config(DURABLE), pause_until="2090-01-01T00:00:00Z")
    config = consumer_rules.prepare(
        consumer_config(DURABLE),
        stream=stream_config({"name": "S"}),
        server=ServerLimits(),
        account=AccountLimits(),
        old=old,
    )
    assert config.pause_until == "2090-01-01T00:00:00Z"
    assert config.metadata == {"_nats.req.level": "1"}


def test_an_action_says_what_must_be_there_already():
    old = consumer_config(DURABLE)
    new = replace(old, max_deliver=4)
    require = consumer_rules.require_action
    require(Action.EITHER, None, new)
    require(Action.CREATE, None, new)
    require(Action.CREATE, old, consumer_rules.shown(old))
    require(Action.UPDATE, old, new)
    assert refusal(require, Action.UPDATE, None, new) == (10149, "consumer does not exist")
    assert refusal(require, Action.CREATE, old, new) == (10148, "consumer already exists")


def test_limits_of_a_stream_hold_for_the_consumers_it_has():
    plain = consumer_config(DURABLE)
    consumers = {
        "z": replace(plain, max_ack_pending=20),
        "a": replace(plain, max_ack_pending=-1),
        "m": replace(plain, max_ack_pending=11, inactive_threshold_ns=5 * S),
    }
    require = consumer_rules.require_within
    require(ConsumerLimits(max_ack_pending=20, inactive_threshold_ns=5 * S), consumers)
    require(ConsumerLimits(max_ack_pending=-1), consumers)
    assert refusal(require, ConsumerLimits(max_ack_pending=10), consumers) == (
        10069, "change to limits violates consumers: m, z",
    )  # fmt: skip
    assert refusal(require, ConsumerLimits(inactive_threshold_ns=S), consumers) == (
        10069, "change to limits violates consumers: m",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("of_stream", "of_account", "limit"), [(-1, -1, 1000), (2000, -1, 2000), (-1, 4, 4), (3, 4, 3)]
)
def test_a_stream_has_room_for_so_many_consumers(of_stream, of_account, limit):
    stream = stream_config({"name": "S", "max_consumers": of_stream})
    account = AccountLimits(max_consumers=of_account)
    consumer_rules.require_room(limit - 1, stream, ServerLimits(), account)
    refused = refusal(consumer_rules.require_room, limit, stream, ServerLimits(), account)
    assert refused == (10026, "maximum consumers limit reached")


# case → the text of a broken rule, or the code of an error that has its own
REFUSED = {
    "description too long": 10107,
    "metadata too large": 10135,
    "both filter forms": 10136,
    "empty filter": 10139,
    "overlapping filters": 10138,
    "invalid filter": "invalid subject",
    "invalid in filters": "invalid subject",
    "invalid, then empty": 10139,
    "same twice, then empty": 10139,
    "same twice, then invalid": 10138,
    "negative ack wait": 10183,
    "negative backoff": 10184,
    "backoff above deliveries": 10116,
    "negative backoff above deliveries": 10184,
    "max_expires too short": 10115,
    "ack by flow": 10218,
    "rate limit": 10086,
    "heartbeat": 10088,
    "short heartbeat": 10088,
    "flow control": 10089,
    "sampling words": 10095,
    "sampling -5": 10095,
    "sampling 3%%": 10095,
    "sampling out of range": 10095,
    "2 replicas": 10074,
    "negative replicas": 10133,
    "all with sequence": 10094,
    "all with time": 10094,
    "by sequence without": 10094,
    "by sequence with time": 10094,
    "by time without": 10094,
    "by time with sequence": 10094,
    "last per subject": 10094,
    "last with sequence": 10094,
    "direct": 10090,
    "group without policy": 10196,
    "policy without group": 10159,
    "invalid group": 10162,
    "empty group": 10161,
    "priority timeout": 10197,
    "sampling with a blank": 10095,
    "sampling %": 10095,
    "group of 17": 10162,
    "group with .": 10162,
    "group with + and )": 10162,
    "pinned push": 10178,
    "push to a wildcard": 10079,
    "push to no subject": 10112,
    "push to no wildcard": 10079,
    "push to the stream": 10081,
    "push with max_waiting": 10080,
    "push with flow control": 10108,
    "push with short heartbeat": 10083,
}


@pytest.mark.parametrize("name", CONSUMER_CASES)
def test_every_case_is_kept_or_refused_for_its_reason(name):
    body = {"stream_name": "S", "config": {**DURABLE, **CONSUMER_CASES[name]}}
    request = decode(ConsumerCreateRequest, json.dumps(body).encode())
    subject = CreateSubject(stream="S", name=request.config.durable_name)
    try:
        normalise(require_agreement(subject, request))
    except JetStreamError as error:
        expected = REFUSED[name]
        assert expected == (error.description if isinstance(expected, str) else error.err_code)
    else:
        assert name not in REFUSED


def normalise(config, **options):
    limits = {"server": ServerLimits(), "account": AccountLimits()} | options
    stream = limits.pop("stream", stream_config({"name": "S", "subjects": ["s.>"]}))
    return consumer_rules.prepare(config, stream=stream, **limits)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_deliver": -5}, "max_deliver must be set to -1"),
        ({"max_batch": -5}, "max_batch must not be negative"),
        ({"backoff_ns": (S,)}, "first backoff value has to equal batch AckWait"),
        ({}, "max_ack_pending must be set if it's configured in stream limits"),
        (
            {"max_ack_pending": 5},
            "inactive_threshold must be set if it's configured in stream limits",
        ),
        (
            {"max_ack_pending": 5, "inactive_threshold_ns": S},
            "max_request_batch must be set if it's JetStream limits are set",
        ),
    ],
)
def test_what_a_pedantic_request_leaves_to_the_server_is_told(fields, text):
    limits = {"max_ack_pending": 50, "inactive_threshold": 7 * S}
    refused = refusal(
        normalise,
        ConsumerConfig(durable_name="C", ack_policy=AckPolicy.EXPLICIT, **fields),
        stream=stream_config({"name": "S", "consumer_limits": limits}),
        server=ServerLimits(max_request_batch=100),
        pedantic=True,
    )
    assert refused == (10157, f"pedantic mode: {text}")


BY_FLOW = {"ack_policy": AckPolicy.FLOW_CONTROL, "deliver_subject": "d.x"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"deliver_subject": ""}, 10218),
        ({"max_ack_pending": -1}, 10220),
        ({"ack_wait_ns": 5}, 10221),
        ({"backoff_ns": (0,)}, 10221),
        ({"max_deliver": 3}, 10222),
    ],
)
def test_acknowledging_by_flow_control_excludes_much(fields, code):
    assert refusal(normalise, ConsumerConfig(**(BY_FLOW | fields)))[0] == code


def test_a_pedantic_request_says_itself_how_flow_is_controlled():
    plain = ConsumerConfig(**BY_FLOW)
    assert normalise(plain).idle_heartbeat_ns == S
    assert refusal(normalise, plain, pedantic=True)[0] == 10219
    without = replace(plain, flow_control=True)
    assert refusal(normalise, without, pedantic=True)[1].endswith("heartbeat needs to be 1s")
    normalise(replace(without, idle_heartbeat_ns=S), pedantic=True)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"deliver_subject": "d", "ack_policy": AckPolicy.NONE, "max_ack_pending": 4}, 10082),
        ({"deliver_subject": "d", "priority_policy": PriorityPolicy.OVERFLOW}, 10178),
        ({"deliver_subject": "d", "direct": True, "durable_name": "C"}, 10091),
        ({"name": "a.b"}, 10052),
        ({"name": "n" * 256}, 10102),
    ],
)
def test_more_that_does_not_go_together(fields, code):
    assert refusal(normalise, ConsumerConfig(**fields))[0] == code


def test_the_server_bounds_a_batch():
    server = ServerLimits(max_request_batch=100)
    refused = refusal(normalise, ConsumerConfig(max_batch=101), server=server)
    assert refused == (10125, "consumer max request batch exceeds server limit of 100")


def test_a_push_consumer_stays_one():
    push = consumer_rules.prepare(
        ConsumerConfig(durable_name="C", deliver_subject="d"),
        stream=stream_config({"name": "S"}), server=ServerLimits(), account=AccountLimits(),
    )  # fmt: skip
    refused = refusal(consumer_rules.require_update, push, replace(push, deliver_subject=""))
    assert refused[1] == "can not update push consumer to pull based"
