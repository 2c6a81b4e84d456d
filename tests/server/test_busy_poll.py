"""The loop stays awake for the next message while that pays, and no longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus.server.busy_poll import POLL_NS, REST_MAX, BusyPoll

STEP_NS = 1_000


class RecordingLoop:
    """An event loop of which each `iterate` is one look at the sockets, a microsecond long."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.waiting: list[Callable[[], None]] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.waiting.append(callback)

    def iterate(self) -> None:
        self.now_ns += STEP_NS
        due, self.waiting = self.waiting, []
        for callback in due:
            callback()

    def run_until_asleep(self) -> int:
        """Iterations until nothing is waiting; as many as a bound that must not be reached."""
        for count in range(10 * POLL_NS // STEP_NS):
            if not self.waiting:
                return count
            self.iterate()
        pytest.fail("the loop does not go to sleep")


@pytest.fixture
def loop() -> RecordingLoop:
    return RecordingLoop()


@pytest.fixture
def poll(loop: RecordingLoop) -> BusyPoll:
    return BusyPoll(loop.call_soon, loop.monotonic_ns)


def turns_until_awake(loop: RecordingLoop, poll: BusyPoll) -> int:
    for count in range(1, 2 * REST_MAX):
        poll.turn_ended()
        if loop.waiting:
            return count
    pytest.fail("no turn starts it any more")


def test_nothing_polls_before_the_first_turn(loop: RecordingLoop, poll: BusyPoll) -> None:
    assert not loop.waiting


def test_after_a_turn_the_loop_stays_awake_for_the_poll_time(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    poll.turn_ended()
    assert loop.run_until_asleep() == POLL_NS // STEP_NS


def test_a_turn_meanwhile_keeps_it_awake_for_another_poll_time(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    poll.turn_ended()
    for _ in range(40):
        loop.iterate()
    poll.turn_ended()
    assert loop.run_until_asleep() == 1 + POLL_NS // STEP_NS


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
        loop.run_until_asleep()
    assert waits == [1, 2, 4, 8, 16, 32, REST_MAX, REST_MAX, REST_MAX]


def test_once_it_paid_every_turn_starts_it_again(loop: RecordingLoop, poll: BusyPoll) -> None:
    for _ in range(7):
        turns_until_awake(loop, poll)
        loop.run_until_asleep()
    turns_until_awake(loop, poll)
    poll.turn_ended()  # a message came while it looked
    loop.run_until_asleep()
    assert turns_until_awake(loop, poll) == 2, "the first time in vain after it paid"


def one_acknowledged(loop: RecordingLoop, poll: BusyPoll) -> int:
    """A publication, a sync longer than a look, its answer, and the next publication's arrival.

    Looks for that one while the loop was awake; 0: it slept.
    """
    poll.turn_ended(syncing=True)
    loop.run_until_asleep()
    poll.turn_ended()
    looks = 0
    while loop.waiting and looks < 40:
        loop.iterate()
        looks += 1
    return looks


def test_a_sync_that_takes_longer_does_not_keep_the_loop_from_awaiting_the_next_message(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    assert [one_acknowledged(loop, poll) for _ in range(REST_MAX)] == [40] * REST_MAX


def test_the_loop_does_not_look_for_the_end_of_syncs_that_take_longer(
    loop: RecordingLoop, poll: BusyPoll
) -> None:
    looked, rounds = 0, 4 * REST_MAX
    for _ in range(rounds):
        poll.turn_ended(syncing=True)
        looked += loop.run_until_asleep()
        poll.turn_ended()
        loop.iterate()
    in_vain = (looked - rounds) // (POLL_NS // STEP_NS)  # one look of each round paid
    assert in_vain < 10


def test_who_asks_meanwhile_is_answered_awake(loop: RecordingLoop, poll: BusyPoll) -> None:
    """Groups are under way all the time; requests come in between, and looking pays."""
    for _ in range(REST_MAX):
        poll.turn_ended(syncing=True)
        for _ in range(20):
            assert loop.waiting
            loop.iterate()
