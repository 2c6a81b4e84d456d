from collections.abc import Callable
from typing import Protocol

from isthmus.core.turn import Chore, Turn

class JournalOwner(Protocol):
    def appended(self, turn: Turn, /) -> None: ...

class Holder(Chore): ...

class Notice(Holder):
    def __init__(self, call: Callable[[int, bytes, int, Turn], object]) -> None: ...

class Journal(Chore):
    def __init__(
        self,
        owner: JournalOwner,
        *,
        secret: int,
        segment_bytes: int,
        start_lsn: int,
        previous_end: int = 0,
        pending_max: int = ...,
    ) -> None: ...
    oldest_lsn: int
    next_number: int
    @property
    def end_lsn(self) -> int: ...
    @property
    def taken_lsn(self) -> int: ...
    @property
    def durable_lsn(self) -> int: ...
    @property
    def refusing(self) -> bool: ...
    @property
    def failed(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def held_count(self) -> int: ...
    @property
    def waited_lsn(self) -> int: ...
    @property
    def segment_bytes(self) -> int: ...
    @property
    def record_max(self) -> int: ...
    @property
    def pending_max(self) -> int: ...
    def release(self, durable_lsn: int, turn: Turn) -> int: ...
    def take(self) -> list[tuple[int, memoryview]]: ...
    def mark(self) -> tuple[int, bytes]: ...
    def fail(self, reason: str) -> None: ...
    def write(
        self,
        turn: Turn | None,
        kind: int,
        owner: int,
        seq: int = 0,
        time_ns: int = 0,
        *,
        subject: bytes = b"",
        header: bytes = b"",
        payload: bytes = b"",
    ) -> int: ...
    def when_durable(
        self,
        lsn: int,
        call: Callable[[int, bytes, int, Turn], object],
        seq: int = 0,
        reply: bytes = b"",
        note: int = 0,
    ) -> None: ...
