"""The rules in their own words; `tests/oracle` compares all of them with the real server."""

import json

import pytest
from msgspec.structs import replace

from isthmus.base.errors import JetStreamError
from isthmus.jetstream import stream_rules
from isthmus.jetstream.decoding import decode
from isthmus.jetstream.limits import AccountLimits, AccountUsage, ServerLimits
from isthmus.jetstream.stream_config import (
    Discard,
    PersistMode,
    Retention,
    Storage,
    StreamConfig,
    StreamSource,
)
from support.jetstream_cases import STREAM_CASES
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


def test_only_a_mirror_can_be_read_directly_for_its_origin():
    request = StreamConfig(name="X", mirror_direct=True)
    call = (AccountLimits(), AccountUsage())
    code, text = refusal(stream_rules.require_creatable, "X", request, *call)
    assert (code, text) == (10052, "stream has no mirror but does have mirror direct")
    stream_rules.require_creatable("X", replace(request, mirror=StreamSource(name="M")), *call)


def test_memory_must_be_there_before_anything_else_is_asked():
    request = StreamConfig(name="X", storage=Storage.MEMORY, max_bytes=11, description="d" * 5000)
    call = (AccountLimits(max_memory=10), AccountUsage())
    assert refusal(stream_rules.require_creatable, "X", request, *call)[0] == 10028


def test_an_account_has_room_for_so_many_streams():
    limits = AccountLimits(max_streams=3)
    request = StreamConfig(name="X")
    stream_rules.require_creatable("X", request, limits, AccountUsage(streams=2))
    usage = AccountUsage(streams=3)
    assert refusal(stream_rules.require_creatable, "X", request, limits, usage)[0] == 10027


@pytest.mark.parametrize("unlimited", [-1, 0])
def test_zero_streams_is_no_bound(unlimited):
    limits, usage = AccountLimits(max_streams=unlimited), AccountUsage(streams=3)
    stream_rules.require_creatable("X", StreamConfig(name="X"), limits, usage)


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


# case → the text of a broken rule, or the code of an error that has its own
REFUSED = {
    "name *": "stream name is required and can not contain '.', '*', '>', '\\', '/'",
    "name >": "stream name is required and can not contain '.', '*', '>', '\\', '/'",
    "name /": 10128,
    "name \\": 10128,
    "name of 256": "stream name is too long, maximum allowed is 255",
    "description too long": "stream description is too long, maximum allowed is 4096",
    "metadata too large": "stream metadata exceeds maximum size of 131072 bytes",
    "3 replicas": 10074,
    "6 replicas": "maximum replicas is 5",
    "negative replicas": 10133,
    "negative age": "max age can not be negative",
    "age too short": "max age needs to be >= 100ms",
    "negative window": "duplicates window can not be negative",
    "window too short": "duplicates window needs to be >= 100ms",
    "window above age": "duplicates window can not be larger then max age",
    "per subject, discard old": "discard new per subject requires discard new policy to be set",
    "per subject, no limit": "discard new per subject requires max msgs per subject > 0",
    "sealed": "stream configuration for create can not be sealed",
    "roll-up without purge": "roll-ups require the purge permission",
    "mirror direct": "stream has no mirror but does have mirror direct",
    "negative marker": "subject delete marker TTL must not be negative",
    "marker too short": "subject delete marker TTL must be at least 1 second",
    "counter, discard new": "counter stream cannot use discard new",
    "counter, ttl": "counter stream cannot use message TTLs",
    "counter, schedules": "counter stream cannot use message schedules",
    "counter, interest": "counter stream can only use limits retention",
    "schedules, discard new": "message scheduling cannot use discard new",
    "async, memory": "async persist mode is only supported on file storage",
    "async, replicas": "async persist mode is not supported on replicated streams",
    "async, atomic": "async persist mode is not supported with atomic batch publish",
    "invalid subject": "invalid subject",
    "empty subject": "invalid subject",
    "blank subject": "invalid subject",
    "> inside": "invalid subject",
    "same subject twice": 'subject "a" overlaps with "a"',
    "overlapping subjects": 'subject "a.*" overlaps with "a.>"',
    "all subjects": "capturing all subjects requires no-ack to be true",
    "*.>": "subjects that overlap with jetstream api require no-ack to be true",
    "api subject": "subjects that overlap with jetstream api require no-ack to be true",
    "events and api": "subjects that overlap with jetstream api require no-ack to be true",
    "cluster subject": "subjects that overlap with jetstream api require no-ack to be true",
    "raft subject": "subjects that overlap with jetstream api require no-ack to be true",
    "system subject": "subjects that overlap with system api require no-ack to be true",
    "preferred server": "preferred server not permitted in placement",
    "mirror, subjects": 10034,
    "mirror, sources": 10031,
    "mirror, first sequence": 10143,
    "mirror, counter": 10173,
    "mirror, atomic": 10198,
    "mirror, batched": 10209,
    "mirror, schedules": 10186,
    "mirror, marker": "subject delete markers forbidden on mirrors",
    "mirror without name": 10142,
    "source, schedules": 10187,
    "source twice": 10140,
    "source without name": 10141,
}


