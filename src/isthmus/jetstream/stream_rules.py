"""What a stream's configuration must keep: defaults, checks, and what an update may change.

Pure functions of configurations, in the original's order, since the first broken rule is the one a
client is told of. What depends on the other streams of the account is asked of the caller.

    CREATE   require_creatable → prepare → (`same` where it exists, else) require_room
             → require_no_overlap
    UPDATE   prepare → (find the stream) → apply_update → consumer_rules.require_within
             → require_no_overlap

Of the metadata three keys belong to the server: the API level an asset needs is stored with it,
the server's own version and level are only shown (`shown`).
"""

from collections.abc import Iterable
from typing import NoReturn

from msgspec.structs import replace

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.overlaps import Overlaps
from isthmus.base.values import NS_PER_S, format_duration
from isthmus.jetstream import errors, extent, metadata, transforms
from isthmus.jetstream.limits import AccountLimits, AccountUsage, ServerLimits
from isthmus.jetstream.not_yet import refusal
from isthmus.jetstream.origin_rules import Known, valid_name, with_origins
from isthmus.jetstream.stream_config import (
    NOT_YET,
    Discard,
    PersistMode,
    Placement,
    Retention,
    Storage,
    StreamConfig,
)

NAME_MAX = 255  # bytes
DESCRIPTION_MAX = 4096  # bytes
REPLICAS_MAX = 5
WINDOW_DEFAULT_NS = 120 * NS_PER_S
SHORTEST_NS = 100_000_000  # of max_age and duplicate_window
MARKER_SHORTEST_NS = NS_PER_S
NO_STREAMS: Known = {}

_API_SPACES = ("$JS.>", "$JSC.>", "$NRG.>")
_API_EVENTS = "$JS.EVENT.>"
_SYSTEM_SPACE = "$SYS.>"
_SYSTEM_EVENTS = "$SYS.ACCOUNT.>"


def prepare(
    request: StreamConfig,
    *,
    server: ServerLimits,
    account: AccountLimits,
    pedantic: bool = False,
    known: Known = NO_STREAMS,
) -> StreamConfig:
    """The config as it is kept: defaults filled in, every rule checked, every field supported.

    `pedantic` refuses where the server would otherwise correct a value silently. `known` are the
    streams of the account, by name.
    """
    config = normalise(request, server=server, account=account, pedantic=pedantic, known=known)
    missing = refusal(config, NOT_YET)
    if missing is not None:
        _invalid(missing)
    return config


def normalise(
    request: StreamConfig,
    *,
    server: ServerLimits,
    account: AccountLimits,
    pedantic: bool = False,
    known: Known = NO_STREAMS,
) -> StreamConfig:
    """`prepare` without asking whether this server carries out what the config asks for."""
    config = replace(
        request,
        metadata=metadata.with_required_level(request.metadata, required_level(request)),
    )
    _require_text(config)
    config = _with_numbers(config, pedantic=pedantic)
    config = _with_windows(config, server, pedantic=pedantic)
    _require_counter(config)
    _require_discard(config)
    config = _with_markers(config, pedantic=pedantic)
    config = _with_schedules(config, pedantic=pedantic)
    _require_persist_mode(config)
    config = with_origins(config, known, pedantic=pedantic)
    if not config.subjects and config.mirror is None and not config.sources:
        config = replace(config, subjects=(config.name,))
    _require_subjects(config)
    _require_account(config, account)
    _require_transform(config)
    config = _with_republish(config)
    config = _with_placement(config)
    if config.num_replicas > 1:
        raise errors.make(errors.REPLICAS_NOT_SUPPORTED)
    return config


def required_level(config: StreamConfig) -> int:
    """The API level a server needs to keep this stream."""
    if config.allow_batched:
        return 4
    asynchronous = config.persist_mode is PersistMode.ASYNC
    if config.allow_msg_counter or config.allow_atomic or config.allow_msg_schedules:
        return 2
    if asynchronous:
        return 2
    return 1 if config.allow_msg_ttl or config.subject_delete_marker_ttl_ns > 0 else 0


