"""The interfaces to the outside. Each has a real implementation and a simulated one (`testing/`).

A pure object never asks for the time, a random number, a file or a socket: it is told, or it is
given one of these.
"""

from typing import Protocol


class Clock(Protocol):
    """Time. Only the shell holds one; machines get `now_ns` as an argument."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC. May step."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary start. Never steps back."""


class Entropy(Protocol):
    """Unpredictable bytes."""

    def bytes(self, count: int, /) -> bytes:
        """`count` random bytes."""


class Disk(Protocol):
    """Files below one directory. Paths are relative, with `/`. Any method may raise `OSError`."""

    def list(self, folder: str) -> list[str]:
        """Names in `folder`, sorted; empty if it does not exist."""

    def make_folder(self, folder: str) -> None:
        """Create `folder` and its parents, mode 0700; existing ones are fine."""

    def preallocate(self, path: str, size: int) -> None:
        """Create `path` with `size` zero bytes that are really allocated, and sync it."""

    def size(self, path: str) -> int:
        """Bytes in the file, or -1 if it does not exist."""

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; shorter at the end of the file."""

    def write_at(self, path: str, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of `data` at `offset`, creating the file (mode 0600) if needed."""

    def overwrite(self, path: str, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`; `FileNotFoundError` if there is no such file."""

    def truncate(self, path: str, size: int) -> None:
        """Cut the file, or extend it by a hole."""

    def sync(self, path: str) -> None:
        """Return when the file's data is on stable storage."""

    def sync_folder(self, folder: str) -> None:
        """Return when the names in `folder` are on stable storage."""

    def rename(self, old: str, new: str) -> None:
        """Atomically replace `new` by `old`."""

    def remove(self, path: str) -> None:
        """Remove a file; a missing one is fine."""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder and everything in it; a missing one is fine."""

    def lock(self, path: str) -> None:
        """Take the lock that lasts as long as the process; raise `StoreError` if it is taken."""
