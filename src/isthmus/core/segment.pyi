from typing import Literal

class Entry:
    @property
    def kind(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def owner(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def subject(self) -> bytes: ...
    @property
    def header(self) -> bytes: ...
    @property
    def payload(self) -> bytes: ...

KINDS: dict[
    Literal["message", "remove", "purge", "ack", "stream", "consumer", "delete", "commit", "meta"],
    int,
]

def checksum(data: bytes, *, portable: bool = False) -> int: ...
def epoch(secret: int, what: int) -> int: ...
def encode(
    kind: int,
    owner: int,
    seq: int = 0,
    time_ns: int = 0,
    *,
    subject: bytes = b"",
    header: bytes = b"",
    payload: bytes = b"",
    flags: int = 0,
    epoch: int = 0,
) -> bytes: ...
def decode(data: bytes, offset: int = 0, *, epoch: int = 0) -> tuple[Entry | None, int]: ...
