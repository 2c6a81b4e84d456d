"""What a consumer's configuration must keep: defaults, checks, and what an update may change.

Pure functions of configurations, in the original's order, since the first broken rule is the one a
client is told of. What depends on the stream's other consumers is asked of the caller.

    CREATE   consumer_requests.require_agreement → (find the stream) → prepare → require_action
             → (where it exists, and is not the `same`) require_update, else require_room
"""

import re
from collections.abc import Mapping
from typing import NoReturn

from msgspec.structs import replace

from isthmus.base import subjects
from isthmus.base.overlaps import Overlaps
from isthmus.base.quoting import quote
from isthmus.base.values import NS_PER_S, format_duration
from isthmus.jetstream import errors, extent, metadata
from isthmus.jetstream.consumer_config import (
    PRIORITY_GROUP,
    AckPolicy,
    Action,
    ConsumerConfig,
    DeliverPolicy,
    PriorityPolicy,
)
from isthmus.jetstream.json_time import ZERO_TIME
from isthmus.jetstream.limits import AccountLimits, ServerLimits
from isthmus.jetstream.origin_rules import valid_name
from isthmus.jetstream.stream_config import ConsumerLimits, StreamConfig
from isthmus.jetstream.stream_rules import DESCRIPTION_MAX, NAME_MAX

ACK_WAIT_DEFAULT_NS = 30 * NS_PER_S
MAX_WAITING_DEFAULT = 512
MAX_ACK_PENDING_DEFAULT = 1000
INACTIVE_DEFAULT_NS = 5 * NS_PER_S  # of a consumer that is not durable
PINNED_DEFAULT_NS = 120 * NS_PER_S
EXPIRES_SHORTEST_NS = 1_000_000
HEARTBEAT_SHORTEST_NS = 100_000_000
FLOW_HEARTBEAT_NS = NS_PER_S  # of ack policy flow_control

_WHOLE_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
_DIGITS_MAX = 40  # with leading zeros; a number of 64 bits has twenty
_NEGATIVE = (  # attribute, name in JSON, what a lower number becomes
    ("max_deliver", "max_deliver", -1),
    ("max_waiting", "max_waiting", 0),
    ("max_ack_pending", "max_ack_pending", -1),
    ("max_batch", "max_batch", 0),
    ("max_expires_ns", "max_expires", 0),
    ("max_bytes", "max_bytes", 0),
    ("idle_heartbeat_ns", "idle_heartbeat", 0),
    ("inactive_threshold_ns", "inactive_threshold", 0),
    ("priority_timeout_ns", "priority_timeout", 0),
)
_FIXED = (  # attribute, and what it is called when an update tries to change it
    ("deliver_policy", "deliver policy"),
    ("mem_storage", "storage type"),
    ("direct", "direct"),
    ("sourcing", "sourcing"),
    ("opt_start_seq", "start sequence"),
    ("opt_start_time", "start time"),
    ("ack_policy", "ack policy"),
    ("replay_policy", "replay policy"),
    ("idle_heartbeat_ns", "heart beats"),
    ("flow_control", "flow control"),
)
_POLICY_WORDS = {
    DeliverPolicy.ALL: "all",
    DeliverPolicy.LAST: "last",
    DeliverPolicy.NEW: "new",
    DeliverPolicy.BY_START_SEQUENCE: "by start sequence",
    DeliverPolicy.BY_START_TIME: "by start time",
    DeliverPolicy.LAST_PER_SUBJECT: "last per subject",
}


