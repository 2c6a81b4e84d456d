"""Documents as JSON, laid out like nats-server's.

Owns layout and what is left out: a field declared with `always` is always there, any other only
when it is not zero, empty or false.
"""

from collections.abc import Sequence

import msgspec

from isthmus.base.values import NS_PER_S, Value, escape_json, to_json


class Document(Value, omit_defaults=True):
    """A JSON object whose empty fields are left out."""


class Layout:
    """How documents stand in a text: `INDENTED` over HTTP, `COMPACT` in messages.

    A long list is written some items at a time, between the two parts that `around` gives.
    """

    def __init__(self, *, indented: bool) -> None:
        self._indented = indented

    def whole(self, document: Value, depth: int = 0) -> bytes:
        """`document` as it stands `depth` levels deep in another."""
        return self._deeper(to_json(document), depth)

    def around(self, document: Value, name: str, depth: int) -> tuple[bytes, bytes]:
        """`document` without the items of its list `name`: before and behind them.

        Between two items stands `gap`; there must be one at least.
        """
        found = msgspec.to_builtins(document)
        mark = f"items of {name}"
        found[name] = [mark]
        names = [field.encode_name for field in msgspec.structs.fields(document)]
        raw = escape_json(msgspec.json.encode({key: found[key] for key in names if key in found}))
        # the key first: a text may say what the mark says, but no text holds a quote like a key's
        opens = b"%b: [" if self._indented else b"%b:["
        ahead, key, rest = self._deeper(raw, depth).partition(opens % msgspec.json.encode(name))
        before, _, after = rest.partition(msgspec.json.encode(mark))
        return ahead + key + before, after

    def gap(self, depth: int) -> bytes:
        """What stands between two items of a list of a document that stands `depth` levels deep."""
        return b",\n" + b"  " * (depth + 2) if self._indented else b","

    def items(self, items: Sequence[object], depth: int) -> bytes:
        """Some items of such a list (at least one), the gaps between them too."""
        if not self._indented:
            return to_json(items)[1:-1]
        raw = msgspec.json.format(to_json(items), indent=2)  # "[", items two blanks deep, "]"
        return raw[4:-2].replace(b"\n", b"\n" + b"  " * (depth + 1))

    def _deeper(self, raw: bytes, depth: int) -> bytes:
        if not self._indented:
            return raw
        return msgspec.json.format(raw, indent=2).replace(b"\n", b"\n" + b"  " * depth)


INDENTED = Layout(indented=True)
COMPACT = Layout(indented=False)


def indented(document: Value) -> bytes:
    """Two blanks for each level, as every endpoint but healthz answers."""
    return INDENTED.whole(document)


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
