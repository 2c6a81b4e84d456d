import pytest

from isthmus.base.values import to_json
from isthmus.jetstream.consumer_config import (
    Action,
    ConsumerConfig,
    ConsumerCreateRequest,
    DeliverPolicy,
)
from isthmus.jetstream.decoding import decode
from isthmus.jetstream.json_text import JsonError
from support.jetstream_cases import CONSUMER_CASES
from support.jetstream_values import consumer_config

EVERY_FIELD = (
    b'{"durable_name":"C","name":"C","description":"d","deliver_policy":"by_start_sequence",'
    b'"opt_start_seq":1,"opt_start_time":"2020-01-01T00:00:00.5+02:00","ack_policy":"explicit",'
    b'"ack_wait":2,"max_deliver":3,"backoff":[4,5],"filter_subject":"f","filter_subjects":["g"],'
    b'"replay_policy":"original","rate_limit_bps":6,"sample_freq":"7%","max_waiting":8,'
    b'"max_ack_pending":9,"flow_control":true,"headers_only":true,"max_batch":10,"max_expires":11,'
    b'"max_bytes":12,"deliver_subject":"ds","deliver_group":"dg","idle_heartbeat":13,'
    b'"inactive_threshold":14,"num_replicas":1,"mem_storage":true,"direct":true,"sourcing":true,'
    b'"metadata":{"k":"v"},"pause_until":"2090-01-01T00:00:00Z","priority_groups":["a"],'
    b'"priority_policy":"pinned_client","priority_timeout":15}'
)


def test_every_field_is_read_and_printed_in_the_order_of_the_wire():
    assert to_json(decode(ConsumerConfig, EVERY_FIELD)) == EVERY_FIELD


def test_what_is_always_printed():
    assert to_json(ConsumerConfig()) == (
        b'{"deliver_policy":"all","ack_policy":"none","replay_policy":"instant","num_replicas":0}'
    )


def test_one_filter_or_several_are_filters():
    assert ConsumerConfig().filters == ()
    assert ConsumerConfig(filter_subject="a").filters == ("a",)
    assert ConsumerConfig(filter_subjects=("a", "b")).filters == ("a", "b")


def test_undefined_is_a_word_for_all():
    request = decode(ConsumerCreateRequest, b'{"config":{"deliver_policy":"undefined"}}')
    assert request.config.deliver_policy is DeliverPolicy.ALL
    assert request.action is Action.EITHER


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"action":"bogus"}', 'unknown consumer action: "bogus"'),
        (b'{"config":{"priority_policy":null}}', "unknown priority policy: null"),
        (b'{"config":{"ack_policy":null}}', 'can not unmarshal "null"'),
    ],
)
def test_a_word_that_is_none_of_the_list_is_told(body, text):
    with pytest.raises(JsonError) as found:
        decode(ConsumerCreateRequest, body)
    assert found.value.text == text


def test_every_field_is_put_to_the_real_server():
    """`oracle/test_jetstream_api_oracle.py` creates and updates a consumer by each case."""
    asked = {field for case in CONSUMER_CASES.values() for field in case}
    assert asked == set(ConsumerConfig.__struct_encode_fields__)


def test_every_field_is_carried_out():
    for policy in ("none", "all", "explicit"):
        assert consumer_config({"name": "C", "ack_policy": policy}).ack_policy == policy
    for policy in ("overflow", "pinned_client", "prioritized"):
        asked = {"name": "C", "priority_policy": policy, "priority_groups": ["a"]}
        assert consumer_config(asked).priority_policy == policy
    assert consumer_config({"name": "C", "sample_freq": "50%"}).sample_freq == "50%"
