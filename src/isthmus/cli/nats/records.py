"""Streams, consumers and messages as the API's documents and the tool's `--json` spell them.

Owns field names, their order in `--json`, and which of them are left out when they are zero. Knows
no checks: the server makes them. A field whose default is made by `_shown` is always printed.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from isthmus.base.values import Value

T = TypeVar("T")

ZERO_TIME = "0001-01-01T00:00:00Z"
HIDDEN_METADATA = "_nats."  # the server's own keys


def _shown(make: Callable[[], T]) -> T:
    """A default that is printed too: `omit_defaults` knows only constant defaults."""
    made: T = msgspec.field(default_factory=make)
    return made


class Record(Value, omit_defaults=True):
    """A document of the API; what is zero is left out."""


class Placement(Record):
    """Where a stream may live."""

    cluster: str = ""
    tags: list[str] = msgspec.field(default_factory=list)


class External(Record):
    """Another account's or domain's API."""

    api: str = ""
    deliver: str = ""


class SubjectTransform(Record):
    """One rewriting of subjects."""

    src: str = ""
    dest: str = ""


class SourceConsumer(Record):
    """The consumer that a copy reads through, if it was chosen."""

    name: str = ""
    deliver_subject: str = ""


class StreamSource(Record):
    """What a stream copies from."""

    name: str = ""
    opt_start_seq: int = 0
    opt_start_time: str = ""
    filter_subject: str = ""
    subject_transforms: list[SubjectTransform] = msgspec.field(default_factory=list)
    external: External | None = None
    consumer: SourceConsumer | None = None


class Republish(Record):
    """Where stored messages are published again."""

    src: str = ""
    dest: str = ""
    headers_only: bool = False


class ConsumerLimits(Record):
    """What a stream imposes on its consumers."""

    inactive_threshold: int = 0
    max_ack_pending: int = 0


class StreamConfig(Record):
    """A stream's configuration, in the order of `--json`. Durations are nanoseconds."""

    name: str = ""
    description: str = ""
    subjects: list[str] = msgspec.field(default_factory=list)
    retention: str = _shown(lambda: "limits")
    max_consumers: int = _shown(int)
    max_msgs_per_subject: int = _shown(int)
    max_msgs: int = _shown(int)
    max_bytes: int = _shown(int)
    max_age: int = _shown(int)
    max_msg_size: int = 0
    storage: str = _shown(lambda: "file")
    discard: str = _shown(lambda: "old")
    num_replicas: int = _shown(int)
    no_ack: bool = False
    duplicate_window: int = 0
    placement: Placement | None = None
    mirror: StreamSource | None = None
    sources: list[StreamSource] = msgspec.field(default_factory=list)
    compression: str = ""
    subject_transform: SubjectTransform | None = None
    republish: Republish | None = None
    sealed: bool = _shown(bool)
    deny_delete: bool = _shown(bool)
    deny_purge: bool = _shown(bool)
    allow_rollup_hdrs: bool = _shown(bool)
    allow_direct: bool = _shown(bool)
    mirror_direct: bool = _shown(bool)
    discard_new_per_subject: bool = False
    first_seq: int = 0
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    allow_msg_ttl: bool = False
    subject_delete_marker_ttl: int = 0
    consumer_limits: ConsumerLimits = _shown(ConsumerLimits)
    allow_atomic: bool = False
    allow_msg_counter: bool = False
    allow_msg_schedules: bool = False
    persist_mode: str = ""
    allow_batched: bool = False

    def __post_init__(self) -> None:
        if self.compression == "none":  # how servers spell what is left out here
            msgspec.structs.force_setattr(self, "compression", "")


class LostData(Record):
    """Sequences that were damaged on disk."""

    msgs: list[int] | None = None
    bytes: int = 0


class StreamState(Record):
    """What a stream holds."""

    messages: int = _shown(int)
    bytes: int = _shown(int)
    first_seq: int = _shown(int)
    first_ts: str = _shown(lambda: ZERO_TIME)
    last_seq: int = _shown(int)
    last_ts: str = _shown(lambda: ZERO_TIME)
    num_deleted: int = 0
    deleted: list[int] = msgspec.field(default_factory=list)
    num_subjects: int = 0
    subjects: dict[str, int] = msgspec.field(default_factory=dict)
    lost: LostData | None = None
    consumer_count: int = _shown(int)


class Peer(Record):
    """A replica of a clustered stream or consumer."""

    name: str = ""
    current: bool = _shown(bool)
    offline: bool = False
    active: int = _shown(int)
    lag: int = 0