def require_creatable(
    name: str, request: StreamConfig, limits: AccountLimits, usage: AccountUsage
) -> None:
    """What CREATE asks before any rule: `name` is the one in the subject of the request."""
    if name != request.name:
        raise errors.make(errors.STREAM_DOES_NOT_MATCH_SUBJECT)
    require_name(name)
    if request.sealed:
        _invalid("stream configuration for create can not be sealed")
    if request.mirror_direct and request.mirror is None:
        _invalid("stream has no mirror but does have mirror direct")
    if 0 < limits.max_streams <= usage.streams:  # zero is no bound, as with consumers
        raise errors.make(errors.MAXIMUM_STREAMS)
    if request.storage is Storage.MEMORY and request.max_bytes > 0:
        require_room(request, limits, usage)


def require_name(name: str) -> None:
    """Refuse a name that looks like a path."""
    if "/" in name or "\\" in name:
        raise errors.make(errors.STREAM_NAME_PATH_SEPARATOR)


def require_room(config: StreamConfig, limits: AccountLimits, usage: AccountUsage) -> None:
    """Refuse what the account has no room for; one that reserves nothing still needs a byte."""
    needed = max(config.max_bytes * max(config.num_replicas, 1), 1)
    if config.storage is Storage.MEMORY:
        row, limit, taken = errors.MEMORY_INSUFFICIENT, limits.max_memory, usage.reserved_memory
    else:
        row, limit, taken = errors.STORAGE_INSUFFICIENT, limits.max_storage, usage.reserved_storage
    if 0 <= limit < taken + needed:
        raise errors.make(row)


def require_no_overlap(config: StreamConfig, others: Iterable[StreamConfig]) -> None:
    """Refuse subjects that another stream of the account takes in."""
    mine = Overlaps(config.subjects)
    for other in others:
        if any(mine.with_subject(its) for its in other.subjects):
            raise errors.make(errors.SUBJECTS_OVERLAP)


def same(left: StreamConfig, right: StreamConfig) -> bool:
    """True if creating `right` where `left` exists changes nothing."""
    return replace(left, metadata=metadata.of_client(left.metadata)) == replace(
        right, metadata=metadata.of_client(right.metadata)
    )


def apply_update(
    old: StreamConfig, new: StreamConfig, limits: AccountLimits, usage: AccountUsage
) -> StreamConfig:
    """What `old` becomes; `new` is prepared. Raises for what an update may not change."""
    _require_counter(new)  # once more: delete markers have turned message TTLs on since
    if new.name != old.name:
        _invalid("stream configuration name must match original")
    if new.storage is not old.storage:
        _invalid("stream configuration update can not change storage type")
    work_queue = Retention.WORK_QUEUE in {old.retention, new.retention}
    if new.retention is not old.retention and work_queue:
        _invalid("stream configuration update can not change retention policy to/from workqueue")
    if old.sealed and not new.sealed:
        _invalid("stream configuration update can not unseal a sealed stream")
    if old.deny_delete and not new.deny_delete:
        _invalid("stream configuration update can not cancel deny message deletes")
    if old.deny_purge and not new.deny_purge:
        _invalid("stream configuration update can not cancel deny purge")
    if old.allow_msg_ttl and not new.allow_msg_ttl:
        _invalid("message TTL status can not be disabled")
    if old.allow_msg_counter != new.allow_msg_counter:
        _invalid("stream configuration update can not change message counter setting")
    if old.allow_msg_schedules and not new.allow_msg_schedules:
        _invalid("message schedules can not be disabled")
    if old.persist_mode is not new.persist_mode:
        _invalid("stream configuration update can not change persist mode")
    if new.mirror is not None and old.mirror != new.mirror:
        raise errors.make(errors.MIRROR_NOT_UPDATABLE)
    if new.max_bytes > old.max_bytes:
        require_room(new, limits, usage)
    return _sealed(new) if new.sealed else new


def shown(config: StreamConfig) -> StreamConfig:
    """The config as CREATE, UPDATE and INFO print it, with the server's version and level."""
    return replace(config, metadata=metadata.with_server(config.metadata))


def _invalid(text: str) -> NoReturn:
    raise errors.make(errors.STREAM_INVALID_CONFIG, err=text)


def _pedantic(text: str) -> NoReturn:
    raise errors.make(errors.PEDANTIC, err=text)


def _require_text(config: StreamConfig) -> None:
    if not valid_name(config.name):
        _invalid("stream name is required and can not contain '.', '*', '>', '\\', '/'")
    if len(config.name.encode()) > NAME_MAX:
        _invalid(f"stream name is too long, maximum allowed is {NAME_MAX}")
    if len(config.description.encode()) > DESCRIPTION_MAX:
        _invalid(f"stream description is too long, maximum allowed is {DESCRIPTION_MAX}")
    if metadata.size(config.metadata) > metadata.SIZE_MAX:
        _invalid(f"stream metadata exceeds maximum size of {metadata.SIZE_MAX} bytes")
    extent.require_stream(config)


