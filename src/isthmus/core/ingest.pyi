from typing import Protocol

from isthmus.core.receiver import Receiver
from isthmus.core.stored import Stored

class Verdict(Protocol):
    @property
    def stage(self) -> int: ...
    @property
    def answer(self) -> bytes | None: ...
    @property
    def header(self) -> bytes | None: ...
    @property
    def roll_up(self) -> int: ...

class IngestOwner(Protocol):
    def verdict(
        self, subject: bytes, header: bytes, payload: bytes, now_ns: int, /
    ) -> Verdict | None: ...

class Ingest(Receiver):
    def __init__(self, stored: Stored, owner: IngestOwner, *, seed: int) -> None: ...
    @property
    def stored(self) -> Stored: ...
    refusing: bool
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
    def subscribe(self, subjects: list[bytes]) -> None: ...
    def recall(self, header: bytes, seq: int, time_ns: int) -> None: ...
