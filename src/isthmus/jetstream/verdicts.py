"""Rare headers of a publication: what the stream's configuration says to them.

The compiled path knows the everyday headers (`core/ingest.pyx`) and asks here for the others, in
the same call. A verdict refuses at the stage where the real server would, so that of two broken
rules the same one is answered. Knows no log and no sequence.
"""

import re

from isthmus.base.headers import parse_headers
from isthmus.base.quoting import quote
from isthmus.base.values import Value, to_json
from isthmus.jetstream import errors
from isthmus.jetstream.errors import Row
from isthmus.jetstream.stream_config import StreamConfig

# stages of core/ingest.pxd: the refusal comes before …
BEFORE_EXPECTED_STREAM = 1
BEFORE_EXPECTED_SEQUENCE = 2
BEFORE_DUPLICATE = 3
BEFORE_SIZES = 4
BEFORE_STORING = 5


ROLL_UP_SUBJECT = 1  # core/stored.pxd
ROLL_UP_ALL = 2

_ROLL_UPS = {"sub": ROLL_UP_SUBJECT, "all": ROLL_UP_ALL}
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


class Verdict(Value):
    """What becomes of one publication. `answer` None: it is stored."""

    stage: int = 0
    answer: bytes | None = None
    header: bytes | None = None  # stored instead of the one that came
    roll_up: int = 0  # what goes when it is stored: flags of core/stored.pxd


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

    What some of the headers ask for (counters, TTLs, schedules, batches) no stream can be
    configured for yet, so each of them is refused as by a stream that does not allow it.
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
    if "Nats-TTL" in found:
        return refuse(BEFORE_EXPECTED_SEQUENCE, errors.TTL_DISABLED)
    if any(key.startswith("Nats-Schedule") and key != "Nats-Scheduler" for key in found):
        return refuse(BEFORE_DUPLICATE, errors.SCHEDULES_DISABLED)
    if "Nats-Scheduler" in found:
        return refuse(BEFORE_DUPLICATE, errors.SCHEDULE_SCHEDULER_INVALID)
    if "Nats-Stream-Source" in found:
        return refuse(BEFORE_DUPLICATE, errors.STREAM_SOURCE_HEADER)
    if "Nats-Rollup" in found:
        if not config.allow_rollup_hdrs or config.deny_purge:
            return refuse(BEFORE_SIZES, errors.STREAM_ROLLUP_FAILED, err="rollup not permitted")
        what = found["Nats-Rollup"].lower()
        roll_up = _ROLL_UPS.get(what, 0)
        if not roll_up:
            text = f"rollup value invalid: {quote(what)}"
            return refuse(BEFORE_SIZES, errors.STREAM_ROLLUP_FAILED, err=text)
        return Verdict(roll_up=roll_up)
    return None
