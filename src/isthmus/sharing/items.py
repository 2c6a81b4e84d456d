"""What can be shared, and which subjects each of it needs: no more, and of the right types.

Owns the list of things (`Item`) and the grants of each. Knows no accounts: who gives and who takes
is in `share`. Invariant: an item alone decides its grants, so an invite that names an item cannot
open anything else.

    PullConsumer   NEXT (response type Stream: a batch is many answers)   ACK   INFO
    PushConsumer   DELIVER (a stream)   ACK   FLOW   INFO
    Feed           STREAM: a subject as it is published
    Service        SERVICE: a subject whose requests are answered
    Origin         CREATE   FLOW   COPY (a stream): for a mirror or a source in the taker's account
    Bucket         GET   STREAM (changes as they happen)   PUT   INFO

What lies below `$JS.API.` is taken under the taker's prefix, as clients expect it. Acknowledgements
and flow control are never renamed: messages carry their subjects with them. `without` leaves out
what not every taker has.
"""

import re
from typing import Any, TypeAlias

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.identity.sharing_rules import RESPONSE_TYPES
from isthmus.sharing.grants import (
    RESERVED,
    SINGLETON,
    STREAM,
    Grant,
    ShareError,
    api_grant,
    fixed_grant,
    grant_name,
    require_name,
    require_narrow,
    require_subject,
    stem_of,
)

_BUCKET = re.compile(r"[A-Za-z0-9_-]+")


