import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.base.errors import ProtocolError
from isthmus.core.client import Client
from isthmus.core.outbound import Outbound
from isthmus.core.parser import Parser, ReadBuffer
from isthmus.core.router import AccountCore
from isthmus.core.turn import Turn
from models.parser import answer
from support.core import START_NS, MemoryConnection, World

CONTROL_LINE_MAX = 64
PAYLOAD_MAX = 20_000
HEADROOM = 8192


class Recorder:
    """An owner whose client hears everything: its operations end up in one list, in order."""

    def __init__(self, *, headers: bool = True, size: int = 16_384) -> None:
        self.turn = Turn(seed=1)
        self.turn.begin(START_NS)
        self.operations: list[tuple[bytes, ...]] = []
        self.error: str | None = None
        self.kept_most = 0
        self.outbound = Outbound(self, 1 << 30)
        self.outbound.attach(self, -1)
        self.client = Client(self, 1, self.outbound)
        self.client.configure(
            echo=True, verbose=False, pedantic=False, headers=headers, no_responders=False
        )
        self.client.admit(AccountCore(b"A", 1, b"AAAAAA"), payload_max=PAYLOAD_MAX)
        self.client.subscribe(b">", b"", b"0")
        self.parser = Parser(self.client, self, ReadBuffer(size, HEADROOM), CONTROL_LINE_MAX)

    def read(self, data: bytes) -> None:
        """`data` in one segment, as a socket hands it over."""
        while data and self.error is None:
            view = self.parser.buffer()
            size = min(len(view), len(data))
            view[:size] = data[:size]
            try:
                self.parser.read(size, self.turn)
            except ProtocolError as error:
                self.error = error.text
                self.parser.end()
            self.collect()
            self.kept_most = max(self.kept_most, self.parser.kept)
            data = data[size:]

    def collect(self) -> None:
        """Publications come back as messages of the client's own subscription."""
        self.outbound.flush(self.turn)

    def write(self, data: bytes) -> None:
        while data:
            line, _, data = data.partition(b"\r\n")
            tokens = line.split(b" ")
            if tokens[0] == b"PONG":
                continue
            has_header = tokens[0] == b"HMSG"
            total = int(tokens[-1])
            header = int(tokens[-2]) if has_header else 0
            reply = tokens[3] if len(tokens) == 5 + has_header else b""
            body = data[:total]
            data = data[total + 2 :]
            self.operations.append((b"PUB", tokens[1], reply, body[:header], body[header:]))

    def connect(self, text: bytes) -> None:
        self.note(b"CONNECT", text)

    def subscribe(self, subject: bytes, queue: bytes, sid: bytes) -> None:
        self.note(b"SUB", *((subject, queue, sid) if queue else (subject, sid)))

    def unsubscribe(self, sid: bytes, most: int) -> None:
        self.note(b"UNSUB", sid, b"%d" % most)

    def ping(self) -> None:
        self.note(b"PING")

    def pong(self) -> None:
        self.note(b"PONG")

    def peer_error(self, text: bytes) -> None:
        self.note(b"-ERR", text)
        raise ProtocolError("")

    def note(self, *operation: bytes) -> None:
        self.collect()
        self.operations.append(operation)


def expected(data: bytes, *, headers: bool = True) -> tuple[list[tuple[bytes, ...]], str | None]:
    operations, error = answer(
        data, control_line_max=CONTROL_LINE_MAX, payload_max=PAYLOAD_MAX, headers=headers
    )
    if not headers:
        operations = [
            (*found[:3], b"", *found[4:]) if found[0] == b"PUB" else found for found in operations
        ]
    return [found for found in operations if found != (b"+OK",)], error


