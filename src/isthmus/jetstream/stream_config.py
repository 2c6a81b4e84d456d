"""StreamConfig: every field a stream can be configured by, in the order of the wire.

Defaults here are the wire's: what an absent field means in a request, before `stream_rules`
normalises it (0 messages means without limit, no subjects means the stream's name). A field made by
`always` is printed even when it holds its default. Knows no rule beyond a field's own words.

`NOT_YET` names what this server does not do yet; `stream_rules.prepare` refuses it by name.
"""

from typing import ClassVar, Self

import msgspec

from isthmus.base.values import Value, always
from isthmus.jetstream.json_kinds import Duration, Int, Int32, Int64, Policy, Prose, Time, Uint64
from isthmus.jetstream.json_text import JsonError, Node


class Retention(Policy):
    """What removes a message."""

    LIMITS = "limits"
    INTEREST = "interest"
    WORK_QUEUE = "workqueue"


class Discard(Policy):
    """What gives way at a limit: the oldest message, or the new one."""

    OLD = "old"
    NEW = "new"


class Storage(Policy):
    """Where messages are kept."""

    FILE = "file"
    MEMORY = "memory"


class Compression(Policy):
    """How blocks are compressed at rest."""

    NONE = "none"
    S2 = "s2"

    @classmethod
    def refusal(cls, node: Node) -> JsonError:
        """Why `node` is none of the words; it is read as a text first."""
        if node.kind not in {"string", "null"}:
            return JsonError(f"json: cannot unmarshal {node.kind} into Go value of type string")
        return JsonError("unknown compression algorithm")


class PersistMode(Policy):
    """Whether an acknowledgement waits for the write; `default` is not printed."""

    DEFAULT = ""
    ASYNC = "async"

    @classmethod
    def from_json(cls, node: Node) -> Self:
        """The mode that `node` spells; `default` is a word too."""
        return cls("") if node.raw == '"default"' else super().from_json(node)


class Placement(Value, omit_defaults=True):
    """Where a cluster should put the stream; stored and shown, without effect on one server."""

    cluster: str = ""
    tags: tuple[str, ...] = ()
    preferred: str = ""


class SubjectTransform(Value):
    """Subjects that match `src` are stored as `dest`."""

    go_name: ClassVar[str] = "SubjectTransformConfig"

    src: str = ""
    dest: str = ""


class ExternalStream(Value):
    """The prefixes by which another account's or domain's API is reached."""

    api: str = ""
    deliver: str = ""


class SourceConsumer(Value, omit_defaults=True):
    """The durable consumer a mirror or source reads through."""

    go_name: ClassVar[str] = "StreamConsumerSource"

    name: str = ""
    deliver_subject: str = ""


class StreamSource(Value, omit_defaults=True):
    """Another stream, as a mirror's origin or one of several sources."""

    go_pointer: ClassVar[bool] = True

    name: str = always("")
    opt_start_seq: Uint64 = 0
    opt_start_time: Time | None = None
    filter_subject: str = ""
    subject_transforms: tuple[SubjectTransform, ...] = ()
    external: ExternalStream | None = None
    consumer: SourceConsumer | None = None


class Republish(Value, omit_defaults=True):
    """Stored messages are published again, on a subject made from theirs."""

    go_name: ClassVar[str] = "RePublish"

    src: str = ""
    dest: str = always("")
    headers_only: bool = False


class ConsumerLimits(Value, omit_defaults=True):
    """Bounds and defaults for the consumers of a stream."""

    go_name: ClassVar[str] = "StreamConsumerLimits"

    inactive_threshold_ns: Duration = msgspec.field(default=0, name="inactive_threshold")
    max_ack_pending: Int = 0


class StreamConfig(Value, omit_defaults=True):
    """A stream as it is asked for, kept and shown."""

    name: str = always("")
    description: Prose = ""
    subjects: tuple[str, ...] = ()
    retention: Retention = always(Retention.LIMITS)
    max_consumers: Int = always(0)
    max_msgs: Int64 = always(0)
    max_bytes: Int64 = always(0)
    max_age_ns: Duration = always(0, name="max_age")
    max_msgs_per_subject: Int64 = always(0)
    max_msg_size: Int32 = 0
    discard: Discard = always(Discard.OLD)
    storage: Storage = always(Storage.FILE)
    num_replicas: Int = always(0)
    no_ack: bool = False
    duplicate_window_ns: Duration = msgspec.field(default=0, name="duplicate_window")
    placement: Placement | None = None
    mirror: StreamSource | None = None
    sources: tuple[StreamSource, ...] = ()
    compression: Compression = always(Compression.NONE)
    first_seq: Uint64 = 0
    subject_transform: SubjectTransform | None = None
    republish: Republish | None = None
    allow_direct: bool = always(False)
    mirror_direct: bool = always(False)
    discard_new_per_subject: bool = False
    sealed: bool = always(False)
    deny_delete: bool = always(False)
    deny_purge: bool = always(False)
    allow_rollup_hdrs: bool = always(False)
    consumer_limits: ConsumerLimits = always(ConsumerLimits())
    allow_msg_ttl: bool = always(False)
    subject_delete_marker_ttl_ns: Duration = msgspec.field(
        default=0, name="subject_delete_marker_ttl"
    )
    allow_msg_counter: bool = False
    allow_atomic: bool = False
    allow_msg_schedules: bool = False
    persist_mode: PersistMode = PersistMode.DEFAULT
    allow_batched: bool = False
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class StreamConfigRequest(StreamConfig, omit_defaults=True):
    """The body of STREAM.CREATE and STREAM.UPDATE: a config, and whether to correct it silently."""

    pedantic: bool = False

    def config(self) -> StreamConfig:
        """The config alone."""
        fields = msgspec.structs.asdict(self)
        del fields["pedantic"]
        return StreamConfig(**fields)


NOT_YET: dict[str, str] = {
    "allow_msg_counter": "no counters",
    "allow_atomic": "no atomic batches",
    "allow_msg_schedules": "no schedules",
    "persist_mode": "only default",
    "allow_batched": "no batches",
}