def prepare(
    request: ConsumerConfig,
    *,
    stream: StreamConfig,
    server: ServerLimits,
    account: AccountLimits,
    pedantic: bool = False,
    old: ConsumerConfig | None = None,
) -> ConsumerConfig:
    """The config as it is kept: defaults filled in, every rule checked.

    `pedantic` refuses where the server would otherwise correct a value silently. `old` is the
    consumer's config where there is one: its pause is not for an update to change, and who copies a
    stream asks anew without knowing where the consumer began.
    """
    if old is not None:
        request = replace(request, pause_until=old.pause_until)
    if old is not None and request.sourcing and request.durable_name:
        request = replace(
            request,
            deliver_policy=old.deliver_policy,
            opt_start_seq=old.opt_start_seq,
            opt_start_time=old.opt_start_time,
        )
    level = required_level(request)
    config = replace(request, metadata=metadata.with_required_level(request.metadata, level))
    config = _with_numbers(config, pedantic=pedantic)
    config = _with_ack_times(config, pedantic=pedantic)
    config = _with_stream_limits(config, stream, server, account, pedantic=pedantic)
    _require_ack_times(config)
    _require_text(config)
    extent.require_consumer(config)
    if config.deliver_subject:
        _require_push(config, stream)
    else:
        _require_pull(config, server)
    _require_limits(config, stream, server, account)
    _require_direct(config)
    _require_filters(config)
    _require_start(config)
    _require_sampling(config.sample_freq)
    if config.flow_control and config.idle_heartbeat_ns == 0:
        raise errors.make(errors.FLOW_CONTROL_WITHOUT_HEARTBEAT)
    if metadata.size(config.metadata) > metadata.SIZE_MAX:
        raise errors.make(errors.CONSUMER_METADATA_TOO_LARGE, limit="128KB")
    extent.require_metadata(config.metadata)
    _require_priority(config)
    return config


def required_level(config: ConsumerConfig) -> int:
    """The API level a server needs to keep this consumer."""
    if config.ack_policy is AckPolicy.FLOW_CONTROL:
        return 4
    paused = config.pause_until is not None and config.pause_until != ZERO_TIME
    grouped = config.priority_policy is not PriorityPolicy.NONE or config.priority_groups
    return 1 if paused or grouped or config.priority_timeout_ns else 0


def paused(config: ConsumerConfig, until: str) -> ConsumerConfig:
    """`config` paused until then; the zero time: not at all."""
    changed = replace(config, pause_until=None if until == ZERO_TIME else until)
    level = required_level(changed)
    return replace(changed, metadata=metadata.with_required_level(config.metadata, level))


def same(left: ConsumerConfig, right: ConsumerConfig) -> bool:
    """True if creating `right` where `left` exists changes nothing."""
    return replace(left, metadata=metadata.of_client(left.metadata)) == replace(
        right, metadata=metadata.of_client(right.metadata)
    )


def require_update(old: ConsumerConfig, new: ConsumerConfig) -> None:
    """Refuse what an update may not change; both are prepared."""
    for attribute, words in _FIXED:
        if getattr(old, attribute) != getattr(new, attribute):
            _not_updatable(f"{words} can not be updated")
    if old.deliver_subject and not new.deliver_subject:
        _not_updatable("can not update push consumer to pull based")
    if new.deliver_subject and not old.deliver_subject:
        _not_updatable("can not update pull consumer to push based")
    if old.max_waiting != new.max_waiting:
        _not_updatable("max waiting can not be updated")


def require_action(action: Action, old: ConsumerConfig | None, new: ConsumerConfig) -> None:
    """Refuse to create what is there and differs, and to update what is not there."""
    if action is Action.UPDATE and old is None:
        raise errors.make(errors.CONSUMER_DOES_NOT_EXIST)
    if action is Action.CREATE and old is not None and not same(old, new):
        raise errors.make(errors.CONSUMER_EXISTS)


def require_within(limits: ConsumerLimits, consumers: Mapping[str, ConsumerConfig]) -> None:
    """Refuse new limits of a stream that consumers it has, by name, do not keep."""
    broken = [
        name
        for name, config in sorted(consumers.items())
        if 0 < limits.max_ack_pending < config.max_ack_pending
        or 0 < limits.inactive_threshold_ns < config.inactive_threshold_ns
    ]
    if broken:
        text = f"change to limits violates consumers: {', '.join(broken)}"
        raise errors.make(errors.STREAM_UPDATE_FAILED, err=text)


def require_room(
    count: int, stream: StreamConfig, server: ServerLimits, account: AccountLimits
) -> None:
    """Refuse one more consumer where `count` are; an account's limit counts for each stream."""
    limit = stream.max_consumers if stream.max_consumers > 0 else server.default_max_consumers
    if 0 < account.max_consumers < limit:
        limit = account.max_consumers
    if 0 < limit <= count:
        raise errors.make(errors.MAXIMUM_CONSUMERS)


