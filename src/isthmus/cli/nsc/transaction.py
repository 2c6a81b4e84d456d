"""Changes to files that happen all together or not at all.

Owns the changes one command has decided on but not made. Knows no format. A command reads through
the transaction, so it sees what it has decided; `commit` writes every new content to a temporary
file and syncs it, and only when all of them are safe renames them into place. If anything fails on
the way, what was there before is put back and no temporary file stays.

    put(a)  put(b)  remove(c)    remembered, nothing touched
    commit                       .a.tmp .b.tmp synced, then rename a, rename b, remove c

Invariant: a file under its own name is complete, old or new, at every moment; it is born 0600.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from isthmus.base.errors import StoreError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LOCK_WAIT_S = 10.0
_LOCK_RETRY_S = 0.02


class Transaction:
    """Decided changes; `None` as content is a removal."""

    def __init__(self) -> None:
        self._changes: dict[Path, bytes | None] = {}

    def read(self, path: Path) -> bytes | None:
        """Content as it will be; None if there is no such file."""
        if path in self._changes:
            return self._changes[path]
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, path: Path) -> bool:
        """True if the file will be there."""
        if path in self._changes:
            return self._changes[path] is not None
        return path.is_file()

    def names(self, folder: Path) -> list[str]:
        """Names that will be in `folder`, sorted."""
        try:
            found = {path.name for path in folder.iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            found = set()
        for path, content in self._changes.items():
            if folder in path.parents:
                name = path.relative_to(folder).parts[0]
                if content is not None:
                    found.add(name)
                elif path.parent == folder:
                    found.discard(name)
        return sorted(found)

    def put(self, path: Path, content: bytes) -> None:
        """Decide on new content; a file that has it already is left alone."""
        if self.read(path) != content:
            self._changes[path] = content

    def remove(self, path: Path) -> None:
        """Decide that the file goes."""
        self._changes[path] = None

    def commit(self) -> None:
        """Make the changes, all or none. The order of `put` is the order on disk."""
        staged: list[tuple[Path, Path]] = []
        made: list[Path] = []
        path = Path()
        try:
            for path, content in self._changes.items():
                if content is not None:
                    target = path.resolve()  # through a symbolic link, not in its place
                    made += _make_folders(target.parent)
                    staged.append((_write_temporary(target, content), target))
            self._rename_all(staged)
        except BaseException:
            for temporary, _ in staged:
                temporary.unlink(missing_ok=True)
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
        self._changes.clear()

    def _rename_all(self, staged: list[tuple[Path, Path]]) -> None:
        before: list[tuple[Path, bytes | None]] = []
        removed = [path for path, content in self._changes.items() if content is None]
        try:
            for temporary, path in staged:
                before.append((path, _content(path)))
                temporary.replace(path)
            for path in removed:
                before.append((path, _content(path)))
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in self._changes}:
                _sync_folder(folder)
        except BaseException:
            for path, content in reversed(before):
                _put_back(path, content)
            raise


@contextlib.contextmanager
def locked(folder: Path, *, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold `folder` for one writer at a time, making it if need be.

    The lock is on the folder itself, so no lock file is left; a folder that was made for the lock
    and is still empty afterwards goes again.
    """
    made = _make_folders(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + wait_s
        while not _try_lock(handle):
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"another process has been writing to {folder} for {wait_s:g} s; try again"
                )
            time.sleep(_LOCK_RETRY_S)
        yield
    finally:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _make_folders(folder: Path) -> list[Path]:
    """Make `folder` and its parents, mode 0700; return those that are new, outermost first."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    missing.reverse()
    for path in missing:
        path.mkdir(FOLDER_MODE, exist_ok=True)
    return missing


def _write_temporary(path: Path, content: bytes) -> Path:
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _put_back(path: Path, content: bytes | None) -> None:
    """Best effort: the first failure is the one that is reported."""
    with contextlib.suppress(OSError):
        if content is None:
            path.unlink(missing_ok=True)
        else:
            _write_temporary(path, content).replace(path)


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
