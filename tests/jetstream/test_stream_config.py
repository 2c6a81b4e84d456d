import pytest

from isthmus.base.errors import JetStreamError
from isthmus.base.values import to_json
from isthmus.jetstream.decoding import decode
from isthmus.jetstream.json_text import JsonError
from isthmus.jetstream.stream_config import NOT_YET, StreamConfig, StreamConfigRequest
from support.jetstream_values import stream_config

EVERY_FIELD = (
    b'{"name":"X","description":"d","subjects":["a"],"retention":"interest","max_consumers":1,'
    b'"max_msgs":2,"max_bytes":3,"max_age":4,"max_msgs_per_subject":5,"max_msg_size":6,'
    b'"discard":"new","storage":"memory","num_replicas":1,"no_ack":true,"duplicate_window":7,'
    b'"placement":{"cluster":"c","tags":["t"],"preferred":"p"},"mirror":{"name":"M",'
    b'"opt_start_seq":8,"opt_start_time":"2020-01-01T00:00:00Z","filter_subject":"f",'
    b'"subject_transforms":[{"src":"s","dest":"d"}],"external":{"api":"x","deliver":"y"},'
    b'"consumer":{"name":"n","deliver_subject":"ds"}},"sources":[{"name":"N"}],"compression":"s2",'
    b'"first_seq":9,"subject_transform":{"src":"s","dest":"d"},"republish":{"src":"s","dest":"d",'
    b'"headers_only":true},"allow_direct":true,"mirror_direct":true,'
    b'"discard_new_per_subject":true,"sealed":true,"deny_delete":true,"deny_purge":true,'
    b'"allow_rollup_hdrs":true,"consumer_limits":{"inactive_threshold":10,"max_ack_pending":11},'
    b'"allow_msg_ttl":true,"subject_delete_marker_ttl":12,"allow_msg_counter":true,'
    b'"allow_atomic":true,"allow_msg_schedules":true,"persist_mode":"async","allow_batched":true,'
    b'"metadata":{"k":"v"}}'
)


def test_every_field_is_read_and_printed_in_the_order_of_the_wire():
    assert to_json(decode(StreamConfig, EVERY_FIELD)) == EVERY_FIELD


def test_a_request_is_a_config_and_a_wish_to_be_told():
    request = decode(StreamConfigRequest, b'{"name":"X","pedantic":true}')
    assert request.pedantic
    assert request.config() == StreamConfig(name="X")
    assert type(request.config()) is StreamConfig


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"compression":"zstd"}', "unknown compression algorithm"),
        (b'{"compression":5}', "json: cannot unmarshal number into Go value of type string"),
        (b'{"persist_mode":"x"}', r'can not unmarshal "\"x\""'),
    ],
)
def test_a_word_that_is_none_of_the_list_is_told(body, text):
    with pytest.raises(JsonError) as found:
        decode(StreamConfig, body)
    assert found.value.text == text


def test_default_is_a_word_for_the_mode_that_is_not_printed():
    assert decode(StreamConfig, b'{"persist_mode":"default"}') == StreamConfig()


ASKED_FOR = {
    "retention=interest": "interest",
    "retention=workqueue": "workqueue",
    "compression": "s2",
    "mirror": {"name": "M"},
    "sources": [{"name": "M"}],
    "subject_transform": {"src": "a", "dest": "b"},
    "republish": {"src": "a", "dest": "b"},
    "sealed": True,
    "allow_rollup_hdrs": True,
    "allow_msg_ttl": True,
    "subject_delete_marker_ttl": 1_000_000_000,
    "allow_msg_counter": True,
    "allow_atomic": True,
    "allow_msg_schedules": True,
    "persist_mode": "async",
    "allow_batched": True,
}


@pytest.mark.parametrize("key", NOT_YET)
def test_what_is_not_carried_out_yet_is_refused_by_name(key):
    field = key.partition("=")[0]
    with pytest.raises(JetStreamError) as refused:
        stream_config({"name": "X", field: ASKED_FOR[key]})
    assert refused.value.err_code == 10052
    # delete markers turn message TTLs on
    named = "allow_msg_ttl" if field == "subject_delete_marker_ttl" else key
    assert refused.value.description.startswith(f"{named} is not supported by this server yet")
