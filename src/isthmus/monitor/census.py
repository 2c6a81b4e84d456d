"""What monitoring is told of accounts: plain values, and `Census`, which makes them when asked.

Owns the boundary between running accounts and the documents about them. What an account should be
is its spec; this adds how it stands. Counters are since the account was loaded, times nanoseconds
since 1970 (0: never).
"""

from collections.abc import Iterator
from typing import Protocol

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import AccountSpec, Import, Latency
from isthmus.base.values import Value

TAKERS_MAX = 256  # accounts that are shown with what they take from one


class SublistSnapshot(Value):
    """Subscriptions of an account, and how often they were looked up."""

    subscriptions: int = 0
    inserts: int = 0
    removes: int = 0
    matches: int = 0
    cache_hits: int = 0


class UsageSnapshot(Value):
    """What an import was used for."""

    messages: int = 0  # requests of a service, messages of a stream: what the import is for
    bytes: int = 0
    answers: int = 0  # of a service
    answer_bytes: int = 0
    deliveries: int = 0  # answers that want an acknowledgement: messages of a pull consumer
    used_ns: int = 0  # any of them


class ConsumerSnapshot(Value):
    """The consumer whose messages an import is for; its numbers are over all who use it."""

    stream: str
    name: str
    acknowledged_ns: int = 0
    unacknowledged: int = 0  # delivered and neither acknowledged nor given up


class ImportSnapshot(Value):
    """An import as it stands. `refusal` None: messages cross."""

    wanted: Import
    refusal: Refusal | None = None
    latency: Latency | None = None  # measured by the exporter
    usage: UsageSnapshot | None = None  # None: nothing ever crossed, and nothing could
    consumer: ConsumerSnapshot | None = None


class Taker(Value):
    """Somebody else's import of this account's exports."""

    account: str
    label: str
    taken: ImportSnapshot
    export: str = ""  # the subject of the export that covers it; empty: none does


class TenantSnapshot(Value):
    """An account as it stands."""

    spec: AccountSpec
    updated_ns: int = 0
    is_system: bool = False
    expired: bool = False
    jetstream: bool = False  # it may store
    connections: int = 0
    imports: tuple[ImportSnapshot, ...] = ()
    takers: tuple[Taker, ...] = ()  # of at most TAKERS_MAX accounts
    taking_accounts: int = 0
    sublist: SublistSnapshot = SublistSnapshot()


class Census(Protocol):
    """The accounts of a running server. Called in its event loop; must not block."""

    def names(self) -> list[str]:
        """The accounts that are loaded, sorted."""

    def sublist(self, name: str = "") -> SublistSnapshot:
        """Subscriptions of one account (none if it is not loaded), or of all."""

    def grants(self) -> Iterator[tuple[str, str, ImportSnapshot]]:
        """All imports, by account: its name and label. May be read over several turns."""

    def tenant(self, name: str) -> TenantSnapshot | None:
        """One account now; None if it is not loaded."""
