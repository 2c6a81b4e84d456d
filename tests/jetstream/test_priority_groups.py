"""Priority groups from the configuration on: what an update, time and a restart do to a pin."""

import json

import pytest

from isthmus.jetstream import priority_groups
from isthmus.jetstream.consumer_config import ConsumerConfig, PriorityPolicy
from isthmus.jetstream.pulls import PullRequest
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld, StreamWorld

MS = 1_000_000
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.C"
PINNED = {"priority_policy": "pinned_client", "priority_groups": ["A"]}


def config(policy, *groups, **fields):
    return ConsumerConfig(priority_policy=PriorityPolicy(policy), priority_groups=groups, **fields)


def create(client, world, *, storage="memory", **fields):
    body = {"name": "S", "subjects": ["s"], "storage": storage}
    client.request("$JS.API.STREAM.CREATE.S", json.dumps(body).encode())
    change(client, world, **fields)


def change(client, world, **fields):
    asked = {"durable_name": "C", "ack_policy": "explicit", **fields}
    body = json.dumps({"stream_name": "S", "config": asked}).encode()
    client.request("$JS.API.CONSUMER.CREATE.S.C", body)
    if isinstance(world, StoreWorld):
        world.drain()
    client.messages()


def priority_of(world):
    return world.jetstream().streams["S"].consumers["C"].cursor.priority


def test_no_policy_is_no_priority():
    assert priority_groups.policy_of(config("none"), None) is None
    assert priority_groups.wish_of(PullRequest(group="A"), config("none")) is None
    assert priority_groups.states(config("none"), None) == ()


def test_the_same_policy_goes_on_and_another_begins_anew():
    pinned = config("pinned_client", "A", priority_timeout_ns=5)
    first = priority_groups.policy_of(pinned, None)
    longer = config("pinned_client", "B", priority_timeout_ns=9)
    assert priority_groups.policy_of(longer, first) is first
    assert first.timeout_ns == 9
    assert priority_groups.policy_of(config("overflow", "A"), first) is not first


def test_a_wish_names_its_group_by_number():
    groups = config("overflow", "A", "B")
    asked = PullRequest(group="B", min_pending=-3, min_ack_pending=1 << 63, priority=4, id="x")
    assert priority_groups.wish_of(asked, groups) == (0, (1 << 62) - 1, 4, 1, b"x")
    assert priority_groups.wish_of(PullRequest(), groups) == (0, 0, 0, -1, b"")


@pytest.mark.parametrize("policy", ["overflow", "prioritized"])
def test_another_policy_ends_the_pin(policy):
    world = StreamWorld()
    client = world.client()
    create(client, world, **PINNED)
    client.publish("s", b"one")
    client.publish(NEXT, b'{"group":"A"}', reply="_INBOX.pull")
    assert priority_of(world).pinned
    change(client, world, priority_policy=policy, priority_groups=["A"])
    client.publish("s", b"two")
    heard = client.publish(NEXT, b'{"group":"A"}', reply="_INBOX.pull")
    assert [(header, payload) for _, _, header, payload in heard] == [(b"", b"two")]
    change(client, world, **PINNED)
    assert not priority_of(world).pinned


def test_nobody_is_pinned_after_a_restart():
    world = StoreWorld(MemoryDisk())
    client = world.client()
    create(client, world, storage="file", **PINNED)
    client.publish("s", b"one")
    world.drain()
    client.publish(NEXT, b'{"group":"A"}', reply="_INBOX.pull")
    assert priority_of(world).pinned
    world.drain()
    after = world.restarted()
    assert not priority_of(after).pinned
    assert priority_of(after).policy == 2


def test_a_sample_counts_from_the_last_sign_of_progress():
    world = StreamWorld()
    client = world.client()
    create(client, world, sample_freq="100")
    client.say(b"SUB $JS.EVENT.METRIC.> 7")
    client.publish("s", b"one")
    [(_, reply, _, _)] = client.publish(NEXT, b"1", reply="_INBOX.pull")
    world.wait_ns(10 * MS)
    client.publish(reply, b"+WPI")
    world.wait_ns(7 * MS)
    [(subject, _, _, payload)] = client.publish(reply, b"+ACK")
    assert subject == "$JS.EVENT.METRIC.CONSUMER.ACK.S.C"
    assert json.loads(payload)["ack_time"] == 7 * MS


def test_samples_are_as_many_of_a_hundred_as_configured():
    world = StreamWorld()
    client = world.client()
    create(client, world, sample_freq="30%")
    client.say(b"SUB $JS.EVENT.METRIC.> 7")
    for _ in range(1000):
        client.publish("s", b"x")
    heard = client.publish(NEXT, b"1000", reply="_INBOX.pull")
    samples = sum(len(client.publish(reply)) for _, reply, _, _ in heard)
    assert 240 < samples < 360
