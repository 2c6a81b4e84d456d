"""The rules in their own words; `tests/oracle` compares all of them with the real server."""

import pytest
from msgspec.structs import replace

from isthmus.base.errors import JetStreamError
from isthmus.jetstream import stream_rules
from isthmus.jetstream.limits import AccountLimits, AccountUsage, ServerLimits
from isthmus.jetstream.stream_config import Discard, Retention, Storage, StreamConfig
from support.jetstream_values import stream_config

S = 1_000_000_000


def refusal(call, *args, **kwargs):
    with pytest.raises(JetStreamError) as found:
        call(*args, **kwargs)
    return found.value.err_code, found.value.description


def test_an_empty_request_becomes_a_stream_of_its_own_name():
    config = stream_config({"name": "X"})
    assert config.subjects == ("X",)
    assert config.num_replicas == 1
    assert (config.max_msgs, config.max_bytes, config.max_msg_size) == (-1, -1, -1)
    assert config.duplicate_window_ns == 120 * S
    assert config.metadata == {"_nats.req.level": "0"}


def test_the_duplicate_window_is_no_longer_than_messages_live():
    assert stream_config({"name": "X", "max_age": 5 * S}).duplicate_window_ns == 5 * S
    assert stream_config({"name": "X", "max_age": 500 * S}).duplicate_window_ns == 120 * S


def test_a_prepared_config_is_prepared_already():
    config = stream_config({"name": "X", "max_age": 5 * S, "metadata": {"b": "1", "a": "2"}})
    again = stream_rules.prepare(config, server=ServerLimits(), account=AccountLimits())
    assert again == config
    assert list(config.metadata) == ["_nats.req.level", "a", "b"]


def test_pedantic_requests_are_not_corrected():
    request = StreamConfig(name="X", max_msgs=-5)
    limits = {"server": ServerLimits(), "account": AccountLimits()}
    assert stream_rules.prepare(request, **limits).max_msgs == -1
    assert refusal(stream_rules.prepare, request, **limits, pedantic=True) == (
        10157, "pedantic mode: max_msgs must be set to -1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": "a b"}, "stream name is required and can not contain '.', '*', '>', '\\', '/'"),
        ({"name": ""}, "stream name is required and can not contain '.', '*', '>', '\\', '/'"),
        ({"name": "é" * 128}, "stream name is too long, maximum allowed is 255"),
        ({"name": "X", "max_age": 5}, "max age needs to be >= 100ms"),
        ({"name": "X", "subjects": ["a..b"]}, "invalid subject"),
        ({"name": "X", "subjects": ["a.>", "a.b"]}, 'subject "a.>" overlaps with "a.b"'),
        ({"name": "X", "subjects": [">"]}, "capturing all subjects requires no-ack to be true"),
        (
            {"name": "X", "duplicate_window": 1000 * S, "max_age": S},
            "duplicates window can not be larger then max age",
        ),
    ],
)
def test_a_broken_rule_is_told(fields, text):
    assert refusal(stream_config, fields) == (10052, text)


def test_create_asks_the_subject_first():
    request = StreamConfig(name="X2", sealed=True)
    call = (AccountLimits(), AccountUsage())
    assert refusal(stream_rules.require_creatable, "X1", request, *call)[0] == 10056
    assert refusal(stream_rules.require_creatable, "X2", request, *call)[0] == 10052


def test_an_account_has_room_for_so_many_streams():
    limits = AccountLimits(max_streams=3)
    request = StreamConfig(name="X")
    stream_rules.require_creatable("X", request, limits, AccountUsage(streams=2))
    usage = AccountUsage(streams=3)
    assert refusal(stream_rules.require_creatable, "X", request, limits, usage)[0] == 10027


def test_an_account_has_room_for_so_many_bytes():
    limits = AccountLimits(max_storage=100, max_memory=10)
    usage = AccountUsage(reserved_storage=40, reserved_memory=9)
    config = StreamConfig(name="X", max_bytes=60)
    stream_rules.require_room(config, limits, usage)
    assert (
        refusal(stream_rules.require_room, replace(config, max_bytes=61), limits, usage)[0] == 10047
    )
    in_memory = replace(config, storage=Storage.MEMORY, max_bytes=-1)
    stream_rules.require_room(in_memory, limits, usage)
    full = AccountUsage(reserved_memory=10)
    assert refusal(stream_rules.require_room, in_memory, limits, full)[0] == 10028


def test_streams_of_an_account_do_not_share_subjects():
    config = stream_config({"name": "X", "subjects": ["a.*"]})
    stream_rules.require_no_overlap(config, [stream_config({"name": "Y", "subjects": ["b.>"]})])
    other = stream_config({"name": "Y", "subjects": ["a.b"]})
    assert refusal(stream_rules.require_no_overlap, config, [other]) == (
        10065, "subjects overlap with an existing stream",
    )  # fmt: skip


def test_the_servers_metadata_does_not_tell_configs_apart():
    config = stream_config({"name": "X", "metadata": {"a": "1"}})
    assert stream_rules.same(config, stream_rules.shown(config))
    assert not stream_rules.same(config, replace(config, metadata={"a": "2"}))
    assert not stream_rules.same(config, replace(config, max_msgs=5))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"storage": Storage.MEMORY}, "can not change storage type"),
        ({"retention": Retention.WORK_QUEUE}, "can not change retention policy to/from workqueue"),
        ({"deny_delete": False}, "can not cancel deny message deletes"),
        ({"deny_purge": False}, "can not cancel deny purge"),
        ({"name": "Y"}, "name must match original"),
    ],
)
def test_some_things_are_not_for_an_update_to_change(change, text):
    old = stream_config({"name": "X", "deny_delete": True, "deny_purge": True})
    args = (old, replace(old, **change), AccountLimits(), AccountUsage())
    code, description = refusal(stream_rules.apply_update, *args)
    assert code == 10052
    assert description.endswith(text)


def test_other_things_are():
    old = stream_config({"name": "X"})
    new = stream_config({"name": "X", "subjects": ["x.>"], "max_msgs": 5, "discard": "new"})
    assert stream_rules.apply_update(old, new, AccountLimits(), AccountUsage()) == new


def test_sealing_ends_all_change():
    old = stream_config({"name": "X", "max_age": 5 * S})
    sealed = stream_rules.apply_update(
        old, replace(old, sealed=True), AccountLimits(), AccountUsage()
    )
    assert sealed.deny_delete
    assert sealed.deny_purge
    assert (sealed.max_age_ns, sealed.discard) == (0, Discard.NEW)