def body_of(size: int) -> bytes:
    return (b"0123456789\r\n" * (size // 12 + 1))[:size]


subjects = st.sampled_from([b"a", b"a.b", b"a.*", b">", b"a.b.c", b"\xff.\x00", b"PUB", b"x" * 50])
blanks = st.sampled_from([b" ", b"\t", b"  ", b" \t ", b" " * 90])
line_ends = st.sampled_from([b"\r\n", b"\n"])
sizes = st.one_of(st.integers(0, 20), st.sampled_from([HEADROOM - 10, HEADROOM, 9000, 20_000]))


@st.composite
def publications(draw: st.DrawFn) -> bytes:
    size = draw(sizes)
    body = body_of(size)
    line = draw(st.sampled_from([b"PUB", b"pub", b"Pub"])) + draw(blanks) + draw(subjects)
    line += draw(st.sampled_from([b"", b" reply", b" a.b.c"]))
    if draw(st.booleans()):
        line = b"H" + line + b" %d" % draw(st.integers(0, size))
    return line + draw(blanks) + b"%d" % size + draw(line_ends) + body + b"\r\n"


commands = st.builds(
    lambda line, end: line + end,
    st.sampled_from(
        [
            b"PING",
            b"ping",
            b"PING  ",
            b"PINGxyz",
            b"PONG",
            b"+OK",
            b"+OK whatever",
            b"+ok",
            b"SUB a 1",
            b"SUB\ta.>\tgroup\t22",
            b"sub  *  3 ",
            b"UNSUB 1",
            b"UNSUB 1 5",
            b"unsub 1 x",
            b"CONNECT {}",
            b'CONNECT{"verbose":false}',
            b"INFO {}",
            b"INFO{}",
        ]
    ),
    line_ends,
)
broken = st.sampled_from([
    b"\r\n", b"PINX", b"PUB\r\n", b"PUB a\r\n", b"PUB a -1\r\n", b"PUB a 20001\r\n",
    b"PUB a 1234567890\r\n", b"PUB a 2\r\nabX", b"PUB a 2\r\nab\rX", b"PUB a b c 1\r\n",
    b"HPUB a 3 2\r\n", b"HPUB a 1\r\n", b"SUB\r\n", b"SUB a\r\n", b"SUB a b c d\r\n", b"UNSUB\r\n",
    b"UNSUB 1 2 3\r\n", b"-ERR 'x'\r\n", b"-ERRx", b"INFO x\r\n", b"CONNECT\r\n", b"MSG a 1 0\r\n",
    *(b"SUB " + b"y" * size + b" 1" for size in (61, 62, 63)), b"P", b"SUB a 1\r",
    b"PING" + b"z" * 500, b"PUB" + b" " * 500,
    b"SUB " + b"y" * 62 + b" 1\r", b"SUB " + b"y" * 63 + b" 1\r\n",
])  # fmt: skip
streams = st.lists(st.one_of(publications(), commands, commands, broken), max_size=8).map(b"".join)


@st.composite
def cuts(draw: st.DrawFn) -> list[bytes]:
    """A stream in segments."""
    data = draw(st.one_of(streams, st.binary(max_size=200)))
    at = sorted(draw(st.sets(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]


@given(cuts(), st.booleans())
@settings(max_examples=400)
def test_any_split_gives_the_operations_of_the_model(segments: list[bytes], headers: bool):
    recorder = Recorder(headers=headers)
    for segment in segments:
        recorder.read(segment)
    assert (recorder.operations, recorder.error) == expected(b"".join(segments), headers=headers)


@given(cuts())
@settings(max_examples=200)
def test_what_is_kept_is_one_publication_or_one_line(segments: list[bytes]):
    recorder = Recorder()
    for segment in segments:
        recorder.read(segment)
    assert recorder.kept_most <= PAYLOAD_MAX + 2 + CONTROL_LINE_MAX + len(b"HPUB \r\n")


@given(st.lists(st.one_of(publications(), commands), max_size=5).map(b"".join))
@settings(max_examples=60)
def test_bytes_fed_one_by_one_give_the_same(data: bytes):
    fed = Recorder()
    singles = [data[at : at + 1] for at in range(300, min(len(data), 700))]
    try:
        for segment in (data[:300], *singles, data[700:]):
            fed.parser.feed(segment, fed.turn)
    except ProtocolError as error:
        fed.error = error.text
    fed.collect()
    assert (fed.operations, fed.error) == expected(data)


@given(cuts(), st.data())
@settings(max_examples=100)
def test_held_bytes_are_parsed_after_resume(segments: list[bytes], data: st.DataObject):
    recorder = Recorder()
    for segment in segments:
        if recorder.error is None and data.draw(st.booleans()):
            recorder.parser.hold()
            before = len(recorder.operations)
            recorder.read(segment)
            assert len(recorder.operations) == before
            try:
                recorder.parser.resume(recorder.turn)
            except ProtocolError as error:
                recorder.error = error.text
                recorder.parser.end()
            recorder.collect()
        else:
            recorder.read(segment)
    assert (recorder.operations, recorder.error) == expected(b"".join(segments))


def test_hold_in_the_middle_of_a_read_stops_at_once():
    recorder = Recorder()
    recorder.connect = lambda _text: recorder.parser.hold()  # type: ignore[method-assign]
    recorder.read(b"PING\r\nCONNECT {}\r\nPING\r\nPUB a 1\r\nx\r\n")
    assert recorder.operations == [(b"PING",)]
    assert recorder.parser.holding
    recorder.parser.resume(recorder.turn)
    recorder.collect()
    assert recorder.operations == [(b"PING",), (b"PING",), (b"PUB", b"a", b"", b"", b"x")]


def test_endless_blanks_after_a_name_are_not_kept():
    recorder = Recorder(size=8192)
    recorder.read(b"PUB" + b" " * 200_000)
    assert recorder.parser.kept == len(b"PUB ")
    recorder.read(b"a 1\r\nx\r\n")
    assert recorder.operations == [(b"PUB", b"a", b"", b"", b"x")]


def test_endless_text_after_ping_is_not_kept():
    recorder = Recorder()
    recorder.read(b"PING" + b"x" * 200_000)
    assert recorder.parser.kept == len(b"PING")
    recorder.read(b"\r\n")
    assert recorder.operations == [(b"PING",)]


def test_control_lines_longer_than_the_headroom_are_kept_elsewhere():
    recorder = Recorder(size=HEADROOM)
    parser = Parser(recorder.client, recorder, ReadBuffer(HEADROOM, HEADROOM), 100_000)
    recorder.parser = parser
    for _ in range(8):
        recorder.read(b"SUB a" if parser.kept == 0 else b"a" * HEADROOM)
    recorder.read(b" 1\r\nPING\r\n")
    subject = b"a" * (1 + 7 * HEADROOM)
    assert recorder.operations == [(b"SUB", subject, b"1"), (b"PING",)]


def test_a_large_payload_is_read_into_its_own_buffer():
    recorder = Recorder()
    head = b"PUB a 20000\r\n"
    recorder.read(head + b"x" * 100)
    view = recorder.parser.buffer()
    assert len(view) == 20_000 + 2 - 100
    view[:] = b"x" * (20_000 - 100) + b"\r\n"
    recorder.parser.read(len(view), recorder.turn)
    recorder.collect()
    assert recorder.operations == [(b"PUB", b"a", b"", b"", b"x" * 20_000)]
    assert recorder.parser.kept == 0


def test_nothing_is_kept_or_parsed_after_the_end():
    recorder = Recorder()
    recorder.parser.end()
    recorder.read(b"PING\r\n")
    recorder.parser.feed(b"PING\r\n", recorder.turn)
    assert recorder.operations == []
    assert recorder.parser.kept == 0


def test_a_view_outlives_its_read_buffer():
    buffer = ReadBuffer(8192, 8192)
    recorder = Recorder()
    view = Parser(recorder.client, recorder, buffer, 64).buffer()
    del buffer
    view[:4] = b"PING"
    assert bytes(view[:4]) == b"PING"


@pytest.mark.parametrize("first", [b"P", b"\r\n", b"X", b"-", b"PING\r\n"])
def test_the_first_byte_that_begins_no_connect_asks_the_owner(first: bytes):
    connection = MemoryConnection(World())

    def refuse() -> None:
        raise ProtocolError("Authorization Violation")

    connection.first_operation = refuse  # type: ignore[method-assign]
    assert connection.send(first) == b"-ERR 'Authorization Violation'\r\n"


def test_an_owner_that_admits_nobody_and_does_not_hold_is_a_bug():
    connection = MemoryConnection(World())
    connection.first_operation = lambda: None  # type: ignore[method-assign]
    with pytest.raises(AssertionError):
        connection.send(b"PING\r\n")


def test_a_pong_that_overflows_ends_the_parser_before_the_owner_hears_of_it():
    world = World()
    connection = MemoryConnection(world, pending_max=8)
    connection.send(b'CONNECT {"verbose":false}\r\n')
    connection.outbound.pause()
    connection.slow_consumer = lambda _pending: connection.end()  # type: ignore[method-assign]
    connection.send(b"PING\r\nPING\r\nPING\r\n")
    assert connection.events == [("ping",)]