def shown(config: ConsumerConfig) -> ConsumerConfig:
    """The config as CREATE and INFO print it, with the server's version and level."""
    return replace(config, metadata=metadata.with_server(config.metadata))


def sample_percent(frequency: str) -> int:
    """How many of a hundred acknowledgements are told of; the field has been checked."""
    return min(max(int(frequency.removesuffix("%")), 0), 100) if frequency else 0


def _pedantic(text: str) -> NoReturn:
    raise errors.make(errors.PEDANTIC, err=text)


def _not_updatable(text: str) -> NoReturn:
    raise errors.make(errors.CONSUMER_CREATE_FAILED, err=text)


def _with_numbers(config: ConsumerConfig, *, pedantic: bool) -> ConsumerConfig:
    """Negative numbers become -1 or 0, by field."""
    changed: dict[str, int] = {}
    for attribute, name, replacement in _NEGATIVE:
        value: int = getattr(config, attribute)
        if value >= replacement:
            continue
        if pedantic:
            wanted = "must be set to -1" if replacement == -1 else "must not be negative"
            _pedantic(f"{name} {wanted}")
        changed[attribute] = replacement
    if config.max_deliver == 0:
        changed["max_deliver"] = -1
    if config.priority_policy is PriorityPolicy.PINNED_CLIENT and config.priority_timeout_ns <= 0:
        changed["priority_timeout_ns"] = PINNED_DEFAULT_NS
    return replace(config, **changed)


def _with_ack_times(config: ConsumerConfig, *, pedantic: bool) -> ConsumerConfig:
    if config.ack_policy is AckPolicy.FLOW_CONTROL and not pedantic:
        config = replace(config, flow_control=True, idle_heartbeat_ns=FLOW_HEARTBEAT_NS)
    ack_wait_ns = config.ack_wait_ns
    if ack_wait_ns == 0 and config.ack_policy in {AckPolicy.ALL, AckPolicy.EXPLICIT}:
        ack_wait_ns = ACK_WAIT_DEFAULT_NS
    if config.backoff_ns:
        if pedantic and ack_wait_ns != config.backoff_ns[0]:
            _pedantic("first backoff value has to equal batch AckWait")
        ack_wait_ns = config.backoff_ns[0]
    return replace(config, ack_wait_ns=ack_wait_ns)


def _with_stream_limits(
    config: ConsumerConfig,
    stream: StreamConfig,
    server: ServerLimits,
    account: AccountLimits,
    *,
    pedantic: bool,
) -> ConsumerConfig:
    """What the request leaves open is taken from the stream, then the account and the server."""
    limits = stream.consumer_limits
    pending = config.max_ack_pending
    if pending == 0:
        if pedantic and limits.max_ack_pending > 0:
            _pedantic("max_ack_pending must be set if it's configured in stream limits")
        pending = limits.max_ack_pending
    threshold_ns = config.inactive_threshold_ns
    if threshold_ns == 0:
        if pedantic and limits.inactive_threshold_ns > 0:
            _pedantic("inactive_threshold must be set if it's configured in stream limits")
        threshold_ns = limits.inactive_threshold_ns
    if threshold_ns <= 0 and not config.durable_name:
        threshold_ns = INACTIVE_DEFAULT_NS
    if pending == 0 and config.ack_policy is not AckPolicy.NONE:
        bounds = (MAX_ACK_PENDING_DEFAULT, server.max_ack_pending, account.max_ack_pending)
        pending = min(bound for bound in bounds if bound > 0)
    batch, waiting = config.max_batch, config.max_waiting
    if not config.deliver_subject:
        waiting = waiting or MAX_WAITING_DEFAULT
        if batch == 0 and server.max_request_batch > 0:
            if pedantic:
                _pedantic("max_request_batch must be set if it's JetStream limits are set")
            batch = server.max_request_batch
    return replace(
        config,
        max_ack_pending=pending,
        inactive_threshold_ns=threshold_ns,
        max_batch=batch,
        max_waiting=waiting,
    )


