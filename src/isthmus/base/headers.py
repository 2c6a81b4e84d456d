r"""NATS/1.0 header blocks for code that runs once per request; the compiled core has its own scan.

    NATS/1.0[ <code>[ <description>]]\r\n
    Key: Value\r\n
    \r\n

Keys are case-sensitive, the first occurrence wins, order is kept.
"""

from collections.abc import Iterable

VERSION_LINE = b"NATS/1.0"
_END = b"\r\n"


def make_headers(pairs: Iterable[tuple[str, str]], *, status: str = "") -> bytes:
    """A header block with its final blank line."""
    lines = [VERSION_LINE + (b" " + status.encode() if status else b"")]
    lines += [f"{key}: {value}".encode() for key, value in pairs]
    return _END.join(lines) + b"\r\n\r\n"


def parse_headers(block: bytes) -> dict[str, str]:
    """First value of each key; lines that are not `key: value` are passed over."""
    out: dict[str, str] = {}
    for line in block.split(_END)[1:]:
        key, colon, value = line.partition(b":")
        if colon and key:
            out.setdefault(
                key.decode("utf-8", "replace"), value.strip(b" \t").decode("utf-8", "replace")
            )
    return out