def _with_numbers(config: StreamConfig, *, pedantic: bool) -> StreamConfig:
    if config.num_replicas > REPLICAS_MAX:
        _invalid(f"maximum replicas is {REPLICAS_MAX}")
    if config.num_replicas < 0:
        raise errors.make(errors.REPLICAS_NEGATIVE)
    names = ("max_msgs", "max_msgs_per_subject", "max_bytes", "max_msg_size", "max_consumers")
    changed: dict[str, int] = {}
    for name in names:
        value: int = getattr(config, name)
        if value < -1 and pedantic:
            _pedantic(f"{name} must be set to -1")
        if value == 0 or value < -1:
            changed[name] = -1
    return replace(config, num_replicas=config.num_replicas or 1, **changed)


def _with_windows(config: StreamConfig, server: ServerLimits, *, pedantic: bool) -> StreamConfig:
    if config.max_age_ns < 0:
        _invalid("max age can not be negative")
    if 0 < config.max_age_ns < SHORTEST_NS:
        _invalid("max age needs to be >= 100ms")
    window_ns = config.duplicate_window_ns
    if window_ns == 0 and config.mirror is None and not config.sources:
        window_ns = _default_window_ns(config, server, pedantic=pedantic)
    if window_ns < 0:
        _invalid("duplicates window can not be negative")
    if config.max_age_ns and window_ns > config.max_age_ns:
        _invalid("duplicates window can not be larger then max age")
    if 0 < server.duplicate_window_ns < window_ns:
        limit = format_duration(server.duplicate_window_ns)
        _invalid(f"duplicates window can not be larger then server limit of {limit}")
    if 0 < window_ns < SHORTEST_NS:
        _invalid("duplicates window needs to be >= 100ms")
    if config.deny_purge and config.allow_rollup_hdrs:
        _invalid("roll-ups require the purge permission")
    return replace(config, duplicate_window_ns=window_ns)


def _default_window_ns(config: StreamConfig, server: ServerLimits, *, pedantic: bool) -> int:
    window_ns = WINDOW_DEFAULT_NS
    if 0 < server.duplicate_window_ns < window_ns:
        if pedantic:
            _pedantic("duplicate window limits are higher than current limits")
        window_ns = server.duplicate_window_ns
    if 0 < config.max_age_ns < window_ns:
        if pedantic:
            _pedantic("duplicate window cannot be bigger than max age")
        window_ns = config.max_age_ns
    return window_ns


def _require_counter(config: StreamConfig) -> None:
    if not config.allow_msg_counter:
        return
    if config.discard is Discard.NEW:
        _invalid("counter stream cannot use discard new")
    if config.allow_msg_ttl:
        _invalid("counter stream cannot use message TTLs")
    if config.allow_msg_schedules:
        _invalid("counter stream cannot use message schedules")
    if config.retention is not Retention.LIMITS:
        _invalid("counter stream can only use limits retention")


def _require_discard(config: StreamConfig) -> None:
    if not config.discard_new_per_subject:
        return
    if config.discard is not Discard.NEW:
        _invalid("discard new per subject requires discard new policy to be set")
    if config.max_msgs_per_subject <= 0:
        _invalid("discard new per subject requires max msgs per subject > 0")


def _with_markers(config: StreamConfig, *, pedantic: bool) -> StreamConfig:
    """Delete markers need message TTLs and roll-ups, so they turn both on."""
    if config.subject_delete_marker_ttl_ns == 0:
        return config
    if config.subject_delete_marker_ttl_ns < 0:
        _invalid("subject delete marker TTL must not be negative")
    if config.subject_delete_marker_ttl_ns < MARKER_SHORTEST_NS:
        _invalid("subject delete marker TTL must be at least 1 second")
    if pedantic and not config.allow_msg_ttl:
        _invalid("subject delete marker cannot be set if message TTLs are disabled")
    if pedantic and not config.allow_rollup_hdrs:
        _invalid("subject delete marker cannot be set if roll-ups are disabled")
    return replace(config, allow_msg_ttl=True, allow_rollup_hdrs=True, deny_purge=False)


