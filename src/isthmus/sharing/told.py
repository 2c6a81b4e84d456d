"""What a server said about accounts, their imports, streams and consumers.

Plain values. A key that is missing from a dictionary was not answered, and is unknown; what a
server answered in the negative is there, and empty.
"""

from isthmus.base.values import Value


class ImportState(Value):
    """An import as a server runs it; `reason` where the server tells."""

    kind: str
    account: str
    remote: str
    local: str
    active: bool
    code: str = ""
    reason: str = ""


class AccountState(Value):
    """An account as a server runs it."""

    expired: bool = False
    connections: int = 0
    imports: tuple[ImportState, ...] = ()


class ConsumerState(Value):
    """A consumer, as far as a share depends on it."""

    name: str
    deliver_subject: str = ""
    deliver_group: str = ""
    ack_policy: str = "none"
    filters: tuple[str, ...] = ()
    paused_until: str = ""  # empty: it is not paused
    ack_pending: int = 0
    ack_pending_max: int = 0
    delivered: int = 0  # consumer sequence
    ack_floor: int = 0
    redelivered: int = 0


class StreamState(Value):
    """A stream and its consumers. `subjects` is empty for a mirror."""

    name: str
    subjects: tuple[str, ...] = ()
    sources: bool = False  # it mirrors, or has sources
    consumers: tuple[ConsumerState, ...] = ()


class JetStreamState(Value):
    """JetStream of one account."""

    streams: tuple[StreamState, ...] = ()
    storage: int = 0
    memory: int = 0


class Told(Value):
    """What was asked and answered, by public key. `problem`: why no server answered at all."""

    url: str
    problem: str = ""
    tokens: dict[str, str] = {}  # empty: the server does not know the account
    accounts: dict[str, AccountState] = {}
    jetstream: dict[str, JetStreamState | None] = {}  # None: the account has none
