"""Worker threads for the disk: jobs of a lane are carried out in order, and told of on the loop.

Owns one thread per lane. Knows no job's meaning and no file. A lane is on the way of every
acknowledgement, twice: a plain queue and one call back take 30 microseconds less than an executor's
futures. Invariant: `done` is called once for each submitted job, on the loop, in the lane's order.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from isthmus.base.ports import Disk
from isthmus.store.jobs import Job

Done = Callable[[Job, BaseException | None], None]


class Lane(Protocol):
    """Carries out jobs in order."""

    def submit(self, job: Job) -> None:
        """Carry it out when those before it are done."""

    def close(self) -> None:
        """Return when what was submitted is carried out; take nothing more."""


MakeLane = Callable[[str, Disk, asyncio.AbstractEventLoop, Done], Lane]


class LaneThread:
    """Carries out jobs on `disk` until `close`; `done(job, error)` is called on `loop`."""

    def __init__(self, name: str, disk: Disk, loop: asyncio.AbstractEventLoop, done: Done) -> None:
        self._disk = disk
        self._loop = loop
        self._done = done
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # a daemon: a disk that hangs must not keep a process that was told to end
        self._thread = threading.Thread(target=self._run, name=f"isthmus-{name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Carry it out when those before it are done."""
        self._jobs.put(job)

    def close(self) -> None:
        """Wait for what was submitted; take nothing more."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            error: BaseException | None = None
            try:
                job.run(self._disk)
            except BaseException as failure:  # noqa: BLE001 — whose job it is hears of it
                error = failure
            self._loop.call_soon_threadsafe(self._done, job, error)
