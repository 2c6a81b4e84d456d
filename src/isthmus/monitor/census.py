"""What monitoring is told of accounts: plain values, and `Census`, which makes them when asked.

Owns the boundary between running accounts and the documents about them. What an account should be
is its spec; this adds how it stands. Counters are since the account was loaded, times nanoseconds
since 1970 (0: never).
"""

from typing import Protocol

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import AccountSpec, Import, Latency
from isthmus.base.values import Value


class SublistSnapshot(Value):
    """Subscriptions of an account, and how often they were looked up."""

    subscriptions: int = 0
    inserts: int = 0
    removes: int = 0
    matches: int = 0
    cache_hits: int = 0


class ImportSnapshot(Value):
    """An import as it stands. `refusal` None: messages cross."""

    wanted: Import
    refusal: Refusal | None = None
    latency: Latency | None = None  # measured by the exporter


class TenantSnapshot(Value):
    """An account as it stands."""

    spec: AccountSpec
    updated_ns: int = 0
    is_system: bool = False
    expired: bool = False
    jetstream: bool = False  # it may store
    connections: int = 0
    imports: tuple[ImportSnapshot, ...] = ()
    sublist: SublistSnapshot = SublistSnapshot()


class Census(Protocol):
    """The accounts of a running server. Called in its event loop; must not block."""

    def names(self) -> list[str]:
        """The accounts that are loaded, sorted."""

    def tenant(self, name: str) -> TenantSnapshot | None:
        """One account now; None if it is not loaded."""
