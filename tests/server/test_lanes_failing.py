"""What a lane tells of when something fails behind an answer, or while it is closed.

What only an unlucky moment brings about is scripted: `ScriptedWriter` under the real lane.
"""

import asyncio
import os
import threading
from queue import SimpleQueue

import pytest

from isthmus.server import lanes
from isthmus.server.disks import FileDisk
from isthmus.store.jobs import WriteAt
from support.lane import FULL, fill, group, on, open_files

NO_SPACE = 28
MARK = [WriteAt(path="a", offset=2, data=b"mark")]
BAD = [WriteAt(path="full", offset=0, data=b"x")]
LATE = "one, late: [Errno 28] No space left on device: 'a'"


class ScriptedWriter:
    """A `GroupWriter` whose groups end when, and as, the test says; calls are carried out.

    `before` names a look of the lane's at it, and what happens just before that, once.
    """

    def __init__(self, bell):
        self.finished = 0
        self.failure = 0
        self.full = False
        self.resting = 0  # the number of the group whose rest is under way
        self.before = {}
        self.waits = threading.Semaphore(0)  # so often for more to do
        self._bell = bell
        self._late = (0, 0)
        self._puts = 0
        self._turns = SimpleQueue()

    def finish(self, number):
        self.finished = number
        os.eventfd_write(self._bell, 1)

    def fail_late(self, number):
        self._late = (number, NO_SPACE)
        os.eventfd_write(self._bell, 1)

    def _looked(self, at):
        self.before.pop(at, lambda: None)()

    # --- as the lane knows it ---

    @property
    def late(self):
        self._looked("late")
        return self._late

    def over(self, number):
        self._looked("over")
        return number <= self.finished and number != self.resting

    def put(self, writes, syncs, rest):
        self._puts += not self.full
        return 0 if self.full else self._puts

    def put_call(self):
        self._puts += 1
        self._turns.put(True)
        return self._puts

    def put_end(self):
        self._looked("end")
        self._turns.put(False)

    def outcome(self, number):
        return 0, -1

    def run(self):
        self.waits.release()
        return self._turns.get()

    def called(self):
        """The test says `finish`."""

    def fail(self, code):
        self.failure = code


@pytest.fixture
def disk(tmp_path):
    disk = FileDisk(tmp_path)
    disk.write_at("a", 0, b"")
    return disk


@pytest.fixture
def scripted(disk, monkeypatch):
    """`on`, where the story also gets the writer."""
    monkeypatch.setattr(lanes, "GroupWriter", ScriptedWriter)

    def run(story):
        return on(disk, lambda told: story(told, told.lane._writer))

    return run


@pytest.fixture
def full_disk(tmp_path):
    return fill(tmp_path)


# --- late failures ---


def test_a_group_that_fails_late_before_it_was_told_of_is_told_of_in_this_order(scripted):
    async def story(told, writer):
        def unlucky():
            writer.finish(2)
            writer.fail_late(2)

        def more():
            told.submit("two", group(0, b"b"), MARK)
            writer.before["late"] = unlucky  # nothing more is finished, has the lane just seen

        told.submit("one", group(0, b"a"), MARK, then=more)
        writer.finish(1)
        await told.wait_for(3)

    assert scripted(story) == ["one: None", "two: None", LATE.replace("one", "two")]


def test_a_rest_that_fails_while_files_are_let_go_is_told_of(scripted):
    async def story(told, writer):
        def more():
            writer.full = True
            writer.before["over"] = lambda: writer.fail_late(1)
            told.submit("two", group(0, b"b"))

        told.submit("one", group(0, b"a"), MARK, then=more)
        writer.finish(1)
        await told.wait_for(2)
        writer.finish(2)
        await told.wait_for(3)

    assert scripted(story) == ["one: None", LATE, "two: None"]


