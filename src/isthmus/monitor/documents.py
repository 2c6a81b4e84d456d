"""Documents as JSON, laid out like nats-server's.

Owns indentation and what is left out: a field declared with `always` is always there, any other
only when it is not zero, empty or false.
"""

import msgspec

from isthmus.base.values import NS_PER_S, Value, escape_json, to_json


class Document(Value, omit_defaults=True):
    """A JSON object whose empty fields are left out."""


def indented(document: Value) -> bytes:
    """Two blanks for each level, as every endpoint but healthz answers."""
    return msgspec.json.format(to_json(document), indent=2)


def with_items(document: Value, name: str, items: list[bytes], depth: int) -> bytes:
    """`document` as it stands `depth` levels deep, with `items` as its list `name`.

    The items were made by this function too, or by `indented_at`, two levels deeper: so a page of
    megabytes is put together from pieces, and each is touched only once.
    """
    if not items:
        return indented_at(document, depth)
    found = msgspec.to_builtins(document)
    mark = f"items of {name}"
    found[name] = [mark]
    names = [field.encode_name for field in msgspec.structs.fields(document)]
    raw = escape_json(msgspec.json.encode({key: found[key] for key in names if key in found}))
    before, _, after = _deeper(raw, depth).partition(msgspec.json.encode(mark))
    gap = b",\n" + b"  " * (depth + 2)
    return before + gap.join(items) + after


def indented_at(document: Value, depth: int) -> bytes:
    """`document` as it stands so many levels deep in another."""
    return _deeper(to_json(document), depth)


def _deeper(raw: bytes, depth: int) -> bytes:
    return msgspec.json.format(raw, indent=2).replace(b"\n", b"\n" + b"  " * depth)


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