@pytest.mark.parametrize("name", STREAM_CASES)
def test_every_case_is_kept_or_refused_for_its_reason(name):
    case = STREAM_CASES[name]
    request = decode(StreamConfig, json.dumps({"name": "X", **case}).encode())
    try:
        stream_rules.require_creatable(request.name, request, AccountLimits(), AccountUsage())
        stream_rules.normalise(request, server=ServerLimits(), account=AccountLimits())
    except JetStreamError as error:
        expected = REFUSED[name]
        assert expected == (error.description if isinstance(expected, str) else error.err_code)
    else:
        assert name not in REFUSED


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_age_ns": S}, "duplicate window cannot be bigger than max age"),
        ({}, "duplicate window limits are higher than current limits"),
        ({"max_consumers": -5}, "max_consumers must be set to -1"),
    ],
)
def test_what_a_pedantic_request_leaves_to_the_server_is_told(fields, text):
    server = ServerLimits(duplicate_window_ns=60 * S if not fields else 0)
    request = StreamConfig(name="X", **fields)
    refused = refusal(
        stream_rules.normalise, request, server=server, account=AccountLimits(), pedantic=True
    )
    assert refused == (10157, f"pedantic mode: {text}")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"subject_delete_marker_ttl_ns": S}, "if message TTLs are disabled"),
        ({"subject_delete_marker_ttl_ns": S, "allow_msg_ttl": True}, "if roll-ups are disabled"),
        ({"allow_msg_schedules": True}, "if roll-ups are disabled"),
    ],
)
def test_what_turns_something_else_on_is_told_to_a_pedantic_request(fields, text):
    limits = {"server": ServerLimits(), "account": AccountLimits()}
    request = StreamConfig(name="X", **fields)
    code, description = refusal(stream_rules.normalise, request, **limits, pedantic=True)
    assert code == 10052
    assert description.endswith(text)


def test_the_servers_window_bounds_the_streams():
    server = ServerLimits(duplicate_window_ns=60 * S)
    config = stream_rules.normalise(StreamConfig(name="X"), server=server, account=AccountLimits())
    assert config.duplicate_window_ns == 60 * S
    request = StreamConfig(name="X", duplicate_window_ns=61 * S)
    refused = refusal(stream_rules.normalise, request, server=server, account=AccountLimits())
    assert refused[1] == "duplicates window can not be larger then server limit of 1m0s"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 10113),
        ({"max_bytes": 101}, 10122),
        ({"max_bytes": 51, "storage": Storage.MEMORY}, 10122),
        ({"max_bytes": 100, "max_consumers": 5}, 10026),
    ],
)
def test_the_account_bounds_the_stream(fields, code):
    account = AccountLimits(
        max_bytes_required=True, storage_max_stream_bytes=100, memory_max_stream_bytes=50,
        max_consumers=4,
    )  # fmt: skip
    request = StreamConfig(name="X", **fields)
    assert (
        refusal(stream_rules.normalise, request, server=ServerLimits(), account=account)[0] == code
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({"sealed": True}, {}, "can not unseal a sealed stream"),
        ({"allow_msg_ttl": True}, {}, "message TTL status can not be disabled"),
        ({"allow_msg_schedules": True}, {}, "message schedules can not be disabled"),
        ({}, {"allow_msg_counter": True}, "can not change message counter setting"),
        ({}, {"persist_mode": PersistMode.ASYNC}, "can not change persist mode"),
        ({}, {"mirror": StreamSource(name="M")}, "stream mirror configuration can not be updated"),
    ],
)
def test_some_things_are_decided_once(old, new, text):
    args = (StreamConfig(**old), StreamConfig(**new), AccountLimits(), AccountUsage())
    assert refusal(stream_rules.apply_update, *args)[1].endswith(text)


def test_an_update_needs_room_for_what_it_adds():
    config = stream_config({"name": "X", "max_bytes": 10})
    limits, usage = AccountLimits(max_storage=20), AccountUsage(reserved_storage=5)
    stream_rules.apply_update(config, replace(config, max_bytes=15), limits, usage)
    args = (config, replace(config, max_bytes=16), limits, usage)
    assert refusal(stream_rules.apply_update, *args)[0] == 10047
