"""Changes to files that happen all together or not at all.

Owns the changes one command has decided on but not made. Knows no format. A command reads through
the transaction, so it sees what it has decided; `commit` writes every new content to a temporary
file and syncs it, and only when all of them are safe renames them into place. If anything fails on
the way, what was there before is put back and no temporary file stays.

    put(a)  put(b)  remove(c)    remembered, nothing touched
    commit                       .a.new .b.new synced, then rename a, rename b, remove c

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
        self._emptied: list[Path] = []

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

    def remove_folder(self, folder: Path) -> None:
        """Decide that everything below `folder` goes, and the folder with it."""
        for path in list(self._changes):
            if folder in path.parents:
                self.remove(path)
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_dir():
                self.remove(path)
        self._emptied.append(folder)

    def commit(self) -> None:
        """Make the changes, all or none. The order of `put` is the order on disk."""
        staged = _Staged()
        try:
            for path, content in self._changes.items():
                staged.prepare(_real(path, content), content)
            staged.apply()
        except BaseException as error:
            staged.undo()
            if isinstance(error, OSError):
                reason = error.strerror or str(error)
                raise StoreError(
                    f"cannot write {staged.current}: {reason}; nothing was changed"
                ) from None
            raise
        staged.finish()
        for folder in self._emptied:
            _prune(folder)
        self._changes.clear()
        self._emptied.clear()


class _Staged:
    """Changes on their way to the disk: beside each file its new content, and its old one.

    The old content is a second name of the same file, so that putting it back needs no space.
    """

    def __init__(self) -> None:
        self.current = Path()  # what an error is about
        self._new: list[tuple[Path, Path]] = []  # temporary name, name
        self._old: list[tuple[Path, Path | None]] = []  # name, backup
        self._removed: list[Path] = []
        self._made: list[Path] = []

    def prepare(self, path: Path, content: bytes | None) -> None:
        """Write the new content, and keep the old one."""
        self.current = path
        if content is None:
            self._removed.append(path)
        else:
            _make_folders(path.parent, self._made)
            temporary = _beside(path, "new")
            self._new.append((temporary, path))
            _write(temporary, content)
        self._old.append((path, _keep(path)))

    def apply(self) -> None:
        """Give the new contents their names; remove what goes; make both durable."""
        for temporary, path in self._new:
            self.current = path
            temporary.replace(path)
        for path in self._removed:
            self.current = path
            path.unlink(missing_ok=True)
        for folder in {path.parent for path, _ in self._old}:
            self.current = folder
            _sync_folder(folder)

    def undo(self) -> None:
        """Put everything back. Best effort: the failure that led here is the one reported."""
        for path, backup in reversed(self._old):
            with contextlib.suppress(OSError):
                if backup is None:
                    path.unlink(missing_ok=True)
                else:
                    backup.replace(path)
        self.finish()  # renaming a file to its own second name does nothing
        for temporary, _ in self._new:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def finish(self) -> None:
        """Drop the second names."""
        for _, backup in self._old:
            if backup is not None:
                with contextlib.suppress(OSError):
                    backup.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path, *, wait_s: float | None = None) -> Iterator[None]:
    """Hold `folder` for one writer at a time, making it if need be.

    The lock is on the folder itself, so no lock file is left; a folder that was made for the lock
    and is still empty afterwards goes again.
    """
    wait_s = LOCK_WAIT_S if wait_s is None else wait_s
    made: list[Path] = []
    _make_folders(folder, made)
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


def _real(path: Path, content: bytes | None) -> Path:
    """Where a change takes place.

    New content goes where a symbolic link points, and the link stays; what is removed is the link.
    """
    return path.resolve() if content is not None else path.parent.resolve() / path.name


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make `folder` and its parents, mode 0700; the new ones go to `made`, outermost first."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        try:
            path.mkdir(FOLDER_MODE)
        except FileExistsError:
            if not path.is_dir():
                raise
        else:
            made.append(path)


def _beside(path: Path, what: str) -> Path:
    return path.parent / f".{path.name}.{os.getpid()}.{what}"


def _write(path: Path, content: bytes) -> None:
    """Write a new file, mode 0600, and sync it."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path) -> Path | None:
    """A second name for the file as it is; None if there is none."""
    if not path.exists() and not path.is_symlink():
        return None
    backup = _beside(path, "old")
    backup.unlink(missing_ok=True)
    if path.is_symlink():
        backup.symlink_to(path.readlink())
        return backup
    try:
        os.link(path, backup)
    except OSError:  # a file system without hard links
        _write(backup, path.read_bytes())
    return backup


def _prune(folder: Path) -> None:
    """Remove a folder and those in it, as far as they hold no file."""
    inner = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in (*inner, folder):
        with contextlib.suppress(OSError):
            path.rmdir()


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
