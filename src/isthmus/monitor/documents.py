"""Documents as JSON, laid out like nats-server's.

Owns indentation and what is left out: a field declared with `always` is always there, any other
only when it is not zero, empty or false.
"""

import msgspec

from isthmus.base.values import NS_PER_S, Value, to_json


class Document(Value, omit_defaults=True):
    """A JSON object whose empty fields are left out."""


def indented(document: Value) -> bytes:
    """Two blanks for each level, as every endpoint but healthz answers."""
    return msgspec.json.format(to_json(document), indent=2)


def uptime(ns: int) -> str:
    """How long in whole seconds: `1y2d3h4m5s`, leading zeros left out; never empty."""
    seconds = max(ns, 0) // NS_PER_S
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    year, day = divmod(days, 365)
    parts = [(year, "y"), (day, "d"), (hour, "h"), (minute, "m"), (second, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts = parts[1:]
    return "".join(f"{count}{unit}" for count, unit in parts)
