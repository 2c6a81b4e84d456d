"""What can be shared, and which subjects each of it needs: no more, and of the right types.

Owns the list of things (`Item`) and the grants of each. Knows no accounts: who gives and who takes
is in `share`. Invariant: an item alone decides its grants, so an invite that names an item cannot
open anything else.

    PullConsumer   NEXT (response type Stream: a batch is many answers)   ACK   INFO
    PushConsumer   DELIVER (a stream)   ACK   FLOW   INFO
    Feed           a subject as it is published
    Service        a subject whose requests are answered

What lies below `$JS.API.` is taken under the taker's prefix, as clients expect it. Acknowledgements
and flow control are never renamed: messages carry their subjects with them.
"""

from typing import Literal, TypeAlias

from isthmus.base import subjects
from isthmus.base.errors import NatsError
from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.identity.sharing_rules import RESPONSE_TYPES
from isthmus.jetstream.origin_rules import valid_name

API = "$JS.API."
RESERVED = ("$", "_INBOX", "_R_")  # beginnings of subjects that mean something in every account
SINGLETON, STREAM, _ = RESPONSE_TYPES


class ShareError(NatsError):
    """Something cannot be shared or accepted: one line, and the command lines that mend it."""

    def __init__(self, text: str, *fix: str) -> None:
        super().__init__(text)
        self.fix = fix


class Grant(Value):
    """One subject that is opened: an export of the giver, an import of the taker.

    `response_type` is that of a service, empty for a stream. `below` is what stands behind the
    taker's prefix.
    """

    role: str
    name: str
    kind: Literal["service", "stream"]
    subject: str
    response_type: str = ""
    below: str = ""
    fixed: bool = False  # messages carry the subject with them: it keeps its name whatever is said

    def local(self, prefix: str) -> str:
        """The subject as the taker knows it."""
        return f"{prefix}.{self.below}" if prefix and self.below else self.subject


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
        asking = _api(self._name("NEXT"), "CONSUMER.MSG.NEXT", self._path, STREAM)
        acks = _unrenamed(self._name("ACK"), f"$JS.ACK.{self._path}.>")
        return asking, acks, *_info(self._name("INFO"), self._path, wanted=self.info)

    @property
    def _path(self) -> str:
        return f"{self.stream}.{self.consumer}"

    def _name(self, role: str) -> str:
        return consumer_grant_name(self.stream, self.consumer, role)

    def check(self) -> None:
        """Raise `ShareError` if there can be no such thing."""
        require_name("stream", self.stream)
        require_name("consumer", self.consumer)


Item: TypeAlias = PullConsumer


def consumer_grant_name(stream: str, consumer: str, role: str) -> str:
    """`RESTOCKEVENTS-C1-GRANT-NEXT`: stream and consumer once, where one begins with the other."""
    stem = consumer if consumer.startswith(f"{stream}-") else f"{stream}-{consumer}"
    return f"{stem}-GRANT-{role}"


def require_name(what: str, name: str) -> None:
    """Raise unless a stream or a consumer may have this name."""
    if not name:
        raise ShareError(f"a {what} is required: --{what} <name>")
    if not valid_name(name) or not name.isprintable():
        raise ShareError(
            f"{quote(name)} cannot be the name of a {what}:"
            r" blanks and `.`, `*`, `>`, `/`, `\` may not be in it"
        )


def require_subject(what: str, subject: str, *, literal: bool = False) -> None:
    """Raise unless `subject` may be shared as it is."""
    if not subject:
        raise ShareError(f"a {what} is required")
    if not subjects.valid(subject) or not subject.isprintable():
        raise ShareError(f"{quote(subject)} is not a valid {what}")
    if literal and not subjects.literal(subject):
        raise ShareError(f"the {what} {quote(subject)} may not have wildcards")


def require_prefix(prefix: str) -> None:
    """Raise unless subjects may begin with `prefix` in any account."""
    if not subjects.valid_literal(prefix) or not prefix.isprintable():
        raise ShareError(f"{quote(prefix)} cannot stand before a subject", "--as <token>.<token>")
    if prefix.startswith(RESERVED):
        raise ShareError(f"{quote(prefix)} is reserved in every account", "--as <token>.<token>")


def _api(name: str, call: str, path: str, response_type: str) -> Grant:
    below = f"{call}.{path}"
    return Grant(
        role=name.rpartition("-")[2],
        name=name,
        kind="service",
        subject=f"{API}{below}",
        response_type=response_type,
        below=below,
    )


def _unrenamed(name: str, subject: str) -> Grant:
    return Grant(
        role=name.rpartition("-")[2],
        name=name,
        kind="service",
        subject=subject,
        response_type=SINGLETON,
        fixed=True,
    )


def _info(name: str, path: str, *, wanted: bool) -> tuple[Grant, ...]:
    return (_api(name, "CONSUMER.INFO", path, SINGLETON),) if wanted else ()
