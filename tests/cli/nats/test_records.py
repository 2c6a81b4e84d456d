import msgspec

from isthmus.base.values import to_json
from isthmus.cli.nats.records import ConsumerConfig, StreamConfig, visible_metadata


def test_zero_fields_are_left_out_except_those_the_original_prints():
    assert to_json(StreamConfig(name="S", subjects=["a.>"])) == (
        rb'{"name":"S","subjects":["a.\u003e"],"retention":"limits","max_consumers":0,'
        rb'"max_msgs_per_subject":0,"max_msgs":0,"max_bytes":0,"max_age":0,"storage":"file",'
        rb'"discard":"old","num_replicas":0,"sealed":false,"deny_delete":false,'
        rb'"deny_purge":false,"allow_rollup_hdrs":false,"allow_direct":false,'
        rb'"mirror_direct":false,"consumer_limits":{}}'
    )


def test_a_consumer_is_sent_as_the_original_sends_it():
    config = ConsumerConfig(ack_policy="explicit", durable_name="C1", name="C1", max_deliver=-1)
    assert to_json(config) == (
        b'{"ack_policy":"explicit","deliver_policy":"all","durable_name":"C1","name":"C1",'
        b'"max_deliver":-1,"replay_policy":"instant","num_replicas":0,'
        b'"pause_until":"0001-01-01T00:00:00Z"}'
    )


def test_no_compression_is_left_out_however_it_is_spelled():
    config = msgspec.json.decode(b'{"name":"S","compression":"none"}', type=StreamConfig)
    assert b"compression" not in to_json(config)


def test_metadata_of_the_server_is_hidden_from_people():
    assert visible_metadata({"b": "2", "_nats.ver": "x", "a": "1"}) == {"a": "1", "b": "2"}
