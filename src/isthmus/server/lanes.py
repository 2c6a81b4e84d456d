"""Worker threads for the disk: jobs of a lane are carried out in order, and told of on the loop.

Owns one thread per lane. Knows no job's meaning. A lane is on the way of every acknowledgement,
twice, so what acknowledgements wait for (writes and syncs of files that are open) goes through a
compiled `GroupWriter`, which needs no interpreter; everything else is called in Python, by the same
thread. Either rings a bell that the loop hears.

        submit ─┬─ plain ─► GroupWriter.put ────────► write, sync ─┐
                └─ else ──► SimpleQueue, put_call ──► job.run_… ───┴─► bell ─► done(job, error)

Invariant: `done` is called once for each submitted job, on the loop, in the lane's order. Behind a
rest that failed nothing is carried out: each later job ends with the same error.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol

from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk
from isthmus.core.group_writer import GroupWriter
from isthmus.server.disks import FileDisk, OpenFile
from isthmus.store.jobs import Job, Operation, Sync, WriteAt

Done = Callable[[Job, BaseException | None], None]
Piece = tuple[int, int, bytes | memoryview]  # of which open file, where, what


class Lane(Protocol):
    """Carries out jobs in order."""

    def submit(self, job: Job) -> None:
        """Carry it out when those before it are done; after `close` it is told of as failed."""

    def close(self, wait_s: float) -> bool:
        """Return when what was submitted is carried out; take nothing more.

        False: that takes longer than `wait_s`. Nobody is told of what is left then.
        """


MakeLane = Callable[[str, Disk, asyncio.AbstractEventLoop, Done], Lane]


class _Call:
    """A job that the thread carries out in Python, and what came of it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.number = 0  # of it, in the writer
        self.error: BaseException | None = None
        self.late_error: BaseException | None = None

    def run_first(self, disk: Disk, failure: int) -> None:
        """Carry it out, unless something before it ended in `failure`, an errno."""
        if failure:
            self.error = OSError(failure, os.strerror(failure))
            return
        try:
            self.job.run_first(disk)
        except BaseException as error:  # noqa: BLE001 — whose job it is hears of it
            self.error = error

    def run_rest(self, disk: Disk) -> int:
        """Carry out what is left of it; errno of what failed, or 0."""
        try:
            if self.error is None:
                self.job.run_rest(disk)
        except BaseException as error:  # noqa: BLE001 — likewise
            self.late_error = error
            return (isinstance(error, OSError) and error.errno) or errno.EIO
        return 0


