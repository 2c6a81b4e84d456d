"""The client protocol as one slow function over all the bytes of a connection.

`answer` says what a recording owner (`tests/core/test_parser.py`) writes down for them, in order,
and with which `-ERR` text the connection ends: None while it lives, "" when it ends in silence.
"""

NAMES = (b"PING", b"PONG", b"+OK", b"-ERR", b"SUB", b"UNSUB", b"CONNECT", b"INFO", b"PUB", b"HPUB")
UNKNOWN = "Unknown Protocol Operation"


def number(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) <= 9 else -1


def publication(name: bytes, tokens: list[bytes]) -> tuple[bytes, bytes, int, int] | None:
    """Subject, reply, header size and total size, or None if the arguments are broken."""
    sizes = 2 if name == b"HPUB" else 1
    if len(tokens) not in (1 + sizes, 2 + sizes):
        return None
    total = number(tokens[-1])
    header = number(tokens[-2]) if sizes == 2 else 0
    if not 0 <= header <= total:
        return None
    return tokens[0], tokens[1] if len(tokens) == 2 + sizes else b"", header, total


def answer(
    data: bytes, *, control_line_max: int, payload_max: int, headers: bool
) -> tuple[list[tuple[bytes, ...]], str | None]:
    done: list[tuple[bytes, ...]] = []
    while data:
        name = next((name for name in NAMES if data[: len(name)].upper() == name), b"")
        if not name:
            known = any(name.startswith(data.upper()) for name in NAMES)
            return done, None if known else UNKNOWN
        rest = data[len(name) :]
        if name in (b"PING", b"PONG", b"+OK"):
            _, newline, data = rest.partition(b"\n")
            if newline:
                done.append((name,))
            continue
        if name not in (b"CONNECT", b"INFO") and rest[:1] not in (b"", b" ", b"\t"):
            return done, UNKNOWN
        line, newline, rest = rest.lstrip(b" \t").partition(b"\n")
        line = line.removesuffix(b"\r")
        if len(line) > control_line_max:
            return done, "maximum control line exceeded"
        if not newline:
            return done, None
        tokens = line.replace(b"\t", b" ").split(b" ")
        tokens = [token for token in tokens if token]
        data = rest
        if name in (b"PUB", b"HPUB"):
            found = publication(name, tokens)
            if found is None or (name == b"HPUB" and not headers):
                return done, ""
            subject, reply, header, total = found
            if total > payload_max:
                return done, "Maximum Payload Violation"
            end = data[total : total + 2]
            if not b"\r\n".startswith(end):
                return done, UNKNOWN
            if len(end) < 2:
                return done, None
            done.append((b"PUB", subject, reply, data[:header], data[header:total]))
            data = data[total + 2 :]
        elif name == b"SUB":
            if len(tokens) not in (2, 3):
                return done, ""
            done.append((b"SUB", *tokens))
        elif name == b"UNSUB":
            if len(tokens) not in (1, 2):
                return done, ""
            most = number(tokens[1]) if len(tokens) == 2 else 0
            done.append((b"UNSUB", tokens[0], b"%d" % max(most, 0)))
        elif name == b"CONNECT":
            if not line:
                return done, ""
            done.append((b"CONNECT", line))
        elif name == b"-ERR":
            return [*done, (b"-ERR", line)], ""
        elif line[:1] != b"{":
            return done, ""
    return done, None
