from typing import Protocol

from isthmus.core.cursor import Cursor
from isthmus.core.pull_inlet import PullInlet
from isthmus.core.receiver import Receiver

class AckOwner(Protocol):
    def nak_delay_ns(self, text: bytes, /) -> int | None: ...

class AckInlet(Receiver):
    def __init__(self, cursor: Cursor, owner: AckOwner, pulls: PullInlet | None) -> None: ...
    @property
    def cursor(self) -> Cursor: ...
    def subscribe(self, subjects: list[bytes]) -> None: ...
