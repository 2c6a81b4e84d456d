"""The protocol as log lines."""

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from

from isthmus.server.logs import Log
from isthmus.server.trace import LINE_MAX, SHOWN_MAX, Splitter, TracedProtocol


def split(*pieces, arrow="<<-", shown_max=0):
    splitter = Splitter(arrow, shown_max)
    return [line for piece in pieces for line in splitter.feed(piece)]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"PING\r\n", ["<<- [PING]"]),
        (b"sub   foo   1\r\n", ["<<- [SUB foo   1]"]),
        (b"SUB\tfoo 1\n", ["<<- [SUB foo 1]"]),
        (b"PUB foo 5\r\nhello\r\n", ["<<- [PUB foo 5]", '<<- MSG_PAYLOAD: ["hello"]']),
        (b"PUB foo r 0\r\n\r\nPONG\r\n", ["<<- [PUB foo r 0]", "<<- [PONG]"]),
        (
            b"HPUB foo 12 17\r\nNATS/1.0\r\n\r\nhello\r\n",
            ["<<- [HPUB foo 12 17]", r'<<- MSG_PAYLOAD: ["NATS/1.0\r\n\r\nhello"]'],
        ),
        (b"PUB a 2\r\n\xff\x00\r\n", ["<<- [PUB a 2]", r'<<- MSG_PAYLOAD: ["\xff\x00"]']),
        (
            b'CONNECT {"user":"u","pass":"hunter2"}\r\n',
            ['<<- [CONNECT {"user":"u","pass":"[REDACTED]"}]'],
        ),
        (b"\r\n", []),
    ],
)
def test_what_a_client_says(data, lines):
    assert split(data) == lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"INFO {}\r\nPONG\r\n", ["->> [PONG]"]),
        (b"+OK\r\n", ["->> [OK]"]),
        (b"-ERR 'Unknown Protocol Operation'\r\n", ["->> [-ERR Unknown Protocol Operation]"]),
        (b"MSG foo 1 5\r\nhello\r\n", ["->> [MSG foo 1 5]", '->> MSG_PAYLOAD: ["hello"]']),
    ],
)
def test_what_a_server_says(data, lines):
    assert split(data, arrow="->>") == lines


def test_a_payload_may_be_cut():
    assert split(b"PUB a 6\r\nabcdef\r\n", shown_max=3)[1] == '<<- MSG_PAYLOAD: ["abc..."]'
    assert split(b"PUB a 3\r\nabc\r\n", shown_max=3)[1] == '<<- MSG_PAYLOAD: ["abc"]'


def test_a_long_payload_is_not_kept():
    splitter = Splitter("<<-")
    list(splitter.feed(b"PUB a 10000000\r\n"))
    for _ in range(100):
        list(splitter.feed(100_000 * b"x"))
    assert len(splitter._payload) == SHOWN_MAX + 1
    assert len(next(iter(splitter.feed(b"\r\n")))) < SHOWN_MAX + 100


def test_an_endless_line_is_not_kept():
    splitter = Splitter("<<-")
    for _ in range(100):
        assert list(splitter.feed(100_000 * b"x")) == []
    assert len(splitter._line) < LINE_MAX + 200_000
    assert list(splitter.feed(b"\r\nPING\r\n")) == []


@pytest.mark.parametrize("size", [b"x", b"-1", b"", b"9" * 30])
def test_after_a_size_that_is_none_nothing_is_shown(size):
    assert len(split(b"PUB a " + size + b"\r\nPING\r\n")) == 1


operations = sampled_from(
    [
        b"PING\r\n",
        b"PUB a 5\r\nhe\nlo\r\n",
        b"SUB a 1\r\n",
        b"HPUB a 3 4\r\nabcd\r\n",
        b"PUB a 0\r\n\r\n",
    ]
)


@given(lists(operations, max_size=6), lists(integers(1, 7), max_size=40))
def test_it_does_not_matter_where_the_bytes_are_cut(parts, cuts):
    data = b"".join(parts)
    pieces, start = [], 0
    for size in cuts:
        pieces.append(data[start : start + size])
        start += size
    assert split(*pieces, data[start:]) == split(data)


@given(lists(binary(max_size=30), max_size=8))
def test_any_bytes_can_be_traced(pieces):
    split(*pieces)


# ---------------------------------------------------------------------- between the two


class RecordingTransport:
    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(bytes(data))

    def get_extra_info(self, name, default=None):
        return {"socket": "a socket", "peername": ("127.0.0.1", 1)}.get(name, default)

    def is_closing(self):
        return False


class Echo(asyncio.BufferedProtocol):
    """Answers what it gets with PONG."""

    def __init__(self):
        self.buffer = bytearray(64)
        self.calls = []

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes):
        self.calls.append(bytes(self.buffer[:nbytes]))
        self.transport.write(b"PONG\r\n")

    def eof_received(self):
        return False

    def connection_lost(self, exc):
        self.calls.append(exc)


def converse(data, *, tracing=True, wanted=True):
    stream = io.StringIO()
    log = Log(stream, pid=1, with_time=False, trace=tracing)
    inner, transport = Echo(), RecordingTransport()
    traced = TracedProtocol(inner, log, who=lambda: "me", wanted=lambda: wanted)
    traced.connection_made(transport)
    traced.get_buffer(-1)[: len(data)] = data
    traced.buffer_updated(len(data))
    traced.connection_lost(None)
    return inner, transport, stream.getvalue()


def test_both_directions_are_logged_and_passed_on():
    inner, transport, log = converse(b"PING\r\n")
    assert inner.calls == [b"PING\r\n", None]
    assert transport.written == [b"PONG\r\n"]
    assert log == "[1] [TRC] me - <<- [PING]\n[1] [TRC] me - ->> [PONG]\n"


@pytest.mark.parametrize("options", [{"tracing": False}, {"wanted": False}])
def test_nothing_is_logged_when_it_is_not_wanted(options):
    inner, _, log = converse(b"PING\r\n", **options)
    assert inner.calls[0] == b"PING\r\n"
    assert log == ""


def test_a_traced_transport_hides_its_socket():
    inner, _, _ = converse(b"PING\r\n")
    assert inner.transport.get_extra_info("socket") is None
    assert inner.transport.get_extra_info("peername") == ("127.0.0.1", 1)
    assert not inner.transport.is_closing()