class PullConsumer(Value, tag_field="kind", tag="consumer"):
    """A consumer that the taker asks for messages."""

    stream: str
    consumer: str
    info: bool = True

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"consumer {quote(self.consumer)} of stream {quote(self.stream)}"

    @property
    def stem(self) -> str:
        """The beginning of its invites' file names."""
        return f"{self.stream}-{self.consumer}"

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The subjects it needs."""
        stem, path = consumer_stem(self.stream, self.consumer), f"{self.stream}.{self.consumer}"
        return (
            api_grant(stem, "NEXT", f"CONSUMER.MSG.NEXT.{path}", STREAM),
            fixed_grant(stem, "ACK", f"$JS.ACK.{path}.>"),
            *_if(self.info, api_grant(stem, "INFO", f"CONSUMER.INFO.{path}")),
        )

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        require_name("stream", self.stream)
        require_name("consumer", self.consumer)

    def without(self, roles: set[str]) -> "PullConsumer":
        """The same, but for what can be left out."""
        return msgspec.structs.replace(self, info=self.info and "INFO" not in roles)


class PushConsumer(Value, tag_field="kind", tag="push-consumer"):
    """A consumer that delivers to a subject; `group` shares the messages among its members."""

    stream: str
    consumer: str
    deliver: str
    group: str = ""
    ack: bool = True
    flow: bool = False
    info: bool = True

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"push consumer {quote(self.consumer)} of stream {quote(self.stream)}"

    @property
    def stem(self) -> str:
        """The beginning of its invites' file names."""
        return f"{self.stream}-{self.consumer}"

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The subjects it needs."""
        stem, path = consumer_stem(self.stream, self.consumer), f"{self.stream}.{self.consumer}"
        deliver = Grant(
            role="DELIVER", name=grant_name(stem, "DELIVER"), kind="stream", subject=self.deliver
        )
        return (
            deliver,
            *_if(self.ack, fixed_grant(stem, "ACK", f"$JS.ACK.{path}.>")),
            *_if(self.flow, fixed_grant(stem, "FLOW", f"$JS.FC.{path}.>")),
            *_if(self.info, api_grant(stem, "INFO", f"CONSUMER.INFO.{path}")),
        )

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        require_name("stream", self.stream)
        require_name("consumer", self.consumer)
        require_subject("deliver", self.deliver, literal=True)
        if self.group and (not self.group.isprintable() or " " in self.group):
            raise ShareError(f"{quote(self.group)} cannot be the name of a group")

    def without(self, roles: set[str]) -> "PushConsumer":
        """The same, but for what can be left out."""
        return msgspec.structs.replace(
            self,
            ack=self.ack and "ACK" not in roles,
            flow=self.flow and "FLOW" not in roles,
            info=self.info and "INFO" not in roles,
        )


class Feed(Value, tag_field="kind", tag="stream"):
    """Messages as they are published, to whoever listens at that moment."""

    subject: str

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"the messages on {quote(self.subject)}"

    @property
    def stem(self) -> str:
        """The beginning of its invites' file names."""
        return stem_of(self.subject)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The subjects it needs."""
        name = grant_name(self.stem, "STREAM")
        grant = Grant(
            role="STREAM", name=name, kind="stream", subject=self.subject, below=self.subject
        )
        return (grant,)

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        require_subject("subject", self.subject)
        require_narrow(self.subject)

    def without(self, roles: set[str]) -> "Feed":
        """The same."""
        return self


class Service(Value, tag_field="kind", tag="service"):
    """Requests that the giver answers."""

    subject: str
    response_type: str = SINGLETON

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"service {quote(self.subject)}"

    @property
    def stem(self) -> str:
        """The beginning of its invites' file names."""
        return stem_of(self.subject)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The subjects it needs."""
        grant = Grant(
            role="SERVICE",
            name=grant_name(self.stem, "SERVICE"),
            kind="service",
            subject=self.subject,
            response_type=self.response_type,
            below=self.subject,
        )
        return (grant,)

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        require_subject("subject", self.subject)
        require_narrow(self.subject)
        if self.response_type not in RESPONSE_TYPES:
            raise ShareError(
                f"{quote(self.response_type)} is no response type:"
                f" it is {', '.join(RESPONSE_TYPES[:-1])} or {RESPONSE_TYPES[-1]}"
            )

    def without(self, roles: set[str]) -> "Service":
        """The same."""
        return self


class Bucket(Value, tag_field="kind", tag="kv"):
    """A key-value bucket, or the keys of it that match."""

    bucket: str
    keys: str = ">"
    writable: bool = False
    info: bool = True

    @property
    def title(self) -> str:
        """What it is, for people."""
        part = "" if self.keys == ">" else f", keys {quote(self.keys)}"
        return f"bucket {quote(self.bucket)}{part}{' (read-write)' if self.writable else ''}"

    @property
    def stem(self) -> str:
        """The beginning of its invites' file names."""
        return f"KV_{self.bucket}" if self.keys == ">" else f"KV_{self.bucket}-{stem_of(self.keys)}"

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The subjects it needs."""
        entries = f"$KV.{self.bucket}.{self.keys}"
        call = f"DIRECT.GET.KV_{self.bucket}.{entries}"
        return (
            api_grant(self.stem, "GET", call),
            fixed_grant(self.stem, "STREAM", entries, stream=True),
            *_if(self.writable, fixed_grant(self.stem, "PUT", entries)),
            *_if(self.info, api_grant(self.stem, "INFO", f"STREAM.INFO.KV_{self.bucket}")),
        )

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        if not self.bucket:
            raise ShareError("a bucket is required: --bucket <name>")
        if not _BUCKET.fullmatch(self.bucket):
            raise ShareError(
                f"{quote(self.bucket)} cannot be the name of a bucket:"
                " letters, digits, `-` and `_` may be in it"
            )
        require_subject("keys", self.keys)

    def without(self, roles: set[str]) -> "Bucket":
        """The same, but for what can be left out."""
        return msgspec.structs.replace(
            self,
            writable=self.writable and "PUT" not in roles,
            info=self.info and "INFO" not in roles,
        )


class Origin(Value, tag_field="kind", tag="origin"):
    """A stream, or the messages of it that match, for a mirror or a source in the taker's account.

    The taker's server makes a consumer on it, which delivers below `deliver`: a place of this
    taker's own, since whoever imports it sees what is delivered there.
    """

    stream: str
    deliver: str
    filter: str = ""

    @property
    def title(self) -> str:
        """What it is, for people."""
        part = f", subjects {quote(self.filter)}" if self.filter else ""
        return f"stream {quote(self.stream)}{part} to be copied"

    @property
    def stem(self) -> str:
        """The beginning of its invites' file names."""
        return (
            f"{self.stream}-{stem_of(self.filter)}-copy" if self.filter else f"{self.stream}-copy"
        )

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The subjects it needs."""
        call = f"CONSUMER.CREATE.{self.stream}"
        creating = [api_grant(self.stream, "CREATE", f"{call}.*.{self.filter}")]
        if not self.filter:
            creating = [
                api_grant(self.stream, "CREATE", call),
                api_grant(self.stream, "FILTERED", f"{call}.>"),
            ]
        return (
            *creating,
            fixed_grant(self.stream, "FLOW", f"$JS.FC.{self.stream}.>"),
            fixed_grant(self.stream, "COPY", f"{self.deliver}.>", stream=True),
        )

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        require_name("stream", self.stream)
        require_subject("deliver", self.deliver, literal=True)
        if self.deliver.startswith(RESERVED):
            raise ShareError(f"{quote(self.deliver)} is reserved in every account")
        if self.filter:
            require_subject("filter", self.filter)

    def without(self, roles: set[str]) -> "Origin":
        """The same."""
        return self


Item: TypeAlias = PullConsumer | PushConsumer | Feed | Service | Bucket | Origin


def consumer_stem(stream: str, consumer: str) -> str:
    """Stream and consumer, the stream once where the consumer's name begins with it."""
    return consumer if consumer.startswith(f"{stream}-") else f"{stream}-{consumer}"


def document(item: Item) -> dict[str, Any]:
    """The JSON form of an item."""
    found: dict[str, Any] = msgspec.to_builtins(item)
    return found


def _if(wanted: bool, grant: Grant) -> tuple[Grant, ...]:
    return (grant,) if wanted else ()
