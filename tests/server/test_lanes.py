"""Jobs in a thread of their own, told of on the loop."""

import asyncio
import threading

import msgspec

from isthmus.server.lanes import LaneThread
from isthmus.store.jobs import Job, Operation
from isthmus.testing.disks import MemoryDisk


class Note(Operation):
    """Writes down where it ran."""

    number: int
    seen: list[tuple[int, str]] = msgspec.field(default_factory=list)

    def run(self, disk) -> None:
        self.seen.append((self.number, threading.current_thread().name))


class Fail(Operation):
    def run(self, disk) -> None:
        raise OSError(28, "No space left on device")


def carry_out(operations: list[Operation]) -> list[tuple[BaseException | None, str]]:
    """Each operation as a job of one lane; what was told of each, and in which thread."""

    async def run() -> list[tuple[BaseException | None, str]]:
        told: list[tuple[BaseException | None, str]] = []
        order: list[Job] = []
        everything = asyncio.Event()

        def done(job: Job, error: BaseException | None) -> None:
            assert job is order[len(told)]
            told.append((error, threading.current_thread().name))
            if len(told) == len(operations):
                everything.set()

        lane = LaneThread("test", MemoryDisk(), asyncio.get_running_loop(), done)
        for operation in operations:
            order.append(Job("journal", [operation], lambda error, turn: None))
            lane.submit(order[-1])
        await asyncio.wait_for(everything.wait(), 30)
        lane.close()
        return told

    return asyncio.run(run())


def test_jobs_run_in_the_lane_in_order_and_are_told_of_on_the_loop():
    seen: list[tuple[int, str]] = []
    told = carry_out([Note(number=number, seen=seen) for number in range(50)])
    assert seen == [(number, "isthmus-test") for number in range(50)]
    assert told == [(None, "MainThread")] * 50


def test_a_job_that_fails_is_told_of_and_the_next_one_runs():
    seen: list[tuple[int, str]] = []
    (failed, _), (error, _) = carry_out([Fail(), Note(number=1, seen=seen)])
    assert isinstance(failed, OSError)
    assert error is None
    assert len(seen) == 1


def test_close_waits_for_what_was_submitted():
    async def run() -> list[int]:
        lane = LaneThread("test", MemoryDisk(), asyncio.get_running_loop(), lambda *_: None)
        seen: list[tuple[int, str]] = []
        for number in range(20):
            lane.submit(Job("blocks", [Note(number=number, seen=seen)], lambda *_: None))
        lane.close()
        return [number for number, _ in seen]

    assert asyncio.run(run()) == list(range(20))
