"""Jobs in a thread of their own, told of on the loop."""

import asyncio
import os
import threading

import msgspec
import pytest

from isthmus.server.disks import FileDisk
from isthmus.server.lanes import LaneThread
from isthmus.store.jobs import Job, Operation, WriteAt
from isthmus.testing.disks import MemoryDisk
from support.lane import FULL, fill, group, on, open_files


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
        lane.close(30)
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
        lane.close(30)
        return [number for number, _ in seen]

    assert asyncio.run(run()) == list(range(20))


class Hang(Operation):
    """A disk that answers when the test says so."""

    answer: threading.Event

    def run(self, disk) -> None:
        assert self.answer.wait(60)


def test_a_close_does_not_wait_for_ever_and_rings_nobodys_bell():
    """What hung comes to its end later; nobody is told of it."""
    told: list[Job] = []
    answer = threading.Event()

    async def run() -> LaneThread:
        loop = asyncio.get_running_loop()
        lane = LaneThread("test", MemoryDisk(), loop, lambda job, _error: told.append(job))
        lane.submit(Job("blocks", [Hang(answer=answer)], lambda *_: None))
        assert not lane.close(0.01)
        os.fstat(lane._bell)
        assert not lane.close(0.01)
        return lane

    lane = asyncio.run(run())
    answer.set()
    lane._thread.join(60)
    assert not lane._thread.is_alive()
    assert lane.close(0.01)
    assert told == []


# --- groups of the journal, on a real disk: written without Python ---


class PlainDisk(FileDisk):
    """Its files are open, and nobody writes to them in Python."""

    def __init__(self, root, *paths):
        super().__init__(root)
        for path in paths:
            super().write_at(path, 0, bytes(16))

    def write_at(self, path, offset, data):
        raise AssertionError("a group was written in Python")

    def sync(self, path):
        raise AssertionError("a group was synced in Python")


def test_a_group_on_open_files_is_written_without_python(tmp_path):
    async def story(told):
        told.submit("one", group(0, b"ab"), rest=[WriteAt(path="a", offset=2, data=b"mark")])
        await told.wait_for(1)
        told.submit("two", group(2, memoryview(b"cd")))
        await told.wait_for(2)

    assert on(PlainDisk(tmp_path, "a"), story) == ["one: None", "two: None"]
    assert (tmp_path / "a").read_bytes().startswith(b"abcd")


def test_groups_and_other_jobs_keep_their_order(tmp_path):
    """Some find no room in the writer, some files are not open yet, some is no group at all."""

    async def story(told):
        for number in range(40):
            path = f"{number % 3}"
            told.submit(f"{number}", group(number, b"x", path) if number % 5 else [])
        await told.wait_for(40)

    assert on(FileDisk(tmp_path), story) == [f"{number}: None" for number in range(40)]
    written = {number for number in range(40) if number % 5}
    for path in range(3):
        there = {at for at, byte in enumerate((tmp_path / f"{path}").read_bytes()) if byte}
        assert there == {number for number in written if number % 3 == path}


@pytest.fixture
def full_disk(tmp_path):
    return fill(tmp_path)


def test_a_group_that_fails_names_its_file_and_the_next_is_not_written(full_disk):
    async def story(told):
        told.submit("one", [*group(0, b"a")[:1], WriteAt(path="full", offset=0, data=b"x")])
        await told.wait_for(1)
        told.submit("two", group(4, b"later"))
        await told.wait_for(2)

    one, two = on(full_disk, story)
    assert one == f"one: {FULL}"
    assert two == "two: [Errno 28] No space left on device: 'a'"
    assert (full_disk.root / "a").read_bytes() == b"a"


@pytest.mark.parametrize("in_python", [False, True])
def test_a_rest_that_fails_is_told_of_after_its_job(full_disk, in_python):
    async def story(told):
        first = [] if in_python else group(0, b"a")
        told.submit("one", first, rest=[WriteAt(path="full", offset=0, data=b"x")])
        await told.wait_for(2)

    assert on(full_disk, story) == ["one: None", f"one, late: {FULL}"]


def test_a_file_that_was_removed_meanwhile_is_closed_when_the_lane_is(tmp_path):
    disk = FileDisk(tmp_path)
    disk.write_at("a", 0, b"")

    async def story(told):
        told.submit("one", group(0, b"a"))
        await told.wait_for(1)
        disk.remove("a")
        assert open_files(tmp_path) == ["a (deleted)"]

    on(disk, story)
    assert open_files(tmp_path) == []
