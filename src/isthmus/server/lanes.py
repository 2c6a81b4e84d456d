"""Worker threads for the disk: jobs of a lane are carried out in order, and told of on the loop.

Owns one thread per lane. Knows no job's meaning. A lane is on the way of every acknowledgement,
twice, so what acknowledgements wait for (writes and syncs of files that are open) goes through a
compiled `GroupWriter`, which needs no interpreter; everything else is called in Python, by the same
thread. Either rings a bell that the loop hears.

        submit ─┬─ plain ─► GroupWriter.put ────────► write, sync ─┐
                └─ else ──► SimpleQueue, put_call ──► job.run_… ───┴─► bell ─► done(job, error)

Invariant: `done` is called once for each submitted job, on the loop, in the lane's order.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol

from isthmus.base.ports import Disk
from isthmus.core.group_writer import GroupWriter
from isthmus.server.disks import FileDisk, OpenFile
from isthmus.store.jobs import Job, Operation, Sync, WriteAt

Done = Callable[[Job, BaseException | None], None]
Piece = tuple[int, int, bytes | memoryview]  # of which open file, where, what


class Lane(Protocol):
    """Carries out jobs in order."""

    def submit(self, job: Job) -> None:
        """Carry it out when those before it are done."""

    def close(self) -> None:
        """Return when what was submitted is carried out; take nothing more."""


MakeLane = Callable[[str, Disk, asyncio.AbstractEventLoop, Done], Lane]


class _Call:
    """A job that the thread carries out in Python, and what came of it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.error: BaseException | None = None
        self.late_error: BaseException | None = None


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
        self._late: SimpleQueue[_Call] = SimpleQueue()  # those whose rest failed
        self._late_told = False
        self._closed = False
        loop.add_reader(self._bell, self._heard)
        # a daemon: a disk that hangs must not keep a process that was told to end
        self._thread = threading.Thread(target=self._run, name=f"isthmus-{name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Carry it out when those before it are done."""
        if job.lane == "journal" and isinstance(self._disk, FileDisk):
            group = _Group(job)
            if group.put(self._writer, self._disk):
                self._under_way.append(group)
                return
            self._resting.append(group)
        call = _Call(job)
        self._under_way.append(call)
        self._calls.put(call)
        self._writer.put_call()

    def close(self) -> None:
        """Wait for what was submitted; take nothing more. Who was not told of it yet, is soon."""
        self._writer.put_end()
        self._thread.join()
        self._loop.remove_reader(self._bell)
        os.close(self._bell)
        self._closed = True
        self._tell_late()
        self._let_go()
        if self._under_way:
            self._loop.call_soon(self._tell)

    # --- in the thread ---

    def _run(self) -> None:
        while self._writer.run():
            call = self._calls.get()
            try:
                call.job.run_first(self._disk)
            except BaseException as failure:  # noqa: BLE001 — whose job it is hears of it
                call.error = failure
            self._writer.called()
            try:
                if call.error is None:
                    call.job.run_rest(self._disk)
            except BaseException as failure:  # noqa: BLE001 — likewise
                call.late_error = failure
                self._late.put(call)
                os.eventfd_write(self._bell, 1)

    # --- on the loop ---

    def _heard(self) -> None:
        os.eventfd_read(self._bell)
        self._tell()

    def _tell(self) -> None:
        """Tell of all that is finished, then of what failed behind it."""
        try:
            while self._told < self._writer.finished:
                self._told += 1
                self._tell_next()
            self._tell_late()
            self._let_go()
        finally:
            if self._told < self._writer.finished:  # who was told of the last one failed
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

    def _tell_late(self) -> None:
        while not self._late.empty():
            call = self._late.get()
            assert call.late_error is not None
            call.job.failed_late(call.late_error)
        number, code = self._writer.late
        if number and not self._late_told:
            self._late_told = True
            group = next(one for one in self._resting if one.number == number)
            group.job.failed_late(group.error(code, group.rest_fd))

    def _let_go(self) -> None:
        """Files of groups that are over are not used any more; what is busy now is let go later.

        The last one's are kept: it may still fail, and the next one needs the same.
        """
        disk, closed = self._disk, self._closed
        assert isinstance(disk, FileDisk) or not self._resting
        while self._resting and isinstance(disk, FileDisk):
            group = self._resting[0]
            if not closed and (len(self._resting) == 1 or not self._writer.over(group.number)):
                return
            if not group.let_go(disk, wait=closed):
                return
            self._resting.popleft()
