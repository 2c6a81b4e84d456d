"""Acknowledgements: what a body says, and the account's place in the reply subject.

    $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time ns>.<pending>
    $JS.ACK.<domain or _>.<account hash>.<stream>.<consumer>. … the same five numbers [.…]

The compiled cursor reads and prints reply subjects and the everyday bodies itself; this is the
whole rule of bodies, and what it asks for the rest. Knows nothing of what is pending.
"""

import hashlib
from enum import Enum, auto

from isthmus.base.nuid import ALPHABET
from isthmus.base.values import Value, parse_duration_ns
from isthmus.jetstream.decoding import decode_single
from isthmus.jetstream.json_kinds import Duration
from isthmus.jetstream.json_text import JsonError

_DELAY_MAX_NS = 2**63 - 1  # in words; longer ones are none, as for the original
_DELAY_TEXT_MAX = 1024  # bytes; it is read slowly


class AckKind(Enum):
    """What an acknowledgement does to the message."""

    ACK = auto()  # done
    NAK = auto()  # again, now or after a delay
    PROGRESS = auto()  # wait longer
    TERM = auto()  # never again
    NEXT = auto()  # done, and the inbox of the ack is a pull request


class Ack(Value):
    """One acknowledgement."""

    kind: AckKind
    delay_ns: int | None = None  # of NAK; given and 0 is later than not given
    reason: str = ""  # of TERM
    request: bytes = b""  # of NEXT: the body of the pull


class NakBody(Value):
    """The JSON behind -NAK."""

    delay: Duration = 0


def parse_ack(body: bytes) -> Ack | None:
    """What `body` says; None for what is no acknowledgement."""
    if body in {b"", b"+ACK", b"+OK"}:
        return Ack(kind=AckKind.ACK)
    if body == b"+WPI":
        return Ack(kind=AckKind.PROGRESS)
    verb, rest = body[:5], body[5:].strip()
    if verb == b"+TERM":
        return Ack(kind=AckKind.TERM, reason=rest.decode("utf-8", "replace"))
    verb, rest = body[:4], body[4:].strip()
    if verb == b"-NAK":
        return Ack(kind=AckKind.NAK, delay_ns=_delay_ns(rest))
    if verb == b"+NXT":
        return Ack(kind=AckKind.NEXT, request=rest)
    return None


def _delay_ns(text: bytes) -> int | None:
    """The delay as JSON or as a duration; what is neither counts as none."""
    if not text or len(text) > _DELAY_TEXT_MAX:
        return None
    try:
        if text.startswith(b"{"):
            return decode_single(NakBody, text).delay
        delay_ns = parse_duration_ns(text.decode())
    except (JsonError, ValueError):
        return None
    return delay_ns if delay_ns <= _DELAY_MAX_NS else None


def account_hash(account: str) -> str:
    """The eight characters that stand for an account in long reply subjects."""
    digest = hashlib.sha256(account.encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:8])