def test_the_rest_of_a_call_fails_before_it_was_told_of(scripted):
    async def story(told, writer):
        writer.waits.acquire()
        told.submit("one", [], [WriteAt(path="nowhere/a", offset=0, data=b"x")])
        assert await asyncio.to_thread(writer.waits.acquire, timeout=30)
        told.lane._tell()
        assert told.events == []
        writer.finish(1)
        await told.wait_for(2)

    one, late = scripted(story)
    assert one == "one: None"
    assert late.startswith("one, late: [Errno 2]")


def test_a_group_keeps_its_files_while_its_rest_is_under_way(scripted, disk):
    users = []

    async def story(told, writer):
        writer.resting = 1
        for number, name in enumerate(["one", "two", "three"], 1):
            if number == 3:
                writer.resting = 0
            told.submit(name, group(0, b"a"), MARK)
            writer.finish(number)
            await told.wait_for(number)
            await asyncio.sleep(0)
            users.append(disk._open["a"].users)

    assert scripted(story) == ["one: None", "two: None", "three: None"]
    assert users == [1, 2, 1]
    assert disk._open == {}


# --- the end ---


@pytest.mark.parametrize("fails", [False, True])
def test_a_group_under_way_at_the_close_is_told_of(scripted, tmp_path, fails):
    async def story(told, writer):
        def end():
            writer.finish(1)
            if fails:
                writer.fail_late(1)

        told.submit("one", group(0, b"a"), MARK)
        writer.before["end"] = end

    assert scripted(story) == ["one: None", *[LATE] * fails]
    assert open_files(tmp_path) == []


def test_a_mark_that_the_close_waits_for_and_that_fails_is_told_of(full_disk, tmp_path):
    async def story(told):
        told.submit("one", group(0, b"a"), BAD)

    assert on(full_disk, story) == ["one: None", f"one, late: {FULL}"]
    assert open_files(tmp_path) == []


def test_a_second_close_closes_nobodys_file(disk):
    async def story(told):
        bell = told.lane._bell
        told.lane.close(30)
        other = os.open("/dev/null", os.O_RDONLY)
        try:
            if other != bell:
                os.dup2(other, bell)
            told.lane.close(30)
            os.fstat(bell)
        finally:
            for number in {other, bell}:
                os.close(number)

    assert on(disk, story) == []


def test_what_comes_after_the_close_is_told_of_as_failed_and_last(disk, tmp_path):
    async def story(told):
        told.submit("one", group(0, b"a"))
        told.lane.close(30)
        told.submit("two", group(0, b"b"))
        told.submit("three", [])
        await told.wait_for(3)

    refused = "the disk was let go of before this was carried out"
    assert on(disk, story) == ["one: None", f"two: {refused}", f"three: {refused}"]
    assert (tmp_path / "a").read_bytes() == b"a"


# --- who is told fails ---


def test_who_fails_when_told_does_not_keep_others_from_it(scripted):
    problems = []

    async def story(told, writer):
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: problems.append(context["exception"]))
        told.submit("one", group(0, b"a"), MARK, then=lambda: 1 // 0)
        writer.finish(1)
        writer.fail_late(1)
        await told.wait_for(2)

    assert scripted(story) == ["one: None", LATE]
    assert [type(problem) for problem in problems] == [ZeroDivisionError]


# --- behind a rest that failed nothing is carried out ---


@pytest.mark.parametrize("later", ["group", "call"])
@pytest.mark.parametrize("first", ["group", "call"])
def test_behind_a_rest_that_failed_nothing_is_carried_out(full_disk, tmp_path, first, later):
    async def story(told):
        told.submit("one", group(0, b"a") if first == "group" else [], BAD)
        if (first, later) == ("group", "group"):
            await told.wait_for(2)  # a group that is there already makes the rest unnecessary
        told.submit("two", group(4, b"later", "a" if later == "group" else "b"))
        await told.wait_for(3)

    events = on(full_disk, story)
    assert [event for event in events if event.startswith("one")] == [
        "one: None",
        f"one, late: {FULL}",
    ]
    (two,) = (event for event in events if event.startswith("two"))
    assert two.startswith("two: [Errno 28] No space left on device")
    assert (tmp_path / "a").read_bytes() == (b"a" if first == "group" else b"")
    assert not (tmp_path / "b").exists()
