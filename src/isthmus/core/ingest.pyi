from typing import Any, Protocol

from isthmus.core.republish import Republisher
from isthmus.core.rewriting import Rewriting
from isthmus.core.roll import Hearer
from isthmus.core.stored import Stored
from isthmus.core.turn import Turn

class Verdict(Protocol):
    @property
    def stage(self) -> int: ...
    @property
    def answer(self) -> bytes | None: ...
    @property
    def header(self) -> bytes | None: ...
    @property
    def flags(self) -> int: ...

class IngestOwner(Protocol):
    def verdict(
        self, subject: bytes, header: bytes, payload: bytes, now_ns: int, /
    ) -> Verdict | None: ...
    def verdict_on_copy(self, header: bytes, time_ns: int, now_ns: int, /) -> Verdict | None: ...
    def stored_judged(self, seq: int, verdict: Any, turn: Turn, /) -> None: ...

class Ingest(Hearer):
    def __init__(self, stored: Stored, owner: IngestOwner, *, seed: int) -> None: ...
    @property
    def stored(self) -> Stored: ...
    refusing: bool
    republisher: Republisher | None
    @property
    def duplicate_count(self) -> int: ...
    def configure(
        self,
        *,
        no_ack: bool,
        sealed: bool,
        discard_new: bool,
        discard_new_per_subject: bool,
        max_message_bytes: int,
        duplicate_window_ns: int,
        now_ns: int,
    ) -> None: ...
    def transform_subjects(self, pattern: bytes | None, rewriting: Rewriting | None) -> None: ...
    def subscribe(self, subjects: list[bytes]) -> None: ...
    def recall(self, seq: int, limit: int) -> int: ...
