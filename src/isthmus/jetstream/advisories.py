"""What JetStream reports about itself: one struct an event, printed in the order of the wire.

An advisory is published in the account of the stream, and only if somebody listens on its
`subject`. Who makes one passes the id (`nuid.make_nuid`) and the time (`values.format_time`); an
empty domain is not printed.

    publish(advisory.subject, to_json(advisory))
"""

from enum import StrEnum
from typing import ClassVar

import msgspec

from isthmus.base.values import Value, always, to_json
from isthmus.jetstream.responses import StreamState

_PREFIX = "$JS.EVENT.ADVISORY."
_TYPE = "io.nats.jetstream.advisory.v1."
_METRIC = "io.nats.jetstream.metric.v1."

DELETED_REASON = "Unacknowledged message was deleted"  # TERM of a message that is gone


def client(document: bytes) -> bytes:
    """Who did it, from what is known of who asks: without the token."""
    known = msgspec.json.decode(document)
    known.pop("jwt", None)
    return to_json(known)


class Action(StrEnum):
    """What happened to a stream or consumer."""

    CREATE = "create"
    MODIFY = "modify"
    DELETE = "delete"


_ACTION_TOKENS = {Action.CREATE: "CREATED", Action.MODIFY: "UPDATED", Action.DELETE: "DELETED"}


class Advisory(Value, omit_defaults=True, kw_only=True, tag_field="type", tag=_TYPE):
    """What all begin with."""

    id: str
    timestamp: str


class StreamAction(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}stream_action"):
    """A stream was made, changed or deleted."""

    stream: str
    action: Action
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}STREAM.{_ACTION_TOKENS[self.action]}.{self.stream}"


class ConsumerAction(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}consumer_action"):
    """A consumer was made or deleted."""

    stream: str
    consumer: str
    action: Action
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.{_ACTION_TOKENS[self.action]}.{self.stream}.{self.consumer}"


class Paused(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}consumer_pause"):
    """A consumer was paused until then, or its pause ended."""

    stream: str
    consumer: str
    paused: bool = always(False)
    pause_until: str
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.PAUSE.{self.stream}.{self.consumer}"


class MaxDeliveries(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}max_deliver"):
    """A message was sent as often as its consumer allows, and not acknowledged."""

    stream: str
    consumer: str
    stream_seq: int
    deliveries: int
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.MAX_DELIVERIES.{self.stream}.{self.consumer}"


class Naked(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}nak"):
    """A message was given back."""

    stream: str
    consumer: str
    consumer_seq: int
    stream_seq: int
    deliveries: int
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.MSG_NAKED.{self.stream}.{self.consumer}"


class Terminated(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}terminated"):
    """A message is not to be sent again, though it was not acknowledged."""

    stream: str
    consumer: str
    consumer_seq: int
    stream_seq: int
    deliveries: int
    reason: str = ""
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.MSG_TERMINATED.{self.stream}.{self.consumer}"


class _OfArchive(Advisory, omit_defaults=True, kw_only=True):
    """What is told of an archive that leaves or comes: of which stream, under `token`."""

    token: ClassVar[str]
    stream: str

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}STREAM.{self.token}.{self.stream}"


class SnapshotCreated(_OfArchive, omit_defaults=True, kw_only=True, tag=f"{_TYPE}snapshot_create"):
    """Somebody asked for an archive of a stream."""

    token = "SNAPSHOT_CREATE"
    state: StreamState
    client: msgspec.Raw
    domain: str = ""


class SnapshotCompleted(
    _OfArchive, omit_defaults=True, kw_only=True, tag=f"{_TYPE}snapshot_complete"
):
    """It went out, or could not."""

    token = "SNAPSHOT_COMPLETE"
    start: str
    end: str
    client: msgspec.Raw
    domain: str = ""
    error: str = ""


class RestoreCreated(_OfArchive, omit_defaults=True, kw_only=True, tag=f"{_TYPE}restore_create"):
    """A stream is to be made of an archive."""

    token = "RESTORE_CREATE"
    client: msgspec.Raw
    domain: str = ""


class RestoreCompleted(
    _OfArchive, omit_defaults=True, kw_only=True, tag=f"{_TYPE}restore_complete"
):
    """It was made, or could not be."""

    token = "RESTORE_COMPLETE"
    start: str
    end: str
    bytes: int
    client: msgspec.Raw
    domain: str = ""


class Pinned(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}consumer_group_pinned"):
    """A client is the one of its priority group that gets messages."""

    account: str
    stream: str
    consumer: str
    domain: str = ""
    group: str
    pinned_id: str

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.PINNED.{self.stream}.{self.consumer}"


class Unpinned(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}consumer_group_unpinned"):
    """The pinned client of a priority group is not any more: it was silent, or somebody asked."""

    account: str
    stream: str
    consumer: str
    domain: str = ""
    group: str
    reason: str

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"{_PREFIX}CONSUMER.UNPINNED.{self.stream}.{self.consumer}"


class Acknowledged(Advisory, omit_defaults=True, kw_only=True, tag=f"{_METRIC}consumer_ack"):
    """A sample: how long a message took from its delivery to its acknowledgement."""

    stream: str
    consumer: str
    consumer_seq: int
    stream_seq: int
    ack_time_ns: int = msgspec.field(name="ack_time")
    deliveries: int
    domain: str = ""

    @property
    def subject(self) -> str:
        """Where it is published."""
        return f"$JS.EVENT.METRIC.CONSUMER.ACK.{self.stream}.{self.consumer}"


class ApiAudit(Advisory, omit_defaults=True, kw_only=True, tag=f"{_TYPE}api_audit"):
    """A request to $JS.API and its answer; `client` is the document of `Nats-Request-Info`."""

    server: str
    client: msgspec.Raw
    api_subject: str = msgspec.field(name="subject")
    request: str = ""
    response: str
    domain: str = ""

    subject: ClassVar[str] = f"{_PREFIX}API"  # where it is published