class Cluster(Record):
    """Who serves a stream or consumer."""

    name: str = ""
    raft_group: str = ""
    leader: str = ""
    replicas: list[Peer] = msgspec.field(default_factory=list)


class SourceInfo(Record):
    """How far a copy is."""

    name: str = ""
    external: External | None = None
    lag: int = _shown(int)
    active: int = _shown(int)
    filter_subject: str = ""
    subject_transforms: list[SubjectTransform] = msgspec.field(default_factory=list)
    error: dict[str, Any] | None = None


class StreamInfo(Record):
    """A stream: configuration and state."""

    config: StreamConfig
    created: str
    state: StreamState
    domain: str = ""
    cluster: Cluster | None = None
    mirror: SourceInfo | None = None
    sources: list[SourceInfo] = msgspec.field(default_factory=list)
    ts: str = ""


class ConsumerConfig(Record):
    """A consumer's configuration, in the order of `--json`. Durations are nanoseconds."""

    description: str = ""
    ack_policy: str = _shown(lambda: "none")
    ack_wait: int = 0
    deliver_policy: str = _shown(lambda: "all")
    deliver_subject: str = ""
    deliver_group: str = ""
    durable_name: str = ""
    name: str = ""
    filter_subject: str = ""
    filter_subjects: list[str] = msgspec.field(default_factory=list)
    flow_control: bool = False
    idle_heartbeat: int = 0
    max_ack_pending: int = 0
    max_deliver: int = 0
    backoff: list[int] = msgspec.field(default_factory=list)
    max_waiting: int = 0
    opt_start_seq: int = 0
    opt_start_time: str = ""
    rate_limit_bps: int = 0
    replay_policy: str = _shown(lambda: "instant")
    sample_freq: str = ""
    headers_only: bool = False
    max_batch: int = 0
    max_expires: int = 0
    max_bytes: int = 0
    inactive_threshold: int = 0
    num_replicas: int = _shown(int)
    mem_storage: bool = False
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    pause_until: str = _shown(lambda: ZERO_TIME)
    priority_groups: list[str] = msgspec.field(default_factory=list)
    priority_policy: str = ""
    priority_timeout: int = 0


class CreateRequest(Record):
    """The request of CONSUMER.CREATE."""

    stream_name: str
    config: ConsumerConfig


class Position(Record):
    """Where a consumer is, in both countings."""

    consumer_seq: int = _shown(int)
    stream_seq: int = _shown(int)
    last_active: str = ""


class PriorityGroup(Record):
    """A priority group, and who is pinned in it."""

    group: str = ""
    pinned_client_id: str = ""
    pinned_ts: str = ""


class ConsumerInfo(Record):
    """A consumer: configuration and state."""

    stream_name: str
    name: str
    config: ConsumerConfig
    created: str
    delivered: Position
    ack_floor: Position
    num_ack_pending: int = _shown(int)
    num_redelivered: int = _shown(int)
    num_waiting: int = _shown(int)
    num_pending: int = _shown(int)
    cluster: Cluster | None = None
    push_bound: bool = False
    paused: bool = False
    pause_remaining: int = 0
    ts: str = ""
    priority_groups: list[PriorityGroup] = msgspec.field(default_factory=list)

    @property
    def pinned(self) -> list[PriorityGroup]:
        """The groups in which somebody is pinned."""
        return [state for state in self.priority_groups if state.pinned_client_id]


class StoredMessage(Record):
    """A message as the stream holds it; headers and data are base64 in JSON."""

    subject: str
    seq: int
    hdrs: bytes = b""
    data: bytes = b""
    time: str = ""


class MessageAnswer(Record):
    """The answer of STREAM.MSG.GET."""

    message: StoredMessage


class PurgeAnswer(Record):
    """The answer of STREAM.PURGE."""

    success: bool = False
    purged: int = 0


class Done(Record):
    """The answer of the DELETE endpoints."""

    success: bool = False


class AccountLimits(Record):
    """What an account may store; -1 is without limit."""

    max_memory: int = -1
    max_storage: int = -1
    max_streams: int = -1
    max_consumers: int = -1
    max_ack_pending: int = -1
    memory_max_stream_bytes: int = -1
    storage_max_stream_bytes: int = -1
    max_bytes_required: bool = False


class Tier(Record):
    """What an account uses and may use, for one number of replicas."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    streams: int = 0
    consumers: int = 0
    limits: AccountLimits = AccountLimits()


class AccountUsage(Tier):
    """The answer of INFO."""

    domain: str = ""
    tiers: dict[str, Tier] = msgspec.field(default_factory=dict)


def visible_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """The keys that people set."""
    return {key: metadata[key] for key in sorted(metadata) if not key.startswith(HIDDEN_METADATA)}