def _require_ack_times(config: ConsumerConfig) -> None:
    if config.num_replicas < 0:
        raise errors.make(errors.REPLICAS_NEGATIVE)
    by_flow = config.ack_policy is AckPolicy.FLOW_CONTROL
    if config.backoff_ns and min(config.backoff_ns) < 0:
        raise errors.make(errors.BACKOFF_NEGATIVE)
    if not by_flow and config.backoff_ns and 0 < config.max_deliver < len(config.backoff_ns):
        raise errors.make(errors.MAX_DELIVER_BELOW_BACKOFF)
    if config.ack_wait_ns < 0:
        raise errors.make(errors.ACK_WAIT_NEGATIVE)
    if not by_flow:
        return
    if not config.deliver_subject:
        raise errors.make(errors.FLOW_CONTROL_ACK_WITHOUT_PUSH)
    if not config.flow_control:
        raise errors.make(errors.FLOW_CONTROL_ACK_WITHOUT_FLOW_CONTROL)
    if config.idle_heartbeat_ns != FLOW_HEARTBEAT_NS:
        text = "flow control ack policy heartbeat needs to be 1s"
        raise errors.make(errors.STREAM_INVALID_CONFIG, err=text)
    if config.max_ack_pending <= 0:
        raise errors.make(errors.FLOW_CONTROL_ACK_WITHOUT_MAX_PENDING)
    if config.ack_wait_ns or config.backoff_ns:
        raise errors.make(errors.FLOW_CONTROL_ACK_WITH_ACK_WAIT)
    if config.max_deliver > 0:
        raise errors.make(errors.FLOW_CONTROL_ACK_WITH_MAX_DELIVER)


def _require_text(config: ConsumerConfig) -> None:
    if config.durable_name and not valid_name(config.durable_name):
        _bad_name("consumer durable name")
    if len(config.durable_name.encode()) > NAME_MAX or len(config.name.encode()) > NAME_MAX:
        raise errors.make(errors.CONSUMER_NAME_TOO_LONG, max=NAME_MAX)
    if config.name and not valid_name(config.name):
        _bad_name("consumer name")
    if len(config.description.encode()) > DESCRIPTION_MAX:
        raise errors.make(errors.CONSUMER_DESCRIPTION_TOO_LONG, max=DESCRIPTION_MAX)


def _bad_name(what: str) -> NoReturn:
    text = f"{what} can not contain '.', '*', '>', '\\', '/'"
    raise errors.make(errors.STREAM_INVALID_CONFIG, err=text)


def _require_limits(
    config: ConsumerConfig, stream: StreamConfig, server: ServerLimits, account: AccountLimits
) -> None:
    for limit in (
        server.max_ack_pending,
        account.max_ack_pending,
        stream.consumer_limits.max_ack_pending,
    ):
        if 0 < limit < config.max_ack_pending:
            raise errors.make(errors.MAX_ACK_PENDING_EXCEEDED, limit=limit)
    threshold_ns = stream.consumer_limits.inactive_threshold_ns
    if 0 < threshold_ns < config.inactive_threshold_ns:
        text = format_duration(threshold_ns)
        raise errors.make(errors.INACTIVE_THRESHOLD_EXCEEDED, limit=text)


def _require_push(config: ConsumerConfig, stream: StreamConfig) -> None:
    if not subjects.literal(config.deliver_subject):
        raise errors.make(errors.CONSUMER_DELIVER_WILDCARD)
    if not subjects.valid(config.deliver_subject):
        raise errors.make(errors.DELIVER_SUBJECT_INVALID)
    if any(subjects.covers(subject, config.deliver_subject) for subject in stream.subjects):
        raise errors.make(errors.CONSUMER_DELIVER_CYCLE)
    if config.max_waiting:
        raise errors.make(errors.PUSH_WITH_MAX_WAITING)
    if config.max_ack_pending > 0 and config.ack_policy is AckPolicy.NONE:
        raise errors.make(errors.MAX_ACK_PENDING_WITHOUT_ACK)
    if 0 < config.idle_heartbeat_ns < HEARTBEAT_SHORTEST_NS:
        raise errors.make(errors.HEARTBEAT_TOO_SMALL)


