"""A lane of the disk in a thread, what it told, and a disk that is full."""

import asyncio
from pathlib import Path

import pytest

from isthmus.server.disks import FileDisk
from isthmus.server.lanes import LaneThread
from isthmus.store.jobs import Job, Sync, WriteAt

FULL = "[Errno 28] No space left on device: 'full'"


class Told:
    """What a lane told, in order."""

    def __init__(self, disk):
        self.events: list[str] = []
        self.lane = LaneThread("test", disk, asyncio.get_running_loop(), self.done)
        self.changed = asyncio.Event()

    def done(self, job, error):
        job.done(error, None)

    def tell(self, event):
        self.events.append(event)
        self.changed.set()

    def submit(self, name, operations, rest=(), then=lambda: None):
        def done(error, _turn):
            self.tell(f"{name}: {error}")
            then()

        def failed(error):
            self.tell(f"{name}, late: {error}")

        self.lane.submit(Job("journal", operations, done, rest=rest, failed=failed))

    async def wait_for(self, count):
        async with asyncio.timeout(30):
            while len(self.events) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.events


def group(offset, data, path="a"):
    return [WriteAt(path=path, offset=offset, data=data), Sync(path=path)]


def on(disk, story):
    """`story(told)` on a loop; what was told, after the lane is closed."""

    async def run() -> list[str]:
        told = Told(disk)
        try:
            await story(told)
        finally:
            told.lane.close(30)
            await asyncio.sleep(0)
        return told.events

    try:
        return asyncio.run(run())
    finally:
        disk.close()


def fill(folder):
    """A disk whose file `full` takes nothing; it and `a` are open."""
    disk = FileDisk(folder)
    (folder / "full").symlink_to("/dev/full")
    disk.write_at("a", 0, b"")
    with pytest.raises(OSError, match="No space left"):
        disk.write_at("full", 0, b"x")
    return disk


def open_files(folder):
    """Names below `folder` that this process has open."""
    links = Path("/proc/self/fd").iterdir()
    found = [str(link.readlink()) for link in links if link.is_symlink()]
    return sorted(
        name.removeprefix(f"{folder}/") for name in found if name.startswith(f"{folder}/")
    )
