"""The real disk: files below one directory, allocated, synced and locked for real.

Every method may be called in any thread, at the same time. Files that are used again and again stay
open, at most `OPEN_MAX` of them; one that somebody is using is closed only afterwards, so that its
number can not come to mean another file under their hands.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from isthmus.base.errors import StoreError

OPEN_MAX = 64
_ZEROS = bytes(1 << 20)


class OpenFile:
    """An open file, who uses it, and whether it is to be closed after that."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.users = 0
        self.forgotten = False


class FileDisk:
    """`base.ports.Disk` below `root`, which is created with mode 0700."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._mutex = threading.Lock()
        self._open: OrderedDict[str, OpenFile] = OrderedDict()
        self._lock = -1
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"can not create the store folder {root}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of files and of the lock."""
        with self._mutex:
            for path in list(self._open):
                self._drop(path)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def lock(self, path: str) -> None:
        """One process per store: the lock lasts until `close` or the end of the process."""
        file = os.open(self.root / path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise StoreError(
                f"store {self.root} is in use by another process; stop it, "
                "or choose another store_dir"
            ) from error
        self._lock = file

    def list(self, folder: str) -> list[str]:
        """Names in `folder`, sorted."""
        try:
            return sorted(entry.name for entry in (self.root / folder).iterdir())
        except FileNotFoundError:
            return []

    def make_folder(self, folder: str) -> None:
        """Create it and its parents."""
        (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def preallocate(self, path: str, size: int) -> None:
        """Zero bytes that are written, not a hole: an overwrite later changes no metadata."""
        with self._file(path) as file:
            with contextlib.suppress(AttributeError, OSError):
                os.posix_fallocate(file, 0, size)
            for offset in range(0, size, len(_ZEROS)):
                _write_all(file, memoryview(_ZEROS)[: size - offset], offset)
            os.ftruncate(file, size)
            os.fsync(file)

    def size(self, path: str) -> int:
        """Bytes, or -1 if there is no such file."""
        try:
            return (self.root / path).stat().st_size
        except FileNotFoundError:
            return -1

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes; shorter at the end of the file."""
        parts = []
        with self._file(path, create=False) as file:
            while size > 0:
                part = os.pread(file, size, offset)
                if not part:
                    break
                parts.append(part)
                offset += len(part)
                size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write_at(self, path: str, offset: int, data: bytes | bytearray | memoryview) -> None:
        """All of `data`."""
        with self._file(path) as file:
            _write_all(file, memoryview(data), offset)

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        """All of `data`, in a file that is there."""
        with self._file(path, create=False) as file:
            _write_all(file, memoryview(data), offset)

    def truncate(self, path: str, size: int) -> None:
        """Cut, or extend by a hole."""
        with self._file(path) as file:
            os.ftruncate(file, size)

    def sync(self, path: str) -> None:
        """Data on stable storage (and the size, if it changed)."""
        with self._file(path, create=False) as file:
            os.fdatasync(file)

    def sync_folder(self, folder: str) -> None:
        """Names on stable storage."""
        file = os.open(self.root / folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def rename(self, old: str, new: str) -> None:
        """Atomically."""
        self._forget(old, new)
        (self.root / old).replace(self.root / new)

    def remove(self, path: str) -> None:
        """A missing file is fine."""
        self._forget(path)
        (self.root / path).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        """With everything in it; a missing one is fine."""
        with self._mutex:
            inside = [path for path in self._open if path.startswith(f"{folder}/")]
        self._forget(*inside)
        from shutil import rmtree  # noqa: PLC0415 — with it come archives and compression

        with contextlib.suppress(FileNotFoundError):
            rmtree(self.root / folder)

    # --- open files ---

    def hold(self, path: str) -> OpenFile | None:
        """The file, open until `let_go`; None if it is not, or if that could only be known later.

        For the loop: it waits for nobody.
        """
        if not self._mutex.acquire(blocking=False):
            return None  # somebody opens a file right now
        try:
            file = self._open.get(path)
            if file is not None:
                self._open.move_to_end(path)
                file.users += 1
            return file
        finally:
            self._mutex.release()

    def let_go(self, file: OpenFile, *, wait: bool = True) -> bool:
        """It is not used any more; False: without waiting that could not be said."""
        if not self._mutex.acquire(blocking=wait):
            return False
        try:
            self._leave(file)
        finally:
            self._mutex.release()
        return True

    @contextlib.contextmanager
    def _file(self, path: str, *, create: bool = True) -> Iterator[int]:
        """The number of an open file, which is kept for the next time."""
        with self._mutex:
            file = self._open.get(path)
            if file is None:
                flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
                file = self._open[path] = OpenFile(os.open(self.root / path, flags, 0o600))
                if len(self._open) > OPEN_MAX:
                    self._drop(next(iter(self._open)))
            else:
                self._open.move_to_end(path)
            file.users += 1
        try:
            yield file.number
        except OSError as error:
            error.filename = path  # the system's own says only what, not where
            raise
        finally:
            self.let_go(file)

    def _leave(self, file: OpenFile) -> None:
        """One user less; the mutex is held."""
        file.users -= 1
        if file.forgotten and file.users == 0:
            os.close(file.number)

    def _forget(self, *paths: str) -> None:
        with self._mutex:
            for path in paths:
                if path in self._open:
                    self._drop(path)

    def _drop(self, path: str) -> None:
        """Close it, now or when its last user is done; the mutex is held."""
        file = self._open.pop(path)
        file.forgotten = True
        if file.users == 0:
            os.close(file.number)


def _write_all(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data = data[written:]
        offset += written