def _require_pull(config: ConsumerConfig, server: ServerLimits) -> None:
    if config.rate_limit_bps:
        raise errors.make(errors.PULL_WITH_RATE_LIMIT)
    if config.idle_heartbeat_ns:
        raise errors.make(errors.HEARTBEAT_WITHOUT_PUSH)
    if config.flow_control:
        raise errors.make(errors.FLOW_CONTROL_WITHOUT_PUSH)
    if 0 < config.max_expires_ns < EXPIRES_SHORTEST_NS:
        raise errors.make(errors.MAX_EXPIRES_TOO_SMALL)
    if 0 < server.max_request_batch < config.max_batch:
        raise errors.make(errors.MAX_BATCH_EXCEEDED, limit=server.max_request_batch)


def _require_direct(config: ConsumerConfig) -> None:
    if not config.direct:
        return
    if not config.deliver_subject:
        raise errors.make(errors.DIRECT_WITHOUT_PUSH)
    if config.durable_name:
        raise errors.make(errors.DIRECT_NOT_EPHEMERAL)


def _require_filters(config: ConsumerConfig) -> None:
    if config.filter_subject and config.filter_subjects:
        raise errors.make(errors.BOTH_FILTER_FORMS)
    if "" in config.filter_subjects:
        raise errors.make(errors.FILTER_EMPTY)
    seen = Overlaps()
    for subject in config.filter_subjects:
        if seen.with_subject(subject):
            raise errors.make(errors.FILTERS_OVERLAP)
        seen.add(subject)
    for subject in config.filters:
        if not subjects.valid(subject):
            raise errors.make(errors.STREAM_INVALID_CONFIG, err="invalid subject")


def _require_start(config: ConsumerConfig) -> None:
    """A start sequence or time is set with its policy, and only then."""
    policy, seq, time = config.deliver_policy, config.opt_start_seq, config.opt_start_time
    if policy is DeliverPolicy.BY_START_SEQUENCE:
        if not seq:
            _bad_start(policy, "start sequence is not set")
        if time is not None:
            _bad_start(policy, "start time is also set")
    elif policy is DeliverPolicy.BY_START_TIME:
        if time is None:
            _bad_start(policy, "start time is not set")
        if seq:
            _bad_start(policy, "start start sequence is also set")
    else:
        if seq:
            _bad_start(policy, "start sequence is also set")
        if time is not None:
            _bad_start(policy, "start time is also set")
        if policy is DeliverPolicy.LAST_PER_SUBJECT and not config.filters:
            _bad_start(policy, "filter subject is not set")


def _bad_start(policy: DeliverPolicy, problem: str) -> NoReturn:
    text = f"consumer delivery policy is deliver {_POLICY_WORDS[policy]}, but optional {problem}"
    raise errors.make(errors.CONSUMER_INVALID_POLICY, err=text)


def _require_sampling(frequency: str) -> None:
    """A whole number of percent, with or without its sign."""
    if not frequency:
        return
    number = frequency.removesuffix("%")
    problem = ""
    if _WHOLE_NUMBER.fullmatch(number) is None:
        problem = f"strconv.Atoi: parsing {quote(number)}: invalid syntax"
    elif len(number) > _DIGITS_MAX or not -(1 << 63) <= int(number) < 1 << 63:
        problem = f"strconv.Atoi: parsing {quote(number)}: value out of range"
    elif int(number) < 0:
        problem = "<nil>"
    if problem:
        raise errors.make(errors.CONSUMER_INVALID_SAMPLING, err=problem)


def _require_priority(config: ConsumerConfig) -> None:
    if config.priority_policy is PriorityPolicy.NONE:
        if config.priority_groups:
            raise errors.make(errors.PRIORITY_GROUPS_WITHOUT_POLICY)
        if config.priority_timeout_ns:
            raise errors.make(errors.PRIORITY_TIMEOUT_WITHOUT_POLICY)
        return
    if config.deliver_subject:
        raise errors.make(errors.PRIORITY_GROUPS_WITH_PUSH)
    if not config.priority_groups:
        raise errors.make(errors.PRIORITY_POLICY_WITHOUT_GROUPS)
    for group in config.priority_groups:
        if not group:
            raise errors.make(errors.PRIORITY_GROUP_EMPTY)
        if PRIORITY_GROUP.fullmatch(group) is None:
            raise errors.make(errors.PRIORITY_GROUP_INVALID)
