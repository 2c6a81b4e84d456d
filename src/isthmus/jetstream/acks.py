"""Acknowledgements: what a body says, and the reply subject that tells what is acknowledged.

    $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time ns>.<pending>
    $JS.ACK.<domain or _>.<account hash>.<stream>.<consumer>. … the same five numbers [.…]

The compiled cursor reads and prints the everyday forms itself; this is the whole rule, its model in
tests, and what it asks for the rest. Knows nothing of what is pending.
"""

import hashlib
from enum import Enum, auto

from isthmus.base.nuid import ALPHABET
from isthmus.base.values import Value, parse_duration_ns
from isthmus.jetstream.decoding import decode_single
from isthmus.jetstream.json_kinds import Duration
from isthmus.jetstream.json_text import JsonError

_PREFIX = "$JS.ACK."
_TOKENS = 9
_LONG_TOKENS = 11  # at least; more may follow
_DELAY_MAX_NS = 2**63 - 1  # in words; longer ones are none, as for the original
_DELAY_TEXT_MAX = 1024  # bytes; it is read slowly
_DIGITS_MAX = 19  # longer numbers are beyond every sequence


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


class AckSubject(Value):
    """What a reply subject says. A number that can not be read is 0; the stream sequence must."""

    stream: str
    consumer: str
    delivered: int  # how often the message has been sent, this time included
    stream_seq: int
    consumer_seq: int
    timestamp_ns: int
    pending: int  # messages after it that the consumer has not delivered yet
    domain: str = ""
    account_hash: str = ""  # empty in the short form


def parse_ack_subject(subject: str) -> AckSubject | None:
    """The parts of a reply subject; None if it is none, or its stream sequence is no number."""
    if not subject.startswith(_PREFIX):
        return None
    tokens = subject.split(".")
    domain = account = ""
    if len(tokens) >= _LONG_TOKENS:
        domain, account = tokens[2].removeprefix("_"), tokens[3]
        tokens = tokens[2:_LONG_TOKENS]
    elif len(tokens) != _TOKENS:
        return None
    stream_seq = _number(tokens[5])
    if stream_seq is None:
        return None
    return AckSubject(
        stream=tokens[2],
        consumer=tokens[3],
        delivered=_number(tokens[4]) or 0,
        stream_seq=stream_seq,
        consumer_seq=_number(tokens[6]) or 0,
        timestamp_ns=_number(tokens[7]) or 0,
        pending=_number(tokens[8]) or 0,
        domain=domain,
        account_hash=account,
    )


def make_ack_subject(parts: AckSubject) -> str:
    """The reply subject of one delivery; the long form if `parts` has an account hash."""
    place = f"{parts.domain or '_'}.{parts.account_hash}." if parts.account_hash else ""
    return (
        f"{_PREFIX}{place}{parts.stream}.{parts.consumer}.{parts.delivered}.{parts.stream_seq}."
        f"{parts.consumer_seq}.{parts.timestamp_ns}.{parts.pending}"
    )


def account_hash(account: str) -> str:
    """The eight characters that stand for an account in long reply subjects."""
    digest = hashlib.sha256(account.encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:8])


def _number(token: str) -> int | None:
    digits = token.isascii() and token.isdigit() and len(token) <= _DIGITS_MAX
    return int(token) if digits else None
