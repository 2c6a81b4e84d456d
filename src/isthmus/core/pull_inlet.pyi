from typing import Protocol, TypeAlias

from isthmus.core.cursor import Cursor
from isthmus.core.receiver import Receiver

Wish: TypeAlias = tuple[int, int, int, int, bytes]

class PullOwner(Protocol):
    def pull_form(
        self, payload: bytes, header: bytes, /
    ) -> tuple[bytes, int, int, int, int, int, bool, Wish | None]: ...

class PullInlet(Receiver):
    def __init__(self, cursor: Cursor, owner: PullOwner) -> None: ...
    @property
    def cursor(self) -> Cursor: ...
    def subscribe(self, subjects: list[bytes]) -> None: ...
    def forget(self) -> None: ...
