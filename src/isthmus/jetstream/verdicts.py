"""Rare headers of a publication: what the stream's configuration says to them.

The compiled path knows the everyday headers (`core/ingest.pyx`) and asks here for the others, in
the same call. A verdict refuses at the stage where the real server would, so that of two broken
rules the same one is answered. Knows no log and no sequence.
"""

import re

from msgspec.structs import replace

from isthmus.base.headers import parse_headers
from isthmus.base.quoting import quote
from isthmus.base.values import NS_PER_S, Value, parse_duration_ns, to_json
from isthmus.jetstream import errors
from isthmus.jetstream.errors import Row
from isthmus.jetstream.stream_config import StreamConfig

# stages of core/ingest.pxd: the refusal comes before …
BEFORE_EXPECTED_STREAM = 1
BEFORE_EXPECTED_SEQUENCE = 2
BEFORE_DUPLICATE = 3
BEFORE_ROOM = 4
BEFORE_STORING = 5


ROLL_UP_SUBJECT = 1  # flags of core/stored.pxd
ROLL_UP_ALL = 2
WITH_TTL = 4
NEVER_EXPIRES = 8
NEVER = -1  # as a TTL

_ROLL_UPS = {"sub": ROLL_UP_SUBJECT, "all": ROLL_UP_ALL}
_SECONDS = re.compile(r"\d+", re.ASCII)
_DURATION_MAX_NS = (1 << 63) - 1
_TTL_LINE = re.compile(rb"\r\nNats-TTL:[^\r\n]*")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


class Verdict(Value):
    """What becomes of one publication. `answer` None: it is stored."""

    stage: int = 0
    answer: bytes | None = None
    header: bytes | None = None  # stored instead of the one that came
    flags: int = 0  # of its record, core/stored.pxd
    ttl_ns: int = 0  # it expires so long after it was stored


class _Refused(Value):
    error: errors.ApiError
    stream: str
    seq: int = 0


def refused(config: StreamConfig, row: Row, **placeholders: str | int) -> bytes:
    """The body that refuses a publication."""
    error = errors.to_api_error(errors.make(row, **placeholders))
    return to_json(_Refused(error=error, stream=config.name))


def judge(config: StreamConfig, header: bytes) -> Verdict | None:
    """The verdict on a publication with such a header; None if nothing in it matters.

    What some of the headers ask for (counters, schedules, batches) no stream can be configured for
    yet, so each of them is refused as by a stream that does not allow it.
    """
    found = {key: text for key, text in parse_headers(header).items() if text}

    def refuse(stage: int, row: Row, **placeholders: str | int) -> Verdict:
        return Verdict(stage=stage, answer=refused(config, row, **placeholders))

    if "Nats-Batch-Id" in found:
        return refuse(BEFORE_EXPECTED_STREAM, errors.ATOMIC_DISABLED)
    if "Nats-Incr" in found:
        number = _INTEGER.fullmatch(found["Nats-Incr"])
        row = errors.COUNTERS_DISABLED if number else errors.INCREMENT_INVALID
        return refuse(BEFORE_EXPECTED_STREAM, row)
    ttl_ns = read_ttl(found["Nats-TTL"]) if "Nats-TTL" in found else 0
    if ttl_ns and not config.allow_msg_ttl:
        return refuse(BEFORE_EXPECTED_SEQUENCE, errors.TTL_DISABLED)
    if any(key.startswith("Nats-Schedule") and key != "Nats-Scheduler" for key in found):
        return refuse(BEFORE_DUPLICATE, errors.SCHEDULES_DISABLED)
    if "Nats-Scheduler" in found:
        return refuse(BEFORE_DUPLICATE, errors.SCHEDULE_SCHEDULER_INVALID)
    if "Nats-Stream-Source" in found:
        return refuse(BEFORE_DUPLICATE, errors.STREAM_SOURCE_HEADER)
    flags = 0
    if "Nats-Rollup" in found:
        if not config.allow_rollup_hdrs or config.deny_purge:
            return refuse(BEFORE_ROOM, errors.STREAM_ROLLUP_FAILED, err="rollup not permitted")
        what = found["Nats-Rollup"].lower()
        flags = _ROLL_UPS.get(what, 0)
        if not flags:
            text = f"rollup value invalid: {quote(what)}"
            return refuse(BEFORE_ROOM, errors.STREAM_ROLLUP_FAILED, err=text)
    if "Nats-TTL" in found and not ttl_ns:
        return refuse(BEFORE_STORING, errors.TTL_INVALID)
    if ttl_ns:
        return _with_ttl(config, header, ttl_ns, flags)
    return Verdict(flags=flags) if flags else None


def judge_copy(config: StreamConfig, header: bytes, age_ns: int) -> Verdict | None:
    """The same for a message of another stream, which has checked it: nothing is refused."""
    found = parse_headers(header)
    flags = 0
    if config.allow_rollup_hdrs and not config.deny_purge:
        flags = _ROLL_UPS.get(found.get("Nats-Rollup", "").lower(), 0)
    ttl_ns = read_ttl(found["Nats-TTL"]) if config.allow_msg_ttl and "Nats-TTL" in found else 0
    if not ttl_ns:
        return Verdict(flags=flags) if flags else None
    verdict = _with_ttl(config, header, ttl_ns, flags)
    return replace(verdict, ttl_ns=max(verdict.ttl_ns - age_ns, 1)) if verdict.ttl_ns else verdict


def read_ttl(text: str) -> int:
    """Nanoseconds of a `Nats-TTL`: whole seconds or a duration, at least one second; 0: invalid."""
    if text.lower() == "never":
        return NEVER
    try:
        if _SECONDS.fullmatch(text):
            return int(text) * NS_PER_S
        ttl_ns = parse_duration_ns(text)
    except ValueError:
        return 0
    return ttl_ns if NS_PER_S <= ttl_ns <= _DURATION_MAX_NS else 0


def _with_ttl(config: StreamConfig, header: bytes, ttl_ns: int, flags: int) -> Verdict:
    if ttl_ns == NEVER:
        return Verdict(flags=flags | NEVER_EXPIRES)
    flags |= WITH_TTL
    shortest_ns = config.subject_delete_marker_ttl_ns
    if ttl_ns >= shortest_ns or config.max_msgs_per_subject == 1:
        return Verdict(flags=flags, ttl_ns=ttl_ns)
    # it must not go before a marker of its subject would
    others = _TTL_LINE.sub(b"", header, count=1).removesuffix(b"\r\n")
    header = others + b"Nats-TTL: %d\r\n\r\n" % (shortest_ns // NS_PER_S)
    return Verdict(flags=flags, ttl_ns=shortest_ns, header=header)