class _Group:
    """A job that the thread carries out without Python, and the open files it uses."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.number = 0  # of it, in the writer; 0: it is none, after all
        self.rest_fd = -1
        self._files: dict[str, OpenFile] = {}

    def put(self, writer: GroupWriter, disk: FileDisk) -> bool:
        """Have it carried out; False if it does more than write and sync files that are open."""
        writes: list[Piece] = []
        syncs: list[int] = []
        rest: list[Piece] = []
        late_syncs: list[int] = []
        if (
            self._gather(self.job.operations, writes, syncs, disk)
            and self._gather(self.job.rest, rest, late_syncs, disk)
            and len(rest) <= 1
            and not late_syncs
        ):
            self.number = writer.put(writes, syncs, rest[0] if rest else None)
            self.rest_fd = rest[0][0] if rest else -1
        return self.number > 0

    def _gather(
        self, operations: Sequence[Operation], writes: list[Piece], syncs: list[int], disk: FileDisk
    ) -> bool:
        for operation in operations:
            if not isinstance(operation, (WriteAt, Sync)):
                return False
            file = self._files.get(operation.path) or disk.hold(operation.path)
            if file is None:
                return False
            self._files[operation.path] = file
            if isinstance(operation, Sync):
                syncs.append(file.number)
            elif syncs:
                return False  # the writer syncs when everything is written
            else:
                writes.append((file.number, operation.offset, operation.data))
        return True

    def let_go(self, disk: FileDisk, *, wait: bool) -> bool:
        """Nobody uses its files any more; False: that could not be said of all of them yet."""
        while self._files:
            path = next(iter(self._files))
            if not disk.let_go(self._files[path], wait=wait):
                return False
            del self._files[path]
        return True

    def error(self, code: int, fd: int) -> OSError:
        """What the system said, and of which file."""
        paths = [path for path, file in self._files.items() if file.number == fd]
        return OSError(code, os.strerror(code), (paths or list(self._files))[0])


class LaneThread:
    """Carries out jobs on `disk` until `close`; `done(job, error)` is called on `loop`."""

    def __init__(self, name: str, disk: Disk, loop: asyncio.AbstractEventLoop, done: Done) -> None:
        self._disk = disk
        self._loop = loop
        self._done = done
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._writer = GroupWriter(self._bell)
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._under_way: deque[_Call | _Group] = deque()  # put, and not told of
        self._told = 0  # so many
        self._resting: deque[_Group] = deque()  # those whose files are still held
        self._late: deque[_Call] = deque()  # those whose rest failed
        self._late_told = False
        self._closed = False
        loop.add_reader(self._bell, self._heard)
        # a daemon: a disk that hangs must not keep a process that was told to end
        self._thread = threading.Thread(target=self._run, name=f"isthmus-{name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Carry it out when those before it are done; after `close` it is told of as failed."""
        if self._closed:
            self._refuse(job)
            return
        if job.lane == "journal" and isinstance(self._disk, FileDisk):
            group = _Group(job)
            if group.put(self._writer, self._disk):
                self._under_way.append(group)
                return
            self._resting.append(group)
        call = _Call(job)
        self._under_way.append(call)
        self._calls.put(call)
        call.number = self._writer.put_call()

    def close(self, wait_s: float) -> bool:
        """Wait for what was submitted; take nothing more. Who was not told of it yet, is soon.

        False: the disk does not answer. The bell then stays open, since the thread may still ring.
        """
        if self._closed:
            return not self._thread.is_alive()  # the bell's number may be somebody else's by now
        self._closed = True
        self._writer.put_end()
        self._thread.join(wait_s)
        self._loop.remove_reader(self._bell)
        if self._thread.is_alive():
            return False
        os.close(self._bell)
        if self._under_way:
            self._loop.call_soon(self._tell)
        self._look_behind()
        return True

    # --- in the thread ---

    def _run(self) -> None:
        while self._writer.run():
            call = self._calls.get()
            call.run_first(self._disk, self._writer.failure)
            self._writer.called()
            failure = call.run_rest(self._disk)
            if failure:
                self._writer.fail(failure)
                self._late.append(call)
                os.eventfd_write(self._bell, 1)

    # --- on the loop ---

    def _heard(self) -> None:
        os.eventfd_read(self._bell)
        self._tell()

    def _tell(self) -> None:
        """Tell of all that is finished, then of what failed behind it."""
        try:
            while self._told < self._writer.finished or (self._closed and self._under_way):
                self._told += 1
                self._tell_next()
            self._look_behind()
        except BaseException:  # of who was told: the others must still be
            self._loop.call_soon(self._tell)
            raise

    def _refuse(self, job: Job) -> None:
        """Tell of it behind those that were carried out."""
        call = _Call(job)
        call.error = StoreError("the disk was let go of before this was carried out")
        self._under_way.append(call)
        self._loop.call_soon(self._tell)

    def _tell_next(self) -> None:
        one = self._under_way.popleft()
        error: BaseException | None = None
        if isinstance(one, _Call):
            error = one.error
        else:
            self._resting.append(one)
            code, fd = self._writer.outcome(one.number)
            if code:
                error = one.error(code, fd)
        self._done(one.job, error)

    def _look_behind(self) -> None:
        """Tell of what failed behind its group; let go of files that nobody uses any more.

        The last group's are kept: the next one needs the same. What is busy now is let go later.
        """
        resting, disk, closed = self._resting, self._disk, self._closed
        assert isinstance(disk, FileDisk) or not resting
        over = len(resting) if closed else 0
        while over + 1 < len(resting) and self._writer.over(resting[over].number):
            over += 1
        self._tell_late()  # not before: who is over and failed, is known to have failed by now
        while over and isinstance(disk, FileDisk) and resting[0].let_go(disk, wait=closed):
            resting.popleft()
            over -= 1

    def _tell_late(self) -> None:
        """Of those whose rest failed; who was not told that it is done yet, is told that first."""
        while self._late and self._late[0].number <= self._told:
            call = self._late.popleft()
            assert call.late_error is not None
            call.job.failed_late(call.late_error)
        number, code = self._writer.late
        if 0 < number <= self._told and not self._late_told:
            group = next((one for one in self._resting if one.number == number), None)
            assert group is not None, "what was told of stays here until this was asked for"
            self._late_told = True
            group.job.failed_late(group.error(code, group.rest_fd))
