"""Where a consumer begins, by each deliver policy."""

import pytest

from isthmus.base.slices import at_once
from isthmus.base.values import format_time
from isthmus.jetstream import beginnings
from isthmus.jetstream.consumer_config import ConsumerConfig, DeliverPolicy
from support.core import START_NS
from support.jetstream import StreamWorld

SECOND = 1_000_000_000


@pytest.fixture
def stored():
    """Messages 3 to 6, a second apart, on a b a c."""
    world = StreamWorld()
    client = world.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.*"], "storage": "memory"})
    for subject in ("x", "x", "a", "b", "a", "c"):
        client.publish(f"s.{subject}", b"m")
        world.wait_ns(SECOND)
    client.api("STREAM.PURGE.S", {"seq": 3})
    return world.jetstream().streams["S"].stored


@pytest.mark.parametrize(
    ("policy", "fields", "found"),
    [
        ("all", {}, (3, None)),
        ("last", {}, (6, None)),
        ("last", {"filter_subject": "s.a"}, (5, None)),
        ("last", {"filter_subject": "s.none"}, (3, None)),
        ("new", {}, (7, None)),
        ("by_start_sequence", {"opt_start_seq": 1}, (3, None)),
        ("by_start_sequence", {"opt_start_seq": 5}, (5, None)),
        ("by_start_sequence", {"opt_start_seq": 50}, (50, None)),
        ("by_start_time", {"opt_start_time": format_time(START_NS + 4 * SECOND)}, (5, None)),
        ("by_start_time", {"opt_start_time": format_time(START_NS + 99 * SECOND)}, (7, None)),
        ("last_per_subject", {"filter_subjects": ("s.a", "s.c")}, (7, [5, 6])),
        ("last_per_subject", {"filter_subject": "s.none"}, (6, None)),
    ],
)
def test_a_deliver_policy_names_the_first_message(stored, policy, fields, found):
    config = ConsumerConfig(deliver_policy=DeliverPolicy(policy), **fields)
    start, chosen = at_once(beginnings.search(stored, config))
    assert (start, chosen and list(chosen)) == found
