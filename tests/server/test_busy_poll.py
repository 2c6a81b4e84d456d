"""The loop stays awake for the next message while that pays, and no longer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from isthmus.server.busy_poll import CROWDED_NS, LONG_NS, POLL_NS, REST_MAX, BusyPoll, looker

LOOK_NS = 10_000


class RecordingLoop:
    """An event loop whose looks take `look_ns` each; something comes with look number `comes`."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.look_ns = LOOK_NS
        self.comes: int | None = None
        self.looks = 0
        self.waiting: list[Callable[[], None]] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.waiting.append(callback)

    def look(self) -> bool:
        self.looks += 1
        self.now_ns += self.look_ns
        return self.looks == self.comes

    def iterate(self) -> int:
        """Run what waits; how many looks that took."""
        self.looks = 0
        due, self.waiting = self.waiting, []
        for callback in due:
            callback()
        return self.looks


@pytest.fixture
def loop() -> RecordingLoop:
    return RecordingLoop()


@pytest.fixture
def poll(loop: RecordingLoop) -> BusyPoll:
    return BusyPoll(loop.call_soon, loop.monotonic_ns, loop.look)


def turns_until_awake(loop: RecordingLoop, poll: BusyPoll) -> int:
    """Turns that come too late to have been waited for."""
    loop.now_ns += LONG_NS
    for count in range(1, 2 * REST_MAX):
        poll.turn_ended()
        if loop.waiting:
            return count
        loop.now_ns += LONG_NS
    pytest.fail("no turn starts it any more")


def test_nothing_looks_before_the_first_turn(loop: RecordingLoop, poll: BusyPoll) -> None:
    assert not loop.waiting


def test_after_a_turn_it_looks_for_the_poll_time(loop: RecordingLoop, poll: BusyPoll) -> None:
    poll.turn_ended()
    assert loop.iterate() == POLL_NS // LOOK_NS
    assert not loop.waiting


def test_it_looks_after_what_the_loop_has_to_do_anyway(loop: RecordingLoop, poll: BusyPoll) -> None:
    poll.turn_ended()
    assert loop.looks == 0
    assert len(loop.waiting) == 1


def test_it_stops_looking_when_something_came(loop: RecordingLoop, poll: BusyPoll) -> None:
    loop.comes = 2
    poll.turn_ended()
    assert loop.iterate() == 2


def test_only_one_callback_waits_however_many_turns_end(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    for _ in range(5):
        poll.turn_ended()
    assert len(loop.waiting) == 1


def test_each_time_in_vain_doubles_the_turns_let_pass_up_to_a_bound(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    waits = []
    for _ in range(9):
        waits.append(turns_until_awake(loop, poll))
        loop.iterate()
    assert waits == [1, 2, 4, 8, 16, 32, REST_MAX, REST_MAX, REST_MAX]


def test_once_it_paid_every_turn_starts_it_again(loop: RecordingLoop, poll: BusyPoll) -> None:
    for _ in range(7):
        turns_until_awake(loop, poll)
        loop.iterate()
    turns_until_awake(loop, poll)
    loop.comes = 1
    loop.iterate()
    assert turns_until_awake(loop, poll) == 1
    loop.comes = None
    loop.iterate()
    assert turns_until_awake(loop, poll) == 2, "the first time in vain after it paid"


def test_what_came_soon_after_it_slept_is_looked_for_longer(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    poll.turn_ended()
    loop.iterate()
    loop.now_ns += LONG_NS - POLL_NS - 1
    poll.turn_ended()
    assert loop.iterate() == LONG_NS // LOOK_NS, "and no turn is let pass"


def test_looking_for_longer_in_vain_ends_it(loop: RecordingLoop, poll: BusyPoll) -> None:
    poll.turn_ended()
    loop.iterate()
    poll.turn_ended()
    loop.iterate()
    turns_until_awake(loop, poll)
    assert loop.iterate() == POLL_NS // LOOK_NS


def test_looking_for_longer_goes_on_while_it_pays(loop: RecordingLoop, poll: BusyPoll) -> None:
    poll.turn_ended()
    loop.iterate()
    for _ in range(9):
        poll.turn_ended()
        loop.comes = 15
        assert loop.iterate() == 15


def test_a_core_that_others_take_for_long_counts_as_in_vain(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    loop.look_ns = CROWDED_NS
    loop.comes = 1
    poll.turn_ended()
    assert loop.iterate() == 1
    assert turns_until_awake(loop, poll) == 2


def test_a_loop_that_shows_no_descriptor_is_left_alone() -> None:
    loop = asyncio.SelectorEventLoop()
    try:
        assert looker(loop) is None
    finally:
        loop.close()


def test_a_look_sees_what_uvloop_waits_for() -> None:
    loop = pytest.importorskip("uvloop").new_event_loop()
    reader, writer = os.pipe()
    try:
        heard: list[bytes] = []
        loop.add_reader(reader, lambda: heard.append(os.read(reader, 9)))
        loop.run_until_complete(asyncio.sleep(0))
        look = looker(loop)
        assert look is not None
        assert not look()
        os.write(writer, b"x")
        assert look()
        assert heard == [], "a look reads nothing"
        loop.run_until_complete(asyncio.sleep(0.001))
        assert heard == [b"x"]
        assert not look()
    finally:
        loop.close()
        os.close(reader)
        os.close(writer)
