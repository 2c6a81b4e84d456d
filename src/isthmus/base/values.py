"""The base struct of all values, and durations, sizes and times as the NATS world writes them.

A duration in JSON is an integer of nanoseconds; in text it has Go's form (`1h30m`, `250ms`). A size
in text has a binary or decimal suffix. Wall time is an integer of nanoseconds since 1970, UTC; in
JSON it is RFC 3339 with up to nine digits, trailing zeros trimmed.
"""

import re
from datetime import UTC, datetime
from typing import Any, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")

NS_PER_S = 1_000_000_000
TIME_MIN_NS, TIME_MAX_NS = -(1 << 63), (1 << 63) - 1  # of wall time

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
_LONG_UNITS_NS = {
    "d": 86_400 * NS_PER_S,
    "w": 7 * 86_400 * NS_PER_S,
    "M": 30 * 86_400 * NS_PER_S,
    "y": 365 * 86_400 * NS_PER_S,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w|M|y)")
_SIZE = re.compile(r"(-?\d+(?:\.\d+)?)\s*([kmgtpe]?)(i?b?)", re.IGNORECASE)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Value(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A frozen value: configuration, event, effect, document."""


def always(default: Any, *, name: str | None = None) -> Any:
    """A field that JSON shows even at its default, in a struct that omits defaults."""
    return msgspec.field(default_factory=lambda: default, name=name)


def parse_duration_ns(text: str, *, long_units: bool = False) -> int:
    """Nanoseconds of a Go duration such as `1m30s`, `-2s`, `250ms`, `0`.

    `long_units` also takes `d`, `w`, `M` (30 days), `y` (365 days), as the command-line tools do.
    Raises `ValueError` with one clear line.
    """
    body = text.strip()
    negative = body.startswith("-")
    body = body.lstrip("+-") if body[:1] in {"+", "-"} else body
    if body == "0":
        return 0
    units = _UNITS_NS | _LONG_UNITS_NS if long_units else _UNITS_NS
    position, total = 0, 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or part[2] not in units:
            break
        whole, _, fraction = part[1].partition(".")
        unit_ns = units[part[2]]
        total += int(whole or "0") * unit_ns
        if fraction:
            total += int(fraction) * unit_ns // 10 ** len(fraction)
        position = part.end()
    if not body or position != len(body):
        example = "1h30m, 5s, 250ms" + (", 7d" if long_units else "")
        raise ValueError(f"not a duration: {text!r} (examples: {example})")
    return -total if negative else total


def format_duration(ns: int) -> str:
    """Nanoseconds in Go's form: `1m30s`, `1.5s`, `100ms`, `0s`."""
    if ns == 0:
        return "0s"
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    if ns < NS_PER_S:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if ns >= size:
                return f"{sign}{_decimal(ns, size)}{unit}"
    hours, rest = divmod(ns, 3600 * NS_PER_S)
    minutes, rest = divmod(rest, 60 * NS_PER_S)
    out = f"{hours}h" if hours else ""
    out += f"{minutes}m" if hours or minutes else ""
    return f"{sign}{out}{_decimal(rest, NS_PER_S)}s"


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")


def parse_size(text: str) -> int:
    """Bytes of `512`, `1K`, `4MB`, `2GiB`; every suffix is a power of 1024, as the tools read it.

    The configuration file has its own rule for integers with suffixes (`config/lexer.py`).
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r} (examples: 512, 64KB, 1GiB, -1)")
    power = "kmgtpe".index(match[2].lower()) + 1 if match[2] else 0
    return int(float(match[1]) * 1024**power)


def format_time(wall_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds, trailing zeros trimmed; 0 is the zero time of the wire."""
    if wall_ns == 0:
        return "0001-01-01T00:00:00Z"
    seconds, rest = divmod(wall_ns, NS_PER_S)
    base = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{base}.{rest:09d}".rstrip("0") + "Z" if rest else f"{base}Z"


_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def moment_ns(seconds: int) -> int:
    """Wall time of a second since 1970; one that 64 bits do not reach is the nearest they do."""
    return min(max(seconds * NS_PER_S, TIME_MIN_NS), TIME_MAX_NS)


def parse_time_ns(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time; the zero time of the wire is 0.

    A moment that 64 bits do not reach (before 1677, after 2262) is the nearest one they do.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text!r} (example: 2026-01-31T12:00:00Z)")
    if text.startswith("0001-01-01T00:00:00"):
        return 0
    if text.startswith("0000"):  # a year that the wire knows and the library does not
        return TIME_MIN_NS
    seconds = int(datetime.fromisoformat(match[1] + "+00:00").timestamp()) - _offset_s(match[3])
    wall_ns = seconds * NS_PER_S + int((match[2] or "").ljust(9, "0"))
    return min(max(wall_ns, TIME_MIN_NS), TIME_MAX_NS)


def _offset_s(zone: str) -> int:
    """Seconds of `Z` or `+hh:mm`; the wire allows up to 24:60."""
    if zone in {"Z", "z"}:
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -seconds if zone[0] == "-" else seconds


def later_ns(now_ns: int, step_ns: int) -> int:
    """The moment `step_ns` after `now_ns`; what 64 bits can not hold is the end of time."""
    return min(now_ns + step_ns, TIME_MAX_NS)


def from_json(raw: bytes, kind: type[T]) -> T:
    """`raw` from outside as a `kind`; `msgspec.DecodeError` also for what nests too deep."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (RecursionError, UnicodeDecodeError) as error:
        raise msgspec.DecodeError(str(error)) from None


def to_json(value: Any) -> bytes:
    """Compact JSON as the real server prints it."""
    return escape_json(msgspec.json.encode(value))


def escape_json(raw: bytes) -> bytes:
    """JSON with `<`, `>`, `&` and the two Unicode line ends escaped, as Go's encoder does it."""
    if b"<" in raw or b">" in raw or b"&" in raw:
        raw = raw.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    if b"\xe2\x80" in raw:  # U+2028 and U+2029 begin so, and so does other punctuation
        raw = raw.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return raw
