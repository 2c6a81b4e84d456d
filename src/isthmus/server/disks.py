"""The real disk: files below one directory, allocated, synced and locked for real.

Every method may be called in the worker thread; none keeps state but the lock and open files of the
paths that are written again and again (journal segments), at most `OPEN_MAX` of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections import OrderedDict
from pathlib import Path

from isthmus.base.errors import StoreError

OPEN_MAX = 64
_ZEROS = bytes(1 << 20)


class FileDisk:
    """`base.ports.Disk` below `root`, which is created with mode 0700."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: OrderedDict[str, int] = OrderedDict()
        self._lock = -1
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"can not create the store folder {root}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of files and of the lock."""
        for file in self._open.values():
            os.close(file)
        self._open.clear()
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
        file = self._file(path)
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
        file = self._file(path, create=False)
        parts = []
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
        _write_all(self._file(path), memoryview(data), offset)

    def truncate(self, path: str, size: int) -> None:
        """Cut, or extend by a hole."""
        os.ftruncate(self._file(path), size)

    def sync(self, path: str) -> None:
        """Data on stable storage (and the size, if it changed)."""
        os.fdatasync(self._file(path, create=False))

    def sync_folder(self, folder: str) -> None:
        """Names on stable storage."""
        file = os.open(self.root / folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def rename(self, old: str, new: str) -> None:
        """Atomically."""
        self._forget(old)
        self._forget(new)
        (self.root / old).replace(self.root / new)

    def remove(self, path: str) -> None:
        """A missing file is fine."""
        self._forget(path)
        (self.root / path).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        """With everything in it; a missing one is fine."""
        for path in [path for path in self._open if path.startswith(f"{folder}/")]:
            self._forget(path)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.root / folder)

    def _file(self, path: str, *, create: bool = True) -> int:
        """An open file, kept for the next time."""
        file = self._open.get(path)
        if file is not None:
            self._open.move_to_end(path)
            return file
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        file = os.open(self.root / path, flags, 0o600)
        self._open[path] = file
        if len(self._open) > OPEN_MAX:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)
        return file

    def _forget(self, path: str) -> None:
        file = self._open.pop(path, None)
        if file is not None:
            os.close(file)


def _write_all(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data = data[written:]
        offset += written
