"""The accounts of the running server, as monitoring sees them: `monitor.census.Census`.

Reads the registry, the hub's members and JetStream; changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.accounts.imports import Refusal
from isthmus.core.sublist import Sublist
from isthmus.monitor.census import ImportSnapshot, SublistSnapshot, TenantSnapshot
from isthmus.server.hub import Hub

if TYPE_CHECKING:
    from isthmus.accounts.account import RunningImport
    from isthmus.server.engine import Engine


class RunningCensus:
    """Snapshots of `hub`'s accounts; `engine` None: without JetStream."""

    def __init__(self, hub: Hub, engine: Engine | None) -> None:
        self._hub = hub
        self._engine = engine

    def names(self) -> list[str]:
        """The accounts that are loaded, sorted."""
        return sorted(account.name for account in self._hub.registry)

    def tenant(self, name: str) -> TenantSnapshot | None:
        """One account now; None if it is not loaded."""
        hub = self._hub
        account = hub.registry.get(name)
        if account is None:
            return None
        return TenantSnapshot(
            spec=account.spec,
            updated_ns=account.updated_ns,
            is_system=name == hub.system_account,
            expired=account.expired,
            jetstream=self._may_store(name),
            connections=len(hub.members.get(name, ())),
            imports=tuple(_import(running) for running in account.imports),
            sublist=_sublist(account.core.sublist),
        )

    def _may_store(self, name: str) -> bool:
        found = None if self._engine is None else self._engine.accounts.get(name)
        return found is not None and found.limits is not None


def _import(running: RunningImport) -> ImportSnapshot:
    verdict = running.verdict
    if isinstance(verdict, Refusal):
        return ImportSnapshot(wanted=running.wanted, refusal=verdict)
    return ImportSnapshot(wanted=running.wanted, latency=verdict.export.latency)


def _sublist(sublist: Sublist) -> SublistSnapshot:
    # a generation begins with each insertion and each removal
    inserts = (sublist.generation + sublist.count) // 2
    return SublistSnapshot(
        subscriptions=sublist.count,
        inserts=inserts,
        removes=inserts - sublist.count,
        matches=sublist.matches,
        cache_hits=sublist.cache_hits,
    )
