"""Documents as JSON, laid out like nats-server's.

Owns indentation and what is left out: a field declared with `always` is always there, any other
only when it is not zero, empty or false.
"""

from collections.abc import Sequence

import msgspec

from isthmus.base.values import NS_PER_S, Value, escape_json, to_json


class Document(Value, omit_defaults=True):
    """A JSON object whose empty fields are left out."""


def indented(document: Value) -> bytes:
    """Two blanks for each level, as every endpoint but healthz answers."""
    return msgspec.json.format(to_json(document), indent=2)


def around(document: Value, name: str, depth: int) -> tuple[bytes, bytes]:
    """`document` as it stands `depth` levels deep: before and behind the items of its list `name`.

    Between two items stands `gap`; there must be one at least.
    """
    found = msgspec.to_builtins(document)
    mark = f"items of {name}"
    found[name] = [mark]
    names = [field.encode_name for field in msgspec.structs.fields(document)]
    raw = escape_json(msgspec.json.encode({key: found[key] for key in names if key in found}))
    # the key first: a text may say what the mark says, but no text holds a quote like a key's
    ahead, key, rest = _deeper(raw, depth).partition(b"%b: [" % msgspec.json.encode(name))
    before, _, after = rest.partition(msgspec.json.encode(mark))
    return ahead + key + before, after


def gap(depth: int) -> bytes:
    """What stands between two items of a list of a document that stands `depth` levels deep."""
    return b",\n" + b"  " * (depth + 2)


def items_at(items: Sequence[object], depth: int) -> bytes:
    """Some items of a list (at least one), the gaps between them too, for `around` at `depth`."""
    raw = msgspec.json.format(to_json(items), indent=2)  # "[", items two blanks deep, "]"
    return raw[4:-2].replace(b"\n", b"\n" + b"  " * (depth + 1))


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
