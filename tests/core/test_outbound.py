import errno
import os
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from isthmus.core.outbound import Outbound
from isthmus.core.turn import Turn
from models.outbound import OutboundModel
from support.core import START_NS

PENDING_MAX = 200_000
pieces = st.one_of(
    st.binary(max_size=20),
    st.builds(
        lambda size, first: bytes([first]) * size, st.integers(0, 90_000), st.integers(0, 255)
    ),
)


class Owner:
    def __init__(self) -> None:
        self.slow: list[int] = []
        self.failed: list[int] = []

    def slow_consumer(self, pending: int) -> None:
        self.slow.append(pending)

    def write_failed(self, code: int) -> None:
        self.failed.append(code)


class Transport:
    """Takes `room` bytes at a time and keeps the rest, as asyncio's do with high-water mark 0."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        self.outbound: Outbound | None = None
        self.sock = sock
        self.room = 0
        self.kept = b""
        self.sent = b""

    def write(self, data: bytes) -> None:
        assert not self.kept, "the transport was written to while it had said pause"
        self.kept = data
        self.push(self.room)
        if self.kept:
            assert self.outbound is not None
            self.outbound.pause()

    def push(self, size: int) -> None:
        part, self.kept = self.kept[:size], self.kept[size:]
        self.sent += part

    def get_write_buffer_size(self) -> int:
        return len(self.kept)


class OutboundMachine(RuleBasedStateMachine):
    """Bytes leave in order, each once, however the transport takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = Turn(seed=1)
        self.turn.begin(START_NS)
        self.owner = Owner()
        self.outbound = Outbound(self.owner, PENDING_MAX)
        self.transport = Transport()
        self.transport.outbound = self.outbound
        self.outbound.attach(self.transport, -1)
        self.model = OutboundModel(PENDING_MAX)

    @rule(data=pieces)
    def write(self, data: bytes) -> None:
        # the transport's bytes count in full until it has got rid of all of them
        self.model.gone = len(self.model.accepted) - self.outbound.pending
        self.model.write(data)
        self.outbound.write(data, self.turn)

    @rule(room=st.sampled_from([0, 1, 10, 5000, 1 << 20]))
    def finish(self, room: int) -> None:
        self.transport.room = room
        self.turn.finish()
        self.turn.begin(START_NS)

    @precondition(lambda self: self.transport.kept)
    @rule(size=st.sampled_from([1, 1000, 1 << 20]))
    def drain(self, size: int) -> None:
        self.transport.push(size)
        if not self.transport.kept:
            self.outbound.resume(self.turn)

    @invariant()
    def order_is_kept(self) -> None:
        assert self.model.accepted.startswith(self.transport.sent)
        assert len(self.owner.slow) == self.model.overflows

    def teardown(self) -> None:
        self.transport.room = 1 << 30
        self.transport.push(1 << 30)
        self.outbound.resume(self.turn)
        self.turn.finish()
        assert self.transport.sent == self.model.accepted
        assert self.outbound.pending == 0


TestOutboundMachine = OutboundMachine.TestCase


