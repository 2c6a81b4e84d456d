"""Errands off the loop: in order, and one that fails does not hold up the others."""

import asyncio
import threading
from types import SimpleNamespace

from isthmus.core.turn import Turn
from isthmus.server.desk import (
    GROUP_BYTES,
    GROUP_MAX,
    SLICE_MAX,
    WAITING_BYTES_MAX,
    WAITING_MAX,
    Desk,
)


class Turns:
    """As much of a hub as a desk needs."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.turn = Turn(1)
        self.begun = self.finished = 0
        self.errors: list[str] = []
        self.log = SimpleNamespace(error=lambda text, _error: self.errors.append(text))

    def begin_turn(self) -> Turn:
        self.begun += 1
        return self.turn

    def finish_turn(self) -> None:
        self.finished += 1


def test_errands_run_in_one_thread_and_are_told_of_on_the_loop_in_order():
    async def run() -> None:
        hub = Turns()
        desk = Desk(hub, "test")
        ran: list[str] = []
        told: list[int] = []
        everything = asyncio.Event()

        def work(number: int) -> int:
            ran.append(threading.current_thread().name)
            return number

        def tell(number: int, turn: Turn) -> None:
            assert turn is hub.turn
            assert threading.current_thread() is threading.main_thread()
            told.append(number)
            if number == 3 * SLICE_MAX - 1:
                everything.set()

        for number in range(3 * SLICE_MAX):
            assert desk.take(lambda number=number: work(number), tell)
        await asyncio.wait_for(everything.wait(), 30)
        desk.close()
        assert told == list(range(3 * SLICE_MAX))
        assert {name.rpartition("_")[0] for name in ran} == {"isthmus-test"}
        assert hub.begun == hub.finished == 3

    asyncio.run(run())


def test_an_errand_that_goes_wrong_is_logged_and_the_others_go_on():
    async def run() -> None:
        hub = Turns()
        desk = Desk(hub, "test")
        done = asyncio.Event()
        told: list[str] = []

        def work(what: str) -> str:
            if what == "fails in the thread":
                raise ValueError(what)
            return what

        def tell(what: str, _turn: Turn) -> None:
            told.append(what)
            if len(told) == 2 * SLICE_MAX:
                done.set()
            if what == "fails on the loop":
                raise ValueError(what)

        three = ["fails in the thread", "fails on the loop", "goes well"]
        for what in three * SLICE_MAX:
            desk.take(lambda what=what: work(what), tell)
        await asyncio.wait_for(done.wait(), 30)
        desk.close()
        assert told == three[1:] * SLICE_MAX
        logged = [f"internal error: ValueError('{what}')" for what in three[:2]]
        assert hub.errors == logged * SLICE_MAX
        assert hub.begun == hub.finished == 3

    asyncio.run(run())


def test_too_many_errands_are_not_taken():
    async def run() -> None:
        desk = Desk(Turns(), "test")
        taken = [desk.take(lambda: None, lambda *_: None) for _ in range(WAITING_MAX + 1)]
        desk.close()
        assert taken == [True] * WAITING_MAX + [False]

    asyncio.run(run())


class Together:
    """A kind of errand; `calls` are what was carried out by one call."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    def __call__(self, some: list[int]) -> list[int | Exception]:
        self.calls.append(some)
        return [ValueError(str(one)) if one % 10 == 7 else -one for one in some]


def test_errands_of_one_kind_that_wait_together_are_carried_out_by_one_call():
    async def run() -> None:
        hub = Turns()
        desk = Desk(hub, "test")
        kind, told = Together(), []
        done = asyncio.Event()
        for number in range(GROUP_MAX - 1):
            desk.share(kind, number, lambda result, _: told.append(result))
        desk.take(lambda: "alone", lambda result, _: told.append(result))
        for number in range(5):
            desk.share(kind, number, lambda result, _: told.append(result))
        desk.take(lambda: None, lambda *_: done.set())
        await asyncio.wait_for(done.wait(), 30)
        desk.close()
        assert kind.calls == [list(range(GROUP_MAX - 1)), list(range(5))]
        good = [-number for number in range(GROUP_MAX - 1) if number % 10 != 7]
        assert told == [*good, "alone", *(-number for number in range(5))]
        assert hub.errors == [
            f"internal error: ValueError('{number}')" for number in range(7, GROUP_MAX - 1, 10)
        ]

    asyncio.run(run())


def test_a_kind_that_fails_fails_for_all_it_was_given_and_for_no_other():
    async def run() -> None:
        hub = Turns()
        desk = Desk(hub, "test")
        told: list[object] = []
        done = asyncio.Event()

        def fail(some: list[int]) -> list[int]:
            raise OSError(str(some))

        desk.share(fail, 1, lambda result, _: told.append(result))
        desk.share(fail, 2, lambda result, _: told.append(result))
        desk.take(lambda: "fine", lambda result, _: (told.append(result), done.set()))
        await asyncio.wait_for(done.wait(), 30)
        desk.close()
        assert told == ["fine"]
        assert hub.errors == ["internal error: OSError('[1, 2]')"] * 2

    asyncio.run(run())


def test_a_group_ends_where_it_has_its_bytes():
    async def run() -> None:
        desk = Desk(Turns(), "test")
        kind, done = Together(), asyncio.Event()
        for number in range(6):
            desk.share(kind, number, lambda *_: None, size=GROUP_BYTES // 2)
        desk.take(lambda: None, lambda *_: done.set())
        await asyncio.wait_for(done.wait(), 30)
        desk.close()
        assert kind.calls == [[0, 1], [2, 3], [4, 5]]

    asyncio.run(run())


def test_too_many_bytes_are_not_taken_before_others_have_left():
    async def run() -> None:
        desk = Desk(Turns(), "test")
        kind, done = Together(), asyncio.Event()
        half = WAITING_BYTES_MAX // 2
        taken = [desk.share(kind, n, lambda *_: None, size=half) for n in range(3)]
        desk.take(lambda: None, lambda *_: done.set())
        await asyncio.wait_for(done.wait(), 30)
        taken.append(desk.share(kind, 4, lambda *_: None, size=2 * half))
        desk.close()
        assert taken == [True, True, False, True]

    asyncio.run(run())
