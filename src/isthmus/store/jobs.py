"""What the store asks of the disk: values that a worker carries out, in order, off the loop.

The store never waits. It hands a `Job` to `submit`, which the shell gave it; the shell runs
`job.run(disk)` in a worker thread and afterwards, on the loop and inside a turn, calls
`job.done(error, turn)` exactly once. With asyncio:

    lanes = {lane: ThreadPoolExecutor(1) for lane in LANES}

    def submit(job):
        future = loop.run_in_executor(lanes[job.lane], job.run, disk)
        future.add_done_callback(lambda future: finish(job, future.exception()))

    def finish(job, error):
        turn.begin(time.time_ns())
        job.done(error, turn)
        turn.finish()

Jobs of one lane run one after another, in the order of `submit`; lanes know nothing of each other
and may share a thread. In a simulation `submit` may run the job at once and call `done` later.

A job may have a `rest` that nobody waits for. A shell in a hurry runs `job.run_first(disk)`, tells
`done`, and then runs `job.run_rest(disk)`, before anything else in that lane; if the rest fails it
tells `job.failed_late(error)`.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core.turn import Turn

Lane = Literal["journal", "segments", "blocks"]
LANES: tuple[Lane, ...] = ("journal", "segments", "blocks")


class Operation(Value):
    """One thing to do to the disk; `OSError` if it cannot be done."""

    def run(self, disk: Disk) -> None:
        """Do it."""
        raise NotImplementedError(type(self).__name__)


class WriteAt(Operation):
    """Write `data` at `offset`."""

    path: str
    offset: int
    data: bytes | memoryview

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.write_at(self.path, self.offset, self.data)


class Sync(Operation):
    """Bring the file's data to stable storage."""

    path: str

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.sync(self.path)


class SyncFolder(Operation):
    """Bring the folder's names to stable storage."""

    folder: str

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.sync_folder(self.folder)


class MakeFolder(Operation):
    """Create a folder and its parents."""

    folder: str

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.make_folder(self.folder)


class Preallocate(Operation):
    """Create a file of zeros."""

    path: str
    size: int

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.preallocate(self.path, self.size)


class Rename(Operation):
    """Give a file another name, replacing what had it."""

    old: str
    new: str

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.rename(self.old, self.new)


class Remove(Operation):
    """Remove a file; a missing one is fine."""

    path: str

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.remove(self.path)


class RemoveFolder(Operation):
    """Remove a folder with everything in it; a missing one is fine."""

    folder: str

    def run(self, disk: Disk) -> None:
        """Do it."""
        disk.remove_folder(self.folder)


class Job:
    """Operations to carry out in a worker, and what to tell on the loop afterwards.

    `rest` belongs to it too, but may be carried out after `done` was told: then `failed(error)` is
    told if that cannot be done.
    """

    def __init__(
        self,
        lane: Lane,
        operations: Sequence[Operation],
        done: Callable[[BaseException | None, Turn], None],
        *,
        rest: Sequence[Operation] = (),
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        assert failed is not None or not rest
        self.lane = lane
        self.operations = operations
        self.rest = rest
        self.failed = failed
        self._done = done

    def run(self, disk: Disk) -> None:
        """Carry everything out, in the worker; the first failure ends it."""
        self.run_first(disk)
        self.run_rest(disk)

    def run_first(self, disk: Disk) -> None:
        """Carry out what `done` waits for."""
        for operation in self.operations:
            operation.run(disk)

    def run_rest(self, disk: Disk) -> None:
        """Carry out what may come after it."""
        for operation in self.rest:
            operation.run(disk)

    def done(self, error: BaseException | None, turn: Turn) -> None:
        """Tell the store, on the loop, how it went."""
        self.operations = ()  # what they held is free before the next group is asked for
        self._done(error, turn)

    def failed_late(self, error: BaseException) -> None:
        """Tell the store, on the loop, that the rest could not be carried out."""
        assert self.failed is not None
        self.failed(error)


Submit = Callable[[Job], None]