def _with_schedules(config: StreamConfig, *, pedantic: bool) -> StreamConfig:
    """Schedules are kept one a subject by roll-up, so they turn it on."""
    if not config.allow_msg_schedules:
        return config
    if config.discard is Discard.NEW:
        _invalid("message scheduling cannot use discard new")
    if pedantic and not config.allow_rollup_hdrs:
        _invalid("message scheduling cannot be set if roll-ups are disabled")
    return replace(config, allow_rollup_hdrs=True, deny_purge=False)


def _require_persist_mode(config: StreamConfig) -> None:
    if config.persist_mode is not PersistMode.ASYNC:
        return
    if config.storage is not Storage.FILE:
        _invalid("async persist mode is only supported on file storage")
    if config.num_replicas > 1:
        _invalid("async persist mode is not supported on replicated streams")
    if config.allow_atomic:
        _invalid("async persist mode is not supported with atomic batch publish")


def _require_subjects(config: StreamConfig) -> None:
    seen = Overlaps()
    for position, subject in enumerate(config.subjects):
        if not subjects.valid(subject):
            _invalid("invalid subject")
        if subject == ">":
            if not config.no_ack:
                _invalid("capturing all subjects requires no-ack to be true")
            if config.num_replicas > 1:
                _invalid("capturing all subjects requires replicas of 1")
        if not config.no_ack:
            _require_outside_server_spaces(subject)
        if seen.with_subject(subject):
            before = config.subjects[:position]
            earlier = next((one for one in before if subjects.collide(one, subject)), "")
            if not earlier:
                _invalid("too many subjects with wildcards")
            _invalid(f'subject "{earlier}" overlaps with "{subject}"')
        seen.add(subject)


def _require_outside_server_spaces(subject: str) -> None:
    """A stream that acknowledges would answer the server's own messages; its events are fine."""
    if subject[0] not in "$*>":
        return
    in_api = any(subjects.collide(subject, space) for space in _API_SPACES)
    if in_api and not subjects.covers(_API_EVENTS, subject):
        _invalid("subjects that overlap with jetstream api require no-ack to be true")
    in_system = subjects.collide(subject, _SYSTEM_SPACE)
    if in_system and not subjects.covers(_SYSTEM_EVENTS, subject):
        _invalid("subjects that overlap with system api require no-ack to be true")


def _require_account(config: StreamConfig, account: AccountLimits) -> None:
    if account.max_bytes_required and config.max_bytes <= 0:
        raise errors.make(errors.MAX_BYTES_REQUIRED)
    memory = config.storage is Storage.MEMORY
    limit = account.memory_max_stream_bytes if memory else account.storage_max_stream_bytes
    if 0 < limit < config.max_bytes:
        raise errors.make(errors.MAX_STREAM_BYTES_EXCEEDED)
    if 0 < account.max_consumers < config.max_consumers:
        raise errors.make(errors.MAXIMUM_CONSUMERS)


def _require_transform(config: StreamConfig) -> None:
    transform = config.subject_transform
    if transform is None:
        return
    if transform.src and not subjects.valid(transform.src):
        raise errors.make(
            errors.STREAM_TRANSFORM_SOURCE_INVALID, err=f"invalid subject {transform.src}"
        )
    if not transform.dest:
        return
    try:
        transforms.make_rewriting(transform.src, transform.dest)
    except UsageError as error:
        raise errors.make(errors.STREAM_TRANSFORM_INVALID, err=str(error)) from None


def _with_republish(config: StreamConfig) -> StreamConfig:
    again = config.republish
    if again is None:
        return config
    again = replace(again, src=again.src or ">")
    if any(subjects.collide(transforms.pattern_of(again.dest), one) for one in config.subjects):
        _invalid("stream configuration for republish destination forms a cycle")
    try:
        transforms.make_rewriting(again.src, again.dest)
    except UsageError:
        _invalid(
            "stream configuration for republish with transform from "
            f"'{again.src}' to '{again.dest}' not valid"
        )
    return replace(config, republish=again)


def _with_placement(config: StreamConfig) -> StreamConfig:
    if config.placement is None:
        return config
    if config.placement.preferred:
        _invalid("preferred server not permitted in placement")
    return replace(config, placement=None) if config.placement == Placement() else config


def _sealed(config: StreamConfig) -> StreamConfig:
    return replace(
        config,
        max_age_ns=0,
        discard=Discard.NEW,
        deny_delete=True,
        deny_purge=True,
        allow_rollup_hdrs=False,
    )
