"""The answers of $JS.API, as documents in the order of the wire.

Each begins with its `type`; an error keeps the fields that are printed in any case, at zero. What
the original embeds in an answer (the state of a stream or consumer) is a struct of its own here,
and `to_body` joins the parts into one object:

    to_body(Response(type=…), stream_info, Created())   {"type":…,"config":…,…,"did_create":true}

Times are text already (`values.format_time`), since they come from a store and only pass through.
"""

import msgspec

from isthmus.base.values import Value, always, to_json
from isthmus.jetstream.consumer_config import ConsumerConfig
from isthmus.jetstream.errors import ApiError
from isthmus.jetstream.json_time import ZERO_TIME
from isthmus.jetstream.limits import AccountLimits
from isthmus.jetstream.stream_config import ExternalStream, StreamConfig, SubjectTransform

NAMES_LIMIT = 1024  # names in one answer
LIST_LIMIT = 256  # descriptions in one answer
SUBJECTS_LIMIT = 100_000  # subjects in one STREAM.INFO


class Response(Value, omit_defaults=True):
    """What every answer begins with."""

    type: str
    error: ApiError | None = None


class Success(Response, omit_defaults=True):
    """DELETE and MSG.DELETE: done."""

    success: bool = False


class Paged(Response, omit_defaults=True):
    """An answer that may hold a part of a longer list, or of the subjects of a stream."""

    total: int = always(0)
    offset: int = always(0)
    limit: int = always(0)


class Purged(Success, omit_defaults=True):
    """STREAM.PURGE: how many messages are gone."""

    purged: int = always(0)


class Paused(Response, omit_defaults=True):
    """CONSUMER.PAUSE."""

    paused: bool = always(False)
    pause_until: str = always(ZERO_TIME)
    pause_remaining_ns: int = msgspec.field(default=0, name="pause_remaining")


class RestoreStarted(Response, omit_defaults=True):
    """STREAM.RESTORE: where the chunks go."""

    deliver_subject: str = always("")


class ApiStatistics(Value, omit_defaults=True):
    """Requests counted before this one."""

    level: int = always(0)
    total: int = always(0)
    errors: int = always(0)
    inflight: int = 0


class Tier(Value):
    """Usage and limits of one tier, or of an account without tiers."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    streams: int = 0
    consumers: int = 0
    limits: AccountLimits = AccountLimits()


class AccountDetails(Value, omit_defaults=True):
    """What follows the usage in $JS.API.INFO."""

    domain: str = ""
    api: ApiStatistics = always(ApiStatistics())
    tiers: dict[str, Tier] = msgspec.field(default_factory=dict)


class LostMessages(Value):
    """What a recovery found damaged."""

    msgs: tuple[int, ...]
    bytes: int


class StreamState(Value, omit_defaults=True):
    """What a stream holds."""

    messages: int = always(0)
    bytes: int = always(0)
    first_seq: int = always(0)
    first_ts: str = always(ZERO_TIME)
    last_seq: int = always(0)
    last_ts: str = always(ZERO_TIME)
    num_subjects: int = 0
    subjects: dict[str, int] | msgspec.Raw = msgspec.field(default_factory=dict)
    num_deleted: int = 0
    deleted: tuple[int, ...] | msgspec.Raw = ()
    lost: LostMessages | None = None
    consumer_count: int = always(0)


class Cluster(Value):
    """Who leads; one server leads itself."""

    leader: str


class SourceInfo(Value, omit_defaults=True):
    """How far a mirror or source has come."""

    name: str
    external: ExternalStream | None = None
    lag: int = always(0)
    seq: int = 0
    active_ns: int = always(-1, name="active")
    error: ApiError | None = None
    filter_subject: str = ""
    subject_transforms: tuple[SubjectTransform, ...] = ()


class StreamAlternate(Value, omit_defaults=True):
    """Another stream that holds the same messages."""

    name: str
    domain: str = ""
    cluster: str = always("")


class StreamInfo(Value, omit_defaults=True, kw_only=True):
    """A stream: part of CREATE, UPDATE and INFO, an entry of LIST."""

    config: StreamConfig
    created: str
    state: StreamState
    domain: str = ""
    cluster: Cluster | None = None
    mirror: SourceInfo | None = None
    sources: tuple[SourceInfo, ...] = ()
    alternates: tuple[StreamAlternate, ...] = ()
    ts: str


class Created(Value):
    """The end of STREAM.CREATE, also where the stream was there already."""

    did_create: bool = True


class SnapshotStarted(Value):
    """STREAM.SNAPSHOT: what the archive holds."""

    config: StreamConfig
    state: StreamState


class StreamNames(Paged, omit_defaults=True):
    """STREAM.NAMES; null where nothing matches."""

    streams: tuple[str, ...] | None = always(None)


class StreamList(Paged, omit_defaults=True):
    """STREAM.LIST."""

    streams: tuple[StreamInfo, ...] = always(())


class StoredMessage(Value, omit_defaults=True, kw_only=True):
    """A message as STREAM.MSG.GET shows it; header block and payload in base64."""

    subject: str
    seq: int
    hdrs: bytes = b""
    data: bytes = b""
    time: str


class MessageGot(Response, omit_defaults=True):
    """STREAM.MSG.GET."""

    message: StoredMessage | None = None


class SequencePair(Value, omit_defaults=True):
    """A position in the consumer's deliveries and in the stream."""

    consumer_seq: int = always(0)
    stream_seq: int = always(0)
    last_active: str = ""


class PriorityGroupState(Value, omit_defaults=True):
    """Who is pinned in a group."""

    group: str
    pinned_client_id: str = ""
    pinned_ts: str = always(ZERO_TIME)


class ConsumerInfo(Value, omit_defaults=True, kw_only=True):
    """A consumer: part of CREATE, INFO and RESET, an entry of LIST."""

    stream_name: str
    name: str
    created: str
    config: ConsumerConfig | None = None
    delivered: SequencePair
    ack_floor: SequencePair
    num_ack_pending: int
    num_redelivered: int
    num_waiting: int
    num_pending: int
    cluster: Cluster | None = None
    push_bound: bool = False
    paused: bool = False
    pause_remaining_ns: int = msgspec.field(default=0, name="pause_remaining")
    ts: str
    priority_groups: tuple[PriorityGroupState, ...] = ()


class ConsumerReset(Response, omit_defaults=True):
    """CONSUMER.RESET, where it is refused: it begins nowhere."""

    reset_seq: int = always(0)


class Reset(Value):
    """The end of CONSUMER.RESET: where the consumer begins anew."""

    reset_seq: int


class ConsumerNames(Paged, omit_defaults=True):
    """CONSUMER.NAMES."""

    consumers: tuple[str, ...] = always(())


class ConsumerList(Paged, omit_defaults=True):
    """CONSUMER.LIST."""

    consumers: tuple[ConsumerInfo, ...] = always(())


def to_body(response: Response, *parts: Value) -> bytes:
    """The answer: `response` and then the members of `parts`, as one object."""
    members = [to_json(part)[1:-1] for part in (response, *parts)]
    return b"{" + b",".join(member for member in members if member) + b"}"
