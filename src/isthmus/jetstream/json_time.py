"""Times in requests: RFC 3339 as the original reads and prints it, with its texts for what is not.

A time keeps the zone it came with; its fraction has at most nine digits, trailing zeros trimmed.
"""

import re
from datetime import datetime, timedelta

from isthmus.base.quoting import quote
from isthmus.jetstream.json_text import JsonError

ZERO_TIME = "0001-01-01T00:00:00Z"

_LAYOUT = "2006-01-02T15:04:05Z07:00"
_PARTS = (
    (r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T"),
    (r"\d\d?", "15"), (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d", "05"),
    (r"(?:[.,]\d+)?", ""), (r"Z|[+-]\d\d:\d\d", "Z07:00"),
)  # fmt: skip
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def canonical_time(text: str) -> str:
    """`text` as the original prints the time it reads there; raises `JsonError`."""
    at, found = 0, []
    for pattern, layout in _PARTS:
        match = re.compile(pattern, re.ASCII).match(text, at)
        if match is None:
            raise JsonError(
                f"parsing time {quote(text)} as {quote(_LAYOUT)}: "
                f"cannot parse {quote(text[at:])} as {quote(layout)}"
            )
        found.append(match.group())
        at = match.end()
    problem = _out_of_range(found) or (f"extra text: {quote(text[at:])}" if text[at:] else "")
    if problem:
        raise JsonError(f"parsing time {quote(text)}: {problem}")
    fraction = found[11][1:10].rstrip("0")
    zone = "Z" if found[12][1:] == "00:00" else found[12]
    date = "".join(found[:6])
    return f"{date}{found[6]:0>2}{''.join(found[7:11])}{'.' * bool(fraction)}{fraction}{zone}"


def in_utc(text: str) -> str:
    """The canonical time `text` in UTC; what the calendar does not reach stays as it is."""
    if text.endswith("Z"):
        return text
    date, _, fraction = text[:-6].partition(".")
    sign = -1 if text[-6] == "-" else 1
    zone = sign * timedelta(hours=int(text[-5:-3]), minutes=int(text[-2:]))
    try:
        moment = (datetime.fromisoformat(date) - zone).isoformat()
    except (ValueError, OverflowError):
        return text
    return f"{moment}{'.' * bool(fraction)}{fraction}Z"


def _out_of_range(found: list[str]) -> str:
    year, month, day = int(found[0]), int(found[2]), int(found[4])
    hour, minute, second = int(found[6]), int(found[8]), int(found[10])
    zone = found[12]
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12:
        return "month out of range"
    if hour > 23:
        return "hour out of range"
    if minute > 59:
        return "minute out of range"
    if second > 59:
        return "second out of range"
    if zone != "Z" and int(zone[1:3]) > 24:
        return "time zone offset hour out of range"
    if zone != "Z" and int(zone[4:6]) > 60:
        return "time zone offset minute out of range"
    if not 1 <= day <= _DAYS[month - 1] or (month == 2 and day == 29 and not leap):
        return "day out of range"
    return ""
