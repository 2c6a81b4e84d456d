"""Points in time, as flags take them and reports show them.

Pure: `now` and the zone come in. Flags take a date or a distance from now (`30d`, `2M`); reports
show UTC, and beside it how far away that is.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from isthmus.base.quoting import quote

_ABSOLUTE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?: ?UTC)?)?")
_RELATIVE = re.compile(r"(-?\d+)([mhdwMy])")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WEEK, _MONTH, _YEAR = 7 * _DAY, 30 * _DAY, 360 * _DAY
_LONG_TIME = 37 * _YEAR


def parse_moment_s(flag: str, text: str, now_s: int, zone: tzinfo | None) -> int:
    """Seconds since 1970 of `--start` or `--expiry`; 0 if there is none."""
    if text in {"", "0"}:
        return 0
    try:
        return _parse_s(flag, text, now_s, zone)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{flag} {quote(text)} is invalid: {error}") from None


def _parse_s(flag: str, text: str, now_s: int, zone: tzinfo | None) -> int:
    absolute = _ABSOLUTE.fullmatch(text)
    if absolute:
        moment = datetime.fromisoformat(f"{absolute[1]}T{absolute[2] or '00:00:00'}+00:00")
        return int(moment.timestamp())
    if "." in text:
        raise ValueError(f"start/expiry must be an integer value: {text}")
    relative = _RELATIVE.search(text)
    if relative is None:
        raise ValueError(f"couldn't parse expiry: {text}")
    return _shifted_s(now_s, int(relative[1]), relative[2], zone)


def _shifted_s(now_s: int, count: int, unit: str, zone: tzinfo | None) -> int:
    """`count` units away from now; days and longer follow the calendar of `zone`."""
    if count == 0:
        return 0
    if unit in "mh":
        return now_s + count * (_MINUTE if unit == "m" else _HOUR)
    now = datetime.fromtimestamp(now_s, zone).replace(tzinfo=None)
    if unit in "dw":
        then = now + timedelta(days=count * (7 if unit == "w" else 1))
    else:
        months = now.month - 1 + count * (12 if unit == "y" else 1)
        first = now.replace(year=now.year + months // 12, month=months % 12 + 1, day=1)
        then = first + timedelta(days=now.day - 1)  # Jan 31 + 1 month is Mar 2 or 3
    return int(then.replace(tzinfo=zone).timestamp())


def format_moment(moment_s: int) -> str:
    """`2022-02-25 19:20:20 UTC`; nothing for 0."""
    if moment_s == 0:
        return ""
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def format_distance(moment_s: int, now_s: int) -> str:
    """`3 days ago`, `in 1 year`; nothing for 0."""
    if moment_s == 0:
        return ""
    away_s = abs(moment_s - now_s)
    if away_s < 1:
        return "now"
    text = _distance(away_s)
    return f"{text} ago" if moment_s < now_s else f"in {text}"


def _distance(away_s: int) -> str:
    steps = (
        (_MINUTE, 1, "second"),
        (_HOUR, _MINUTE, "minute"),
        (_DAY, _HOUR, "hour"),
        (_WEEK, _DAY, "day"),
        (_MONTH, _WEEK, "week"),
        (_YEAR, _MONTH, "month"),
    )
    for limit, unit, name in steps:
        if away_s < limit:
            count = away_s // unit
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    if away_s < _YEAR + _YEAR // 2:
        return "1 year"
    if away_s < 2 * _YEAR:
        return "2 years"
    return f"{away_s // _YEAR} years" if away_s < _LONG_TIME else "a long while"


def titled(text: str) -> str:
    """A distance as tables show it: `In 1 Year`."""
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def format_rfc1123(moment_s: int, zone: tzinfo | None) -> str:
    """`Fri, 25 Feb 2022 19:20:20 PST`, in the zone of whoever reads it."""
    moment = datetime.fromtimestamp(moment_s, UTC).astimezone(zone)
    return f"{moment:%a, %d %b %Y %H:%M:%S} {_zone_name(moment)}"


def format_local(moment_s: int, zone: tzinfo | None) -> str:
    """`2022-02-25 19:20:20 -0800 PST`, in the zone of whoever reads it."""
    moment = datetime.fromtimestamp(moment_s, UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M:%S %z} {_zone_name(moment)}"


def _zone_name(moment: datetime) -> str:
    return moment.tzname() or "UTC"
