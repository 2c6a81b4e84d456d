"""Consumers by the thousand: they are bounded, and nothing of them is left when they end."""

import json

import pytest

from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld
from support.soak import examples

SECOND = 1_000_000_000
A_STREAM_HAS = 1000  # at most, unless it says otherwise


def made(client, stream, **config):
    """The answer's error code, or 0."""
    body = json.dumps({"stream_name": stream, "config": {"ack_policy": "explicit", **config}})
    heard = client.request(f"$JS.API.CONSUMER.CREATE.{stream}", body.encode())
    client.world.drain()
    [answer] = [json.loads(payload) for *_, payload in [*heard, *client.messages()]]
    return answer.get("error", {}).get("err_code", 0)


@pytest.mark.soak
def test_ephemerals_by_the_thousand_come_and_go():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    streams = [f"S{number}" for number in range(examples(1, 100))]
    for name in streams:
        client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps({"name": name}).encode())
        world.drain()
        client.messages()
        refused = [made(client, name, filter_subject=name) for _ in range(A_STREAM_HAS)]
        assert refused == [0] * A_STREAM_HAS
        assert made(client, name) == 10026
    found = world.jetstream().streams
    assert [len(found[name].consumers) for name in streams] == [A_STREAM_HAS] * len(streams)
    world.wait_ns(6 * SECOND)
    assert [len(found[name].consumers) for name in streams] == [0] * len(streams)
    assert world.agenda.deadline_ns() == 0
    world.drain()
    after = world.restarted()
    found = after.jetstream().streams
    assert [len(found[name].consumers) for name in streams] == [0] * len(streams)
