"""Disks for tests: one that forgets what was not synced, one that fails on purpose.

`MemoryDisk` keeps for each file what is on stable storage and what was written since, in sectors.
A `crash` keeps of the unsynced sectors a random part (a real disk promises nothing about them),
and of unsynced names too. `FaultyDisk` wraps a disk: the n-th operation fails, or tears. `FullDisk`
wraps one that has only so much room left. `RecordingDisk` wraps a disk and writes down, in one
order with whatever else happens, what was written and when a sync of it began and returned.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from isthmus.base.errors import StoreError

SECTOR = 512


class _File:
    """`stable` survives; `dirty` sectors were written since the last sync, or it was cut."""

    def __init__(self) -> None:
        self.stable = bytearray()
        self.current = bytearray()
        self.dirty: set[int] = set()
        self.cut = False


class MemoryDisk:
    """`base.ports.Disk` in memory. `lies`: sync returns without syncing, as a broken drive does."""

    def __init__(self, *, lies: bool = False) -> None:
        self.lies = lies
        self.operations: list[tuple[str, str]] = []
        self._files: dict[str, _File] = {}
        self._stable_names: dict[str, _File] = {}
        self._locked: set[str] = set()

    def crash(self, seed: int, keep: Callable[[str, int], bool] | None = None) -> MemoryDisk:
        """The disk that the next process finds.

        `keep(path, sector)` says which unsynced sectors reached the disk; without it, chance.
        """
        chance = random.Random(seed)  # noqa: S311 — a repeatable test
        after = MemoryDisk(lies=self.lies)
        names = dict(self._stable_names)
        for path, file in self._files.items():
            # a name that was not synced may have reached the disk all the same
            if path in names or chance.random() < 0.5:
                names[path] = file
        for path in list(names):
            if path not in self._files and chance.random() < 0.5:
                del names[path]  # an unsynced removal may have happened
        for path, file in names.items():
            survivor = _File()
            content = bytearray(file.stable)
            if file.dirty and len(content) < len(file.current) and chance.random() < 0.5:
                content.extend(bytes(len(file.current) - len(content)))
            for sector in sorted(file.dirty):
                if keep(path, sector) if keep is not None else chance.random() < 0.5:
                    start = sector * SECTOR
                    part = file.current[start : start + SECTOR]
                    if start + len(part) <= len(content):
                        content[start : start + len(part)] = part
            survivor.stable = content
            survivor.current = bytearray(content)
            after._files[path] = survivor
        after._stable_names = dict(after._files)
        return after

    def close(self) -> None:
        """Whoever had it lets go: another may take its locks."""
        self._locked.clear()

    def flip(self, path: str, offset: int, bit: int = 0) -> None:
        """Bit rot."""
        file = self._files[path]
        file.current[offset] ^= 1 << bit
        if offset < len(file.stable):
            file.stable[offset] ^= 1 << bit

    def cut(self, path: str, size: int) -> None:
        """The end of a file is gone, by no one's order."""
        file = self._files[path]
        del file.current[size:], file.stable[size:]

    def files(self) -> dict[str, bytes]:
        """All there is, as a reader sees it."""
        return {path: bytes(file.current) for path, file in self._files.items()}

    @classmethod
    def of(cls, files: dict[str, bytes]) -> MemoryDisk:
        """A disk on which `files` are, safe and sound."""
        disk = cls()
        for path, content in files.items():
            file = disk._files[path] = _File()
            file.current, file.stable = bytearray(content), bytearray(content)
        disk._stable_names = dict(disk._files)
        return disk

    # --- the port ---

    def list(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder not in {"", "."} else ""
        return sorted(
            {
                path[len(prefix) :].split("/", 1)[0]
                for path in self._files
                if path.startswith(prefix)
            }
        )

    def make_folder(self, folder: str) -> None:
        self._note("make_folder", folder)

    def preallocate(self, path: str, size: int) -> None:
        self._note("preallocate", path)
        file = self._files.setdefault(path, _File())
        file.current = bytearray(size)
        file.stable = bytearray(size)
        file.dirty.clear()

    def size(self, path: str) -> int:
        file = self._files.get(path)
        return -1 if file is None else len(file.current)

    def read(self, path: str, offset: int, size: int) -> bytes:
        file = self._files.get(path)
        if file is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        with memoryview(file.current) as content:
            return bytes(content[offset : offset + size])

    def write_at(self, path: str, offset: int, data: bytes | bytearray | memoryview) -> None:
        self._note("write", path)
        file = self._files.setdefault(path, _File())
        ends = offset + len(data)
        if len(file.current) < ends:
            file.current.extend(bytes(ends - len(file.current)))
        file.current[offset:ends] = data
        if len(data):
            file.dirty.update(range(offset // SECTOR, (ends - 1) // SECTOR + 1))

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        if path not in self._files:
            raise FileNotFoundError(2, "No such file or directory", path)
        self.write_at(path, offset, data)

    def truncate(self, path: str, size: int) -> None:
        self._note("truncate", path)
        file = self._files.setdefault(path, _File())
        file.cut = True
        if size < len(file.current):
            del file.current[size:]
        else:
            file.current.extend(bytes(size - len(file.current)))
        file.dirty.add(size // SECTOR)

    def sync(self, path: str) -> None:
        self._note("sync", path)
        file = self._files.get(path)
        if file is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        if not self.lies:
            self._sync(file)

    def sync_folder(self, folder: str) -> None:
        self._note("sync_folder", folder)
        if self.lies:
            return
        prefix = f"{folder}/" if folder not in {"", "."} else ""
        for path in [p for p in self._stable_names if p.startswith(prefix)]:
            if path not in self._files:
                del self._stable_names[path]
        for path, file in self._files.items():
            if path.startswith(prefix):
                self._stable_names[path] = file

    def rename(self, old: str, new: str) -> None:
        self._note("rename", new)
        self._files[new] = self._files.pop(old)

    def remove(self, path: str) -> None:
        self._note("remove", path)
        self._files.pop(path, None)

    def remove_folder(self, folder: str) -> None:
        self._note("remove_folder", folder)
        for path in [p for p in self._files if p.startswith(f"{folder}/")]:
            del self._files[path]

    def lock(self, path: str) -> None:
        if path in self._locked:
            raise StoreError(f"store is in use by another process ({path})")
        self._locked.add(path)

    def _note(self, operation: str, path: str) -> None:
        self.operations.append((operation, path))

    @staticmethod
    def _sync(file: _File) -> None:
        if file.cut:
            file.stable = bytearray(file.current)
        else:  # files are large, what was written is little
            file.stable.extend(bytes(len(file.current) - len(file.stable)))
            for sector in file.dirty:
                part = slice(sector * SECTOR, (sector + 1) * SECTOR)
                file.stable[part] = file.current[part]
        file.dirty.clear()
        file.cut = False


class FaultyDisk:
    """`disk`, but operation number `fail_at` (from 1) raises what `fault` makes.

    Of `operations` that is: changes, unless told otherwise. `torn`: half of a failing write reaches
    the disk. After the fault everything works again, unless `for_good`.
    """

    CHANGES = frozenset(
        {
            "preallocate",
            "write_at",
            "overwrite",
            "truncate",
            "sync",
            "sync_folder",
            "rename",
            "remove",
            "make_folder",
            "remove_folder",
        }
    )
    READS = frozenset({"list", "size", "read"})

    def __init__(
        self,
        disk: MemoryDisk,
        fail_at: int,
        *,
        fault: Callable[[], OSError] = lambda: OSError(5, "Input/output error"),
        torn: bool = False,
        for_good: bool = False,
        operations: frozenset[str] = CHANGES,
    ) -> None:
        self.disk = disk
        self.operations = operations
        self.fail_at = fail_at
        self.fault = fault
        self.torn = torn
        self.for_good = for_good
        self.count = 0

    @property
    def failed(self) -> bool:
        """True if the fault has happened."""
        return self.count >= self.fail_at

    def __getattr__(self, name: str) -> object:
        method = getattr(self.disk, name)
        if name not in self.operations:
            return method

        def call(*arguments: object) -> object:
            self.count += 1
            if self.count == self.fail_at or (self.for_good and self.count > self.fail_at):
                if self.torn and name in {"write_at", "overwrite"}:
                    path, offset, data = arguments
                    method(path, offset, bytes(data)[: len(data) // 2])  # type: ignore[call-overload, arg-type]
                raise self.fault()
            return method(*arguments)

        return call


class FullDisk:
    """`disk`, on which files may grow by `room` bytes; then half a write, and no space is left."""

    def __init__(self, disk: MemoryDisk, room: int) -> None:
        self.disk = disk
        self.room = room
        self.refused = 0

    def preallocate(self, path: str, size: int) -> None:
        self._take(size)
        self.disk.preallocate(path, size)

    def write_at(self, path: str, offset: int, data: bytes | bytearray | memoryview) -> None:
        grows = offset + len(data) - max(self.disk.size(path), 0)
        if grows > self.room:
            self.disk.write_at(path, offset, bytes(data)[: len(data) // 2])
        self._take(max(grows, 0))
        self.disk.write_at(path, offset, data)

    def _take(self, size: int) -> None:
        if size > self.room:
            self.refused += 1
            raise OSError(28, "No space left on device")
        self.room -= size

    def __getattr__(self, name: str) -> object:
        return getattr(self.disk, name)


@dataclass(frozen=True)
class Event:
    """Something that happened: to file `what` on the disk, or noted by a test."""

    kind: str  # "written", "sync began", "sync returned", or the test's own
    what: str
    data: bytes = b""


class RecordingDisk:
    """`disk`, used by any threads, one at a time; `events` holds what happened, in order.

    `hold_syncs`: a sync that began returns only after a call of `let_sync_return`.
    """

    def __init__(self, disk: MemoryDisk, *, hold_syncs: bool = False) -> None:
        self.disk = disk
        self.events: list[Event] = []
        self._one = threading.Condition(threading.RLock())
        self._hold = hold_syncs
        self._held = self._allowed = 0

    def note(self, kind: str, what: str, data: bytes = b"") -> None:
        """Write down something that did not happen to the disk."""
        with self._one:
            self.events.append(Event(kind, what, data))

    def let_sync_return(self) -> None:
        """One sync that has begun and not returned may return."""
        with self._one:
            if self._allowed < self._held:
                self._allowed += 1
                self._one.notify_all()

    def close(self) -> None:
        """Nothing is open."""

    def write_at(self, path: str, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Written down before it happens."""
        with self._one:
            self.events.append(Event("written", path, bytes(data)))
            self.disk.write_at(path, offset, data)

    def sync(self, path: str) -> None:
        """Covers what was written before it began."""
        with self._one:
            self.events.append(Event("sync began", path))
            if self._hold:
                self._held += 1
                self._one.wait_for(lambda: self._allowed > 0)
                self._held -= 1
                self._allowed -= 1
            self.disk.sync(path)
            self.events.append(Event("sync returned", path))

    def __getattr__(self, name: str) -> object:
        method = getattr(self.disk, name)

        def call(*arguments: object) -> object:
            with self._one:
                return method(*arguments)

        return call if callable(method) else method
