"""What a client may send that it should not, and what the server says: measured on nats-server.

Each case is sent after a quiet CONNECT with headers. `heard` comes back; then the connection is
closed, or answers a PING, or (`incomplete`) waits for more.
"""

from typing import NamedTuple

UNKNOWN = b"-ERR 'Unknown Protocol Operation'\r\n"
PAYLOAD = b"-ERR 'Maximum Payload Violation'\r\n"
LINE = b"-ERR 'maximum control line exceeded'\r\n"
SUBJECT = b"-ERR 'Invalid Subject'\r\n"


class Case(NamedTuple):
    send: bytes
    heard: bytes = b""
    then: str = "open"  # "open", "closed" or "incomplete"


def closed(heard: bytes, *sent: bytes) -> list[Case]:
    return [Case(data, heard, "closed") for data in sent]


def lines_of(size: int) -> list[bytes]:
    """Lines with arguments of exactly `size` bytes, their end left out."""
    return [
        b"SUB " + b"a" * (size - 2) + b" 1",
        b"PUB " + b"a" * (size - 2) + b" 0",
        b"UNSUB 1 " + b" " * (size - 3) + b"0",
    ]


CASES = [
    # names
    *closed(UNKNOWN, b"\r\n", b"\n", b" PING\r\n", b"PIN\r\n", b"X", b"PINX", b"MSG a 1 0\r\n\r\n"),
    *closed(UNKNOWN, b"CX", b"SX", b"UX", b"HX", b"IX", b"-X", b"+X", b"PX", b"PUX", b"+O\r\n"),
    *closed(UNKNOWN, b"PUB\r\n", b"SUB\r\n", b"UNSUB\r\n", b"HPUB\r\n", b"-ERR\r\n", b"-ERRx\r\n"),
    *closed(UNKNOWN, b"PUBX", b"SUBX", b"UNSUBX", b"HPUBX", b"RS+ a b\r\n", b"\x00", b"\xff"),
    *(Case(name, then="incomplete") for name in (b"P", b"pi", b"PUB", b"CONN", b"-", b"+O", b"I")),
    *(Case(line) for line in (b"ping\r\n".replace(b"i", b"O"), b"PONG\n", b"PONGxyz\r\n")),
    *(Case(line) for line in (b"+OK\r\n", b"+ok whatever\r\n", b"+OK" + b"x" * 9000 + b"\r\n")),
    Case(b"PING" + b" " * 9000 + b"\r\n", b"PONG\r\n"),
    Case(b"PING\r\r\n", b"PONG\r\n"),
    *closed(b"", b"-ERR 'x'\r\n", b"-ERR\tx\r\n", b"-ERR \r\n"),
    # INFO and CONNECT take JSON, with blanks before it or none
    *(Case(line) for line in (b"INFO {}\r\n", b"INFO{}\r\n", b"info \t{}\r\n")),
    *closed(b"", b"INFO\r\n", b"INFO x\r\n", b"INFOx {}\r\n", b"CONNECT\r\n", b"CONNECT {\r\n"),
    *closed(b"", b"CONNECT []\r\n", b"CONNECT {} x\r\n", b"CONNECTx\r\n", b'CONNECT "a"\r\n'),
    Case(b'CONNECT{"verbose":false}\r\n'),
    # publications
    *closed(b"", b"PUB \r\n", b"PUB a\r\n", b"PUB a b c 1\r\n", b"PUB a -1\r\n", b"PUB a x\r\n"),
    *closed(b"", b"PUB a +1\r\n", b"PUB a 0x1\r\n", b"PUB a 1\r\r\nx\r\n", b"PUB a 1048577000\r\n"),
    *closed(b"", b"PUB a 0000000005\r\nhello\r\n", b"PUB a 99999999999999999999\r\n"),
    *closed(PAYLOAD, b"PUB a 1048577\r\n", b"HPUB a 5 1048577\r\n", b"PUB a 999999999\r\n"),
    *closed(UNKNOWN, b"PUB a 2\r\nhix", b"PUB a 2\r\nhi\rx", b"PUB a 2\r\nhi\n\n"),
    *closed(b"", b"HPUB \r\n", b"HPUB a 1\r\n", b"HPUB a 12 10\r\n", b"HPUB a b c 1 1\r\n"),
    *closed(b"", b"HPUB a 2 -1\r\n", b"HPUB a -1 2\r\n", b"HPUB a x 2\r\n"),
    *(Case(line) for line in (b"PUB a 000000005\r\nhello\r\n", b"HPUB a 3 3\r\nabc\r\n")),
    *(Case(line) for line in (b"PUB\ta\t0 \t\r\n\r\n", b"PUB a 0\n\r\n", b"HPUB a 0 2\r\nhi\r\n")),
    Case(b"PUB " + b" " * 9000 + b"a 0\r\n\r\n"),
    Case(b"PUB a..b. 0\r\n\r\n"),
    # subscriptions
    *closed(b"", b"SUB \r\n", b"SUB a\r\n", b"SUB a b c d\r\n", b"UNSUB \r\n", b"UNSUB 1 2 3\r\n"),
    *(Case(b"SUB " + subject + b" 1\r\n", SUBJECT) for subject in (b"a.", b".a", b"a..b", b">.a")),
    *(Case(line) for line in (b"UNSUB 9\r\n", b"UNSUB 9 x\r\n", b"SUB a\x0bb\xff 1\r\n")),
    # a limit on arguments, without the end of their line
    *(Case(line + b"\r\n" + b"\r\n" * line.startswith(b"PUB")) for line in lines_of(4096)),
    *(Case(line + b"\n" + b"\r\n" * line.startswith(b"PUB")) for line in lines_of(4096)),
    *(Case(line + b"\r", then="incomplete") for line in lines_of(4096)),
    *closed(LINE, *(line + b"\r\n" for line in lines_of(4097))),
    *closed(LINE, *lines_of(4097)),
    *closed(LINE, b"CONNECT " + b"x" * 4097, b"INFO " + b"x" * 4097, b"-ERR " + b"x" * 4097),
]

# Sent instead of CONNECT where somebody must log in.
BEFORE_LOGIN = [
    *closed(
        b"-ERR 'Authorization Violation'\r\n",
        b"P", b"PING\r\n", b"X", b"\r\n", b"SUB a 1\r\n", b"-", b"+", b"abc",
        b"CONNECT {}\r\n",
    ),
    *closed(UNKNOWN, b"CX", b"CONX"),
    *closed(b"", b"CONNECT {\r\n", b"CONNECT\r\n"),
    *closed(LINE, b"CONNECT " + b"a" * 4097),
    *(Case(line, then="incomplete") for line in (b"C", b"CONNECT " + b" " * 9000)),
]  # fmt: skip
