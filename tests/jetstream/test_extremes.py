"""Requests with values at the ends of their ranges: answered, kept, and there after a restart."""

import json
from itertools import product
from typing import get_args, get_type_hints

import msgspec
import pytest

from isthmus.jetstream import api
from isthmus.jetstream.consumer_config import ConsumerConfig
from isthmus.jetstream.json_kinds import IntegerKind, TimeKind
from isthmus.jetstream.stream_config import StreamConfig
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld

S = 1_000_000_000
NUMBERS = (-(1 << 63), 1, (1 << 63) - 1, (1 << 64) - 1, 10**5000)
TIMES = (
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:01Z",
    "1969-12-31T23:59:59.5Z",
    "2024-01-01T00:00:00+24:60",
    "2024-01-01T00:00:00-24:00",
    "9999-12-31T23:59:59.999999999Z",
)
STREAM = {"name": "S", "subjects": ["s.>"]}
CONSUMER = {"durable_name": "C", "name": "C", "ack_policy": "explicit"}


def extremes(kind):
    """Each number and time of a struct with each value worth trying."""
    for field in msgspec.structs.fields(kind):
        hint = get_type_hints(kind, include_extras=True)[field.name]
        details = [part for one in (hint, *get_args(hint)) for part in get_args(one)[1:2]]
        if any(isinstance(one, IntegerKind) for one in details):
            yield from product([field.encode_name], NUMBERS)
        elif any(isinstance(one, TimeKind) for one in details):
            yield from product([field.encode_name], TIMES)


def body(**fields):
    """JSON with numbers of any length, which the library does not print."""
    big = {name: value for name, value in fields.items() if value == 10**5000}
    text = json.dumps({name: -4711 if name in big else value for name, value in fields.items()})
    return text.replace("-4711", "1" + "0" * 5000).encode()


def started(*, with_consumer=True):
    world = StoreWorld(MemoryDisk())
    client = world.client()
    ask(world, client, "STREAM.CREATE.S", body(**STREAM))
    if with_consumer:
        create = b'{"stream_name":"S","config":%s}' % body(**CONSUMER)
        ask(world, client, "CONSUMER.CREATE.S.C", create)
    use(world, client)
    return world, client


def ask(world, client, verb, payload):
    heard = client.request(f"$JS.API.{verb}", payload)
    world.drain()
    heard += client.messages()
    [answer] = [payload for *_, payload in heard if payload.startswith(b'{"type"')]
    return answer


def use(world, client):
    """Publish, pull, refuse, look, and let time pass."""
    for _ in range(2):
        client.publish("s.a", b"x", reply="_INBOX.stored")
        world.drain()
    heard = client.publish(
        "$JS.API.CONSUMER.MSG.NEXT.S.C", b'{"batch":2,"no_wait":true}', reply="_INBOX.pull"
    )
    world.drain()
    for _, reply, *_ in heard + client.messages():
        if reply.startswith("$JS.ACK"):
            client.publish(reply, b"-NAK")
    world.wait_ns(S)
    client.messages()


def published(world, client, subject, header=b""):
    heard = client.publish(subject, b"x", reply="_INBOX.stored", header=header)
    world.drain()
    return [json.loads(payload) for *_, payload in heard + client.messages()]


def holds(world, client, verb, payload):
    ask(world, client, verb, payload)
    use(world, client)
    after = world.restarted()
    use(after, after.client())


@pytest.mark.parametrize("verb", ["STREAM.CREATE.T", "STREAM.UPDATE.S"])
def test_numbers_of_a_stream(verb):
    name = verb[-1]
    for field, value in extremes(StreamConfig):
        world, client = started()
        fields = {"name": name, "subjects": [f"{name.lower()}.>"], field: value}
        holds(world, client, verb, body(**fields))


def test_numbers_of_a_consumer():
    policies = {"opt_start_seq": "by_start_sequence", "opt_start_time": "by_start_time"}
    for field, value in extremes(ConsumerConfig):
        world, client = started(with_consumer=False)
        policy = {"deliver_policy": policies[field]} if field in policies else {}
        config = body(**CONSUMER, **policy, **{field: value})
        holds(world, client, "CONSUMER.CREATE.S.C", b'{"stream_name":"S","config":%s}' % config)


@pytest.mark.parametrize("waits", [[0, 0], [1, 0], [(1 << 63) - 1]])
def test_backoffs_of_a_consumer(waits):
    world, client = started(with_consumer=False)
    config = body(**CONSUMER, backoff=waits)
    holds(world, client, "CONSUMER.CREATE.S.C", b'{"stream_name":"S","config":%s}' % config)


