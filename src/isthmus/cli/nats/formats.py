"""Numbers, sizes, durations and times as the nats tool prints them for people.

Pure text. `base.values` prints Go's forms; these are the tool's own.
"""

from datetime import UTC, datetime

from isthmus.base.values import NS_PER_S, format_duration, parse_time_ns

NEVER_NS = 2**63 - 1
_DAY_S = 86_400
_YEAR_S = 365 * _DAY_S
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def byte_count(size: int) -> str:
    """`172 B`, `1.0 KiB`, `9.8 MiB`, `10 GiB`."""
    if size < 10:
        return f"{size} B"
    power = 0
    while size >= 1024 ** (power + 1) and power < len(_UNITS) - 1:
        power += 1
    tenths = int(size / 1024**power * 10 + 0.5) / 10
    return f"{tenths:.1f} {_UNITS[power]}" if tenths < 10 else f"{tenths:.0f} {_UNITS[power]}"


def count(number: int) -> str:
    """`1,234,567`."""
    return f"{number:,}"


def limit(number: int, text: str) -> str:
    """`text`, or `unlimited` where the number says so."""
    return "unlimited" if number <= 0 else text


def age(duration_ns: int) -> str:
    """A duration for people: `187µs`, `250ms`, `30.00s`, `2m5s`, `3d4h5m6s`, `never`."""
    if duration_ns >= NEVER_NS:
        return "never"
    if duration_ns < 1_000_000:
        return format_duration(round(duration_ns, -3))
    if duration_ns < NS_PER_S:
        return format_duration(round(duration_ns, -6))
    if duration_ns < 60 * NS_PER_S:
        return f"{duration_ns / NS_PER_S:.2f}s"
    seconds = duration_ns // NS_PER_S
    years, seconds = divmod(seconds, _YEAR_S)
    days, seconds = divmod(seconds, _DAY_S)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = ((years, "y"), (days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    first = next(index for index, (value, _) in enumerate(parts) if value)
    return "".join(f"{value}{unit}" for value, unit in parts[first:])


def since(then: str, wall_ns: int) -> str:
    """How long ago an RFC 3339 time is; `never` for the zero time."""
    then_ns = parse_time_ns(then) if then else 0
    return age(max(0, wall_ns - then_ns)) if then_ns > 0 else "never"


def local_time(moment: str | int) -> str:
    """`2026-11-23 03:20:40`, in the local zone, of an RFC 3339 time or nanoseconds."""
    wall_ns = moment if isinstance(moment, int) else parse_time_ns(moment)
    return f"{_local(wall_ns):%Y-%m-%d %H:%M:%S}"


def go_time(moment: str) -> str:
    """Go's default form of a UTC time: `2026-11-23 03:20:40.170759701 +0000 UTC`."""
    seconds, rest_ns = divmod(parse_time_ns(moment), NS_PER_S)
    base = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    fraction = f".{rest_ns:09d}".rstrip("0") if rest_ns else ""
    return f"{base}{fraction} +0000 UTC"


def clock_time(wall_ns: int) -> str:
    """`15:26:43`, in the local zone."""
    return f"{_local(wall_ns):%H:%M:%S}"


def stamp_time(wall_ns: int) -> str:
    """`Nov 23 03:20:40.170759`, in the local zone; the day takes two columns."""
    moment = _local(wall_ns)
    micros = wall_ns % NS_PER_S // 1000
    return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}.{micros:06d}"


def _local(wall_ns: int) -> datetime:
    return datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).astimezone()
