from typing import Protocol

from isthmus.core.interest import Interest
from isthmus.core.receiver import Receiver
from isthmus.core.router import AccountCore
from isthmus.core.stored import Follower
from isthmus.core.turn import Turn

class OutletOwner(Protocol):
    def interest(self, active: bool, turn: Turn, /) -> None: ...

class Outlet(Receiver):
    def __init__(
        self,
        account: AccountCore,
        interest: Interest,
        cursor: Follower,
        owner: OutletOwner,
        answers: bytes,
    ) -> None: ...
    @property
    def subject(self) -> bytes: ...
    @property
    def group(self) -> bytes: ...
    @property
    def active(self) -> bool: ...
    @property
    def heartbeat_ns(self) -> int: ...
    @property
    def window_bytes(self) -> int: ...
    @property
    def sent_bytes(self) -> int: ...
    def configure(
        self,
        *,
        heartbeat_ns: int,
        flow_control: bool,
        rate_bps: int,
        burst_bytes: int,
        acknowledges: bool = False,
    ) -> None: ...
    def open(self, subject: bytes, group: bytes, turn: Turn) -> None: ...
    def rest(self) -> None: ...
    def close(self) -> None: ...
    def check(self) -> None: ...
