"""One subject that a share opens, and what may be shared at all.

Owns the notion of a grant and the checks of names, subjects and prefixes that people type or
invites carry. Knows no items. A refusal is a `ShareError` with the command lines that mend it.
"""

from typing import Literal

from isthmus.base import subjects
from isthmus.base.errors import NatsError
from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.identity.sharing_rules import RESPONSE_TYPES
from isthmus.jetstream.origin_rules import valid_name

API = "$JS.API."
NAME_BYTES_MAX = 255  # of streams and consumers on any server, and enough for a prefix
RESERVED = ("$", "_INBOX", "_R_")  # beginnings of subjects that mean something in every account
SINGLETON, STREAM, CHUNKED = RESPONSE_TYPES


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
    fixed: bool = False  # messages or clients name it: the subject stays, whatever is said

    def local(self, prefix: str) -> str:
        """The subject as the taker knows it."""
        return f"{prefix}.{self.below}" if prefix and self.below else self.subject


def api_grant(stem: str, role: str, call: str, response_type: str = SINGLETON) -> Grant:
    """A call of the JetStream API: the taker makes it under its prefix."""
    return Grant(
        role=role,
        name=grant_name(stem, role),
        kind="service",
        subject=f"{API}{call}",
        response_type=response_type,
        below=call,
    )


def fixed_grant(stem: str, role: str, subject: str, *, stream: bool = False) -> Grant:
    """A subject that has the same name on both sides."""
    return Grant(
        role=role,
        name=grant_name(stem, role),
        kind="stream" if stream else "service",
        subject=subject,
        response_type="" if stream else SINGLETON,
        fixed=True,
    )


def grant_name(stem: str, role: str) -> str:
    """The name of an export and of the import made from it."""
    return f"{stem}-GRANT-{role}"


def stem_of(subject: str) -> str:
    """A subject as part of a name: `retail.v1.cart.>` is `retail.v1.cart`."""
    tokens = [token for token in subject.split(".") if token not in {"*", ">"}]
    return ".".join(tokens).replace("/", "-").replace("\\", "-") or "all"


def require_name(what: str, name: str) -> None:
    """Raise unless a stream or a consumer may have this name."""
    if not name:
        raise ShareError(f"a {what} is required: --{what} <name>")
    if not valid_name(name) or not name.isprintable():
        raise ShareError(
            f"{quote(name)} cannot be the name of a {what}:"
            r" blanks and `.`, `*`, `>`, `/`, `\` may not be in it"
        )
    if len(name.encode()) > NAME_BYTES_MAX:
        raise ShareError(f"the name of a {what} has at most {NAME_BYTES_MAX} bytes")


def require_subject(what: str, subject: str, *, literal: bool = False) -> None:
    """Raise unless `subject` may be shared as it is."""
    if not subject:
        raise ShareError(f"a {what} is required: --{what} <subject>")
    if not subjects.valid(subject) or not subject.isprintable():
        raise ShareError(f"{quote(subject)} is not a valid {what}")
    if literal and not subjects.literal(subject):
        raise ShareError(f"the {what} {quote(subject)} may not have wildcards")


def require_narrow(subject: str) -> None:
    """Raise if `subject` is everything an account has, or begins with everything."""
    if subject.partition(".")[0] in {"*", ">"}:
        raise ShareError(
            f"{quote(subject)} would share what every account has for itself:"
            " begin with a name, not with a wildcard"
        )


def require_prefix(prefix: str) -> None:
    """Raise unless subjects may begin with `prefix` in any account."""
    if len(prefix.encode()) > NAME_BYTES_MAX:
        raise ShareError(f"a prefix has at most {NAME_BYTES_MAX} bytes", "--as <token>.<token>")
    if not subjects.valid_literal(prefix) or not prefix.isprintable():
        raise ShareError(f"{quote(prefix)} cannot stand before a subject", "--as <token>.<token>")
    if prefix.startswith(RESERVED):
        raise ShareError(f"{quote(prefix)} is reserved in every account", "--as <token>.<token>")