def test_numbers_and_times_of_every_other_request():
    configs = {"STREAM.CREATE", "STREAM.UPDATE", "CONSUMER.CREATE", "CONSUMER.DURABLE.CREATE"}
    for endpoint in api.ENDPOINTS:
        verb = ".".join([endpoint.verb, "S", "C"][: endpoint.names[0] + 1])
        for field, value in extremes(endpoint.request) if endpoint.verb not in configs else ():
            world, client = started()
            holds(world, client, verb, body(**{field: value}))


def test_a_duplicate_window_as_long_as_time():
    world, client = started()
    forever = (1 << 63) - 1
    holds(world, client, "STREAM.UPDATE.S", body(**STREAM, duplicate_window=forever))
    header = b"NATS/1.0\r\nNats-Msg-Id: one\r\n\r\n"
    [first] = published(world, client, "s.a", header)
    [second] = published(world, client, "s.a", header)
    assert second == first | {"duplicate": True}


@pytest.mark.parametrize("pattern", ["*", "a"])
def test_a_subject_of_too_many_tokens_is_invalid(pattern):
    world, client = started(with_consumer=False)
    long = "s." + ".".join([pattern] * 5000)
    assert b"invalid subject" in ask(
        world, client, "STREAM.CREATE.T", body(name="T", subjects=[long])
    )
    config = body(**CONSUMER, filter_subject=long)
    assert b"invalid subject" in ask(
        world, client, "CONSUMER.CREATE.S.C", b'{"stream_name":"S","config":%s}' % config
    )
    use(world, client)
    assert list(world.restarted().jetstream().streams) == ["S"]


def test_a_stream_of_many_subjects_is_checked_in_one_pass():
    world, client = started(with_consumer=False)
    many = [f"t.{n}" for n in range(1000)]
    assert b'"config"' in ask(world, client, "STREAM.CREATE.T", body(name="T", subjects=many))
    clash = [f"u.{n}" for n in range(499)] + ["u.*"]
    assert b'subject \\"u.0\\" overlaps with \\"u.*\\"' in ask(
        world, client, "STREAM.CREATE.U", body(name="U", subjects=clash)
    )
    assert b"subjects overlap" in ask(
        world, client, "STREAM.CREATE.U", body(name="U", subjects=["u.1", "t.*"])
    )


def test_the_last_sequence_but_one_of_64_bits_is_the_last_that_is_used():
    world, client = started(with_consumer=False)
    last = (1 << 64) - 2
    ask(world, client, "STREAM.CREATE.T", body(name="T", subjects=["t"], first_seq=last))
    answers = []
    for _ in range(2):
        answers += published(world, client, "t")
    assert answers[0] == {"stream": "T", "seq": last}
    assert answers[1]["error"]["err_code"] == 10077
    after = world.restarted()
    state = json.loads(ask(after, after.client(), "STREAM.INFO.T", b""))["state"]
    assert (state["messages"], state["last_seq"]) == (1, last)


def test_a_message_that_no_record_holds_is_too_large():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    client.api("STREAM.CREATE.M", {"name": "M", "subjects": ["m"], "storage": "memory"})
    client.request("$JS.API.STREAM.CREATE.F", b'{"name":"F","subjects":["f"]}')
    world.drain()
    client.messages()
    payload = bytes(world.store.journal.record_max)
    refused = client.request("f", payload)[0][3]
    assert b'"err_code":10077,"description":"message too large"' in refused
    assert b'"seq":1}' in client.request("m", payload)[0][3]


def test_a_configuration_that_no_record_holds_is_refused_and_nothing_is_made():
    world, client = started()
    most = world.store.journal.record_max
    wide = body(name="W", subjects=["w.>"], metadata={"k": "x" * most})
    assert b'"err_code":10077' in ask(world, client, "STREAM.CREATE.W", wide)
    much = body(**STREAM, metadata={"k": "x" * most})
    assert b'"err_code":10077' in ask(world, client, "STREAM.UPDATE.S", much)
    consumer = body(**CONSUMER | {"durable_name": "D", "name": "D"}, metadata={"k": "x" * most})
    create = b'{"stream_name":"S","config":%s}' % consumer
    assert b'"err_code":10077' in ask(world, client, "CONSUMER.CREATE.S.D", create)
    for now in (world, world.restarted()):
        streams = now.jetstream().streams
        assert list(streams) == ["S"]
        assert list(streams["S"].consumers) == ["C"]
    assert b'"error"' not in ask(world, client, "STREAM.CREATE.W", body(name="W", subjects=["w.>"]))
