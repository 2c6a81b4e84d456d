"""The bodies of $JS.API requests, one struct each; the two big ones live with their configs.

Fields stand in the order of the original's; an absent field is its default. What
a combination of fields means, or forbids, is asked by the function beside the struct.
"""

from typing import ClassVar

from isthmus.base.values import Value
from isthmus.jetstream import errors
from isthmus.jetstream.consumer_config import PRIORITY_GROUP
from isthmus.jetstream.json_kinds import Int, Time, Uint64
from isthmus.jetstream.json_time import ZERO_TIME
from isthmus.jetstream.stream_config import StreamConfig


class Checked(Value):
    """A request in which some combinations of fields are refused, before anything is looked up."""

    def require_valid(self) -> None:
        """Raise `JetStreamError` for a combination that is not allowed."""


class NoBody(Value):
    """A request that ignores its body."""


class EmptyBody(Value):
    """A request whose body must be empty, or an object without members."""


class StreamNamesRequest(Value):
    """STREAM.NAMES."""

    go_name: ClassVar[str] = "JSApiStreamNamesRequest"

    offset: Int = 0
    subject: str = ""


class StreamListRequest(Value):
    """STREAM.LIST."""

    go_name: ClassVar[str] = "JSApiStreamListRequest"

    offset: Int = 0
    subject: str = ""


class StreamInfoRequest(Value):
    """STREAM.INFO."""

    go_name: ClassVar[str] = "JSApiStreamInfoRequest"

    offset: Int = 0
    deleted_details: bool = False
    subjects_filter: str = ""


class StreamPurgeRequest(Checked):
    """STREAM.PURGE: all, or below a sequence, or but the newest; of one subject or all."""

    go_name: ClassVar[str] = "JSApiStreamPurgeRequest"

    seq: Uint64 = 0  # up to but not including
    keep: Uint64 = 0
    filter: str = ""

    def require_valid(self) -> None:
        """A sequence and a number to keep exclude each other."""
        if self.seq and self.keep:
            raise errors.make(errors.BAD_REQUEST)


class MessageGetRequest(Checked):
    """STREAM.MSG.GET: one message, chosen in one way. The fields for several are DIRECT.GET's."""

    go_name: ClassVar[str] = "JSApiMsgGetRequest"

    seq: Uint64 = 0
    last_by_subj: str = ""
    next_by_subj: str = ""
    batch: Int = 0
    max_bytes: Int = 0
    start_time: Time | None = None
    multi_last: tuple[str, ...] = ()
    up_to_seq: Uint64 = 0
    up_to_time: Time | None = None
    no_hdr: bool = False

    def require_valid(self) -> None:
        """One way to choose, and one message."""
        chosen = self.seq or self.last_by_subj or self.next_by_subj or self.start_time is not None
        both_starts = self.seq and self.start_time is not None
        last_and_start = self.last_by_subj and (self.seq or self.start_time is not None)
        last_and_next = self.last_by_subj and self.next_by_subj
        several = self.batch > 0 or self.max_bytes > 0
        if not chosen or both_starts or last_and_start or last_and_next or several:
            raise errors.make(errors.BAD_REQUEST)


class MessageDeleteRequest(Value):
    """STREAM.MSG.DELETE."""

    go_name: ClassVar[str] = "JSApiMsgDeleteRequest"

    seq: Uint64 = 0
    no_erase: bool = False


class StreamSnapshotRequest(Value):
    """STREAM.SNAPSHOT: where the archive goes, in chunks of which size, how far ahead of acks."""

    go_name: ClassVar[str] = "JSApiStreamSnapshotRequest"

    deliver_subject: str = ""
    no_consumers: bool = False
    chunk_size: Int = 0
    window_size: Int = 0
    jsck: bool = False  # what is damaged ends it


class LostMessages(Value):
    """What a recovery found damaged, in a state."""

    go_name: ClassVar[str] = "LostStreamData"

    msgs: tuple[Uint64, ...] = ()
    bytes: Uint64 = 0


class RestoredState(Value):
    """What the stream held; the archive says it, too, and is believed."""

    go_name: ClassVar[str] = "StreamState"

    messages: Uint64 = 0
    bytes: Uint64 = 0
    first_seq: Uint64 = 0
    first_ts: Time = ZERO_TIME
    last_seq: Uint64 = 0
    last_ts: Time = ZERO_TIME
    num_subjects: Int = 0
    subjects: dict[str, Uint64] = {}
    num_deleted: Int = 0
    deleted: tuple[Uint64, ...] = ()
    lost: LostMessages | None = None
    consumer_count: Int = 0


class StreamRestoreRequest(Value):
    """STREAM.RESTORE: the stream to be."""

    go_name: ClassVar[str] = "JSApiStreamRestoreRequest"

    config: StreamConfig = StreamConfig()
    state: RestoredState = RestoredState()


class ConsumerPauseRequest(Value):
    """CONSUMER.PAUSE; without a moment, or with the zero time, the pause ends."""

    go_name: ClassVar[str] = "JSApiConsumerPauseRequest"

    pause_until: Time = ZERO_TIME


class ConsumersRequest(Value):
    """CONSUMER.NAMES and CONSUMER.LIST."""

    go_name: ClassVar[str] = "JSApiConsumersRequest"

    offset: Int = 0


class ConsumerUnpinRequest(Checked):
    """CONSUMER.UNPIN: of which priority group."""

    go_name: ClassVar[str] = "JSApiConsumerUnpinRequest"

    group: str = ""

    def require_valid(self) -> None:
        """A group that could be one."""
        if not self.group:
            raise errors.make(errors.INVALID_JSON, err="consumer group not specified")
        if PRIORITY_GROUP.fullmatch(self.group) is None:
            raise errors.make(errors.PRIORITY_GROUP_INVALID)


class ConsumerResetRequest(Value):
    """CONSUMER.RESET: where to begin; 0: behind the acknowledgement floor."""

    go_name: ClassVar[str] = "JSApiConsumerResetRequest"

    seq: Uint64 = 0