@given(st.lists(st.tuples(pieces, st.integers(0, 100_000)), max_size=12))
@settings(max_examples=30, deadline=None)
def test_a_socket_that_takes_what_it_likes_gets_all_in_order(steps: list[tuple[bytes, int]]):
    """Sent to the socket directly; what it refuses goes to the transport, and nothing overtakes."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.setblocking(False)
    theirs.setblocking(False)
    turn = Turn(seed=1)
    outbound = Outbound(Owner(), 1 << 30)
    transport = Transport()
    transport.outbound = outbound
    outbound.attach(transport, ours.fileno())
    accepted, got = b"", b""

    def read(size: int) -> bytes:
        try:
            return theirs.recv(size) if size else b""
        except BlockingIOError:
            return b""

    def drain() -> None:
        while transport.kept:
            try:
                sent = ours.send(transport.kept)
            except BlockingIOError:
                return
            transport.push(sent)
        outbound.resume(turn)

    with ours, theirs:
        for data, size in steps:
            turn.begin(START_NS)
            outbound.write(data, turn)
            accepted += data
            turn.finish()
            got += read(size)
            drain()
            turn.finish()
        while len(got) < len(accepted):
            got += read(1 << 20)
            drain()
            turn.finish()
    assert got == accepted
    assert outbound.bytes_sent == len(accepted)


def make(pending_max: int = 100, fd: int = -1) -> tuple[Outbound, Owner, Transport, Turn]:
    owner = Owner()
    outbound = Outbound(owner, pending_max)
    transport = Transport()
    transport.outbound = outbound
    outbound.attach(transport, fd)
    turn = Turn(seed=1)
    turn.begin(START_NS)
    return outbound, owner, transport, turn


def test_too_much_is_told_once_and_nothing_is_taken_any_more():
    outbound, owner, transport, turn = make(pending_max=100)
    outbound.write(b"x" * 90, turn)
    outbound.write(b"y" * 11, turn)
    outbound.write(b"z", turn)
    outbound.write(b"y" * 11, turn)
    assert owner.slow == [90]
    transport.room = 1000
    turn.finish()
    assert transport.sent == b"x" * 90


def test_over_three_quarters_the_producer_is_asked_to_rest():
    outbound, _, _, turn = make(pending_max=100)
    outbound.write(b"x" * 75, turn)
    assert not turn.stalled
    outbound.write(b"x", turn)
    assert turn.stalled
    turn.begin(START_NS)
    assert not turn.stalled


def test_bytes_in_the_transport_count_as_pending():
    outbound, owner, transport, turn = make(pending_max=100)
    transport.room = 10
    outbound.write(b"x" * 60, turn)
    turn.finish()
    assert outbound.pending == 60
    outbound.write(b"x" * 41, turn)
    assert owner.slow == [60]


def test_a_closed_socket_is_told_with_its_error():
    ours, theirs = socket.socketpair()
    theirs.close()
    outbound, owner, transport, turn = make(fd=ours.fileno())
    outbound.write(b"x", turn)
    turn.finish()
    outbound.write(b"y", turn)
    turn.finish()
    assert owner.failed == [errno.EPIPE]
    assert transport.sent == b""
    assert outbound.pending == 0
    ours.close()


def test_what_a_write_leaves_in_the_buffer_is_sent_next():
    outbound, _, transport, turn = make()
    transport.room = 1000
    keep = transport.write
    wrote: list[bytes] = []

    def write(data: bytes) -> None:
        keep(data)
        if not wrote:
            outbound.write(b"second", turn)
        wrote.append(data)

    transport.write = write  # type: ignore[method-assign]
    outbound.write(b"first", turn)
    turn.finish()
    assert wrote == [b"first", b"second"]


@pytest.mark.parametrize("when", ["waiting", "blocked", "overflowed"])
def test_detached_it_takes_nothing_and_calls_nobody(when: str):
    outbound, owner, transport, turn = make()
    outbound.write(b"x" * 50, turn)
    if when == "blocked":
        turn.finish()
    if when == "overflowed":
        outbound.write(b"x" * 51, turn)
    before = list(owner.slow)
    outbound.detach()
    outbound.write(b"y" * 1000, turn)
    outbound.resume(turn)
    turn.finish()
    assert outbound.pending == 0
    assert owner.slow == before
    assert b"y" not in transport.sent


def test_an_owner_may_detach_while_it_is_told_of_the_overflow():
    outbound, owner, _, turn = make(pending_max=10)
    owner.slow_consumer = lambda _pending: outbound.detach()  # type: ignore[method-assign]
    outbound.write(b"x" * 10, turn)
    outbound.write(b"y", turn)
    turn.finish()
    assert outbound.pending == 0


def test_the_descriptor_of_a_file_that_is_no_socket_fails_cleanly(tmp_path):
    fd = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    outbound, owner, _, turn = make(fd=fd)
    outbound.write(b"x", turn)
    turn.finish()
    os.close(fd)
    assert owner.failed == [errno.ENOTSOCK]


def test_a_transport_that_keeps_bytes_in_silence_is_not_overtaken():
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    outbound, _, transport, turn = make(pending_max=1 << 30, fd=ours.fileno())
    kept: list[bytes] = []
    transport.write = kept.append  # type: ignore[method-assign]
    transport.get_write_buffer_size = lambda: sum(map(len, kept))  # type: ignore[method-assign]
    outbound.write(b"x" * 1_000_000, turn)
    turn.finish()
    taken = theirs.recv(1 << 20)
    outbound.write(b"y", turn)
    turn.finish()
    assert kept[1:] == [b"y"]
    assert len(taken) + len(kept[0]) == 1_000_000
    ours.close()
    theirs.close()
