"""The rules in their own words; `tests/oracle` compares all of them with the real server."""

import pytest
from msgspec.structs import replace

from isthmus.base.errors import JetStreamError
from isthmus.jetstream import consumer_rules
from isthmus.jetstream.consumer_config import AckPolicy, ConsumerConfig, DeliverPolicy
from isthmus.jetstream.limits import AccountLimits, ServerLimits
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
    config = consumer_rules.normalise(
        consumer_config(DURABLE),
        stream=stream_config({"name": "S"}),
        server=ServerLimits(),
        account=AccountLimits(),
        old=old,
    )
    assert config.pause_until == "2090-01-01T00:00:00Z"
    assert config.metadata == {"_nats.req.level": "1"}


@pytest.mark.parametrize(
    ("of_stream", "of_account", "limit"), [(-1, -1, 1000), (2000, -1, 2000), (-1, 4, 4), (3, 4, 3)]
)
def test_a_stream_has_room_for_so_many_consumers(of_stream, of_account, limit):
    stream = stream_config({"name": "S", "max_consumers": of_stream})
    account = AccountLimits(max_consumers=of_account)
    consumer_rules.require_room(limit - 1, stream, ServerLimits(), account)
    refused = refusal(consumer_rules.require_room, limit, stream, ServerLimits(), account)
    assert refused == (10026, "maximum consumers limit reached")
