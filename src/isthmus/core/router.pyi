from isthmus.core.crossing import Crossing
from isthmus.core.mapping import Mapping
from isthmus.core.roll import Roll
from isthmus.core.sublist import Sublist
from isthmus.core.turn import Turn

class AccountCore:
    def __init__(self, name: bytes, seed: int, response_token: bytes) -> None: ...
    @property
    def name(self) -> bytes: ...
    @property
    def sublist(self) -> Sublist: ...
    @property
    def roll(self) -> Roll: ...
    answering: list[Crossing]
    mapping: Mapping | None
    @property
    def in_messages(self) -> int: ...
    @property
    def in_bytes(self) -> int: ...
    @property
    def out_messages(self) -> int: ...
    @property
    def out_bytes(self) -> int: ...

def publish(
    account: AccountCore,
    subject: bytes,
    payload: bytes,
    turn: Turn,
    *,
    reply: bytes = b"",
    header: bytes = b"",
) -> int: ...
