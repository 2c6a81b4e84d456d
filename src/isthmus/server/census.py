"""The accounts of the running server, as monitoring sees them: `monitor.census.Census`.

Reads the registry, the hub's members and JetStream; changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest
from typing import TYPE_CHECKING

from isthmus.accounts.imports import Refusal
from isthmus.core.crossing import Crossing
from isthmus.core.stream_import import StreamImport
from isthmus.core.sublist import Sublist
from isthmus.monitor.census import (
    TAKERS_MAX,
    ConsumerSnapshot,
    ImportSnapshot,
    SublistSnapshot,
    Taker,
    TenantSnapshot,
    UsageSnapshot,
)
from isthmus.server.hub import Hub

if TYPE_CHECKING:
    from isthmus.accounts.account import Account, RunningImport
    from isthmus.accounts.spec import Import
    from isthmus.jetstream.account import AccountJetStream
    from isthmus.jetstream.consumer import Consumer
    from isthmus.server.engine import Engine

_NEXT = "$JS.API.CONSUMER.MSG.NEXT."


class RunningCensus:
    """Snapshots of `hub`'s accounts; `engine` None: without JetStream."""

    def __init__(self, hub: Hub, engine: Engine | None) -> None:
        self._hub = hub
        self._engine = engine

    def names(self) -> list[str]:
        """The accounts that are loaded, sorted."""
        return sorted(account.name for account in self._hub.registry)

    def sublist(self, name: str = "") -> SublistSnapshot:
        """Subscriptions of one account (none if it is not loaded), or of all."""
        registry = self._hub.registry
        if name:
            account = registry.get(name)
            return SublistSnapshot() if account is None else _sublist(account.core.sublist)
        each = [_sublist(account.core.sublist) for account in registry]
        return SublistSnapshot(
            subscriptions=sum(one.subscriptions for one in each),
            inserts=sum(one.inserts for one in each),
            removes=sum(one.removes for one in each),
            matches=sum(one.matches for one in each),
            cache_hits=sum(one.cache_hits for one in each),
        )

    def grants(self) -> Iterator[tuple[str, str, ImportSnapshot]]:
        """All imports, by account: its name and label. May be read over several turns."""
        consumers = _Delivering(self._engine)
        for name in self.names():
            account = self._hub.registry.get(name)
            for running in [] if account is None else account.imports:
                label = "" if account is None else account.label
                yield name, label, self._import(running, consumers)

    def tenant(self, name: str) -> TenantSnapshot | None:
        """One account now; None if it is not loaded."""
        hub = self._hub
        account = hub.registry.get(name)
        if account is None:
            return None
        consumers = _Delivering(self._engine)
        return TenantSnapshot(
            spec=account.spec,
            updated_ns=account.updated_ns,
            is_system=name == hub.system_account,
            expired=account.expired,
            jetstream=self._may_store(name),
            connections=len(hub.members.get(name, ())),
            imports=tuple(self._import(running, consumers) for running in account.imports),
            takers=tuple(self._takers(account, consumers)),
            taking_accounts=len(hub.registry.importers(name)),
            sublist=_sublist(account.core.sublist),
        )

    def _may_store(self, name: str) -> bool:
        found = None if self._engine is None else self._engine.accounts.get(name)
        return found is not None and found.limits is not None

    def _takers(self, account: Account, consumers: _Delivering) -> Iterator[Taker]:
        registry = self._hub.registry
        for name in nsmallest(TAKERS_MAX, registry.importers(account.name)):
            other = registry.get(name)
            for running in [] if other is None else other.imports:
                if other is not None and running.wanted.account == account.name:
                    verdict = running.verdict
                    yield Taker(
                        account=name,
                        label=other.label,
                        export="" if isinstance(verdict, Refusal) else verdict.export.subject,
                        taken=self._import(running, consumers),
                    )

    def _import(self, running: RunningImport, consumers: _Delivering) -> ImportSnapshot:
        verdict, wanted = running.verdict, running.wanted
        refused = isinstance(verdict, Refusal)
        return ImportSnapshot(
            wanted=wanted,
            refusal=verdict if isinstance(verdict, Refusal) else None,
            latency=None if isinstance(verdict, Refusal) else verdict.export.latency,
            usage=_usage(running.crossing),
            consumer=None if refused else self._consumer(wanted, consumers),
        )

    def _consumer(self, wanted: Import, consumers: _Delivering) -> ConsumerSnapshot | None:
        """Whose messages the import is for: those that are pulled, or those sent to its subject."""
        jetstream = None if self._engine is None else self._engine.accounts.get(wanted.account)
        if jetstream is None:
            return None
        found: Consumer | None = None
        if wanted.kind == "service":
            stream, _, consumer = wanted.remote.removeprefix(_NEXT).partition(".")
            if wanted.remote.startswith(_NEXT) and stream in jetstream.streams:
                found = jetstream.streams[stream].consumers.get(consumer)
        else:
            found = consumers.find(wanted.account, wanted.remote)
        if found is None:
            return None
        cursor = found.cursor
        cursor.refresh(self._hub.turn)
        return ConsumerSnapshot(
            stream=found.stream.name,
            name=found.name,
            acknowledged_ns=cursor.acked_ns,
            unacknowledged=cursor.num_ack_pending,
        )


class _Delivering:
    """Consumers by the subject they deliver to; each account is gone through once a document."""

    def __init__(self, engine: Engine | None) -> None:
        self._engine = engine
        self._of: dict[str, dict[str, Consumer]] = {}

    def find(self, account: str, subject: str) -> Consumer | None:
        """The first that delivers there."""
        if account not in self._of:
            jetstream = None if self._engine is None else self._engine.accounts.get(account)
            self._of[account] = {} if jetstream is None else _by_subject(jetstream)
        return self._of[account].get(subject)


def _by_subject(jetstream: AccountJetStream) -> dict[str, Consumer]:
    found: dict[str, Consumer] = {}
    for stream in jetstream:
        for consumer in stream.consumers.values():
            if consumer.config.deliver_subject:
                found.setdefault(consumer.config.deliver_subject, consumer)
    return found


def _usage(crossing: Crossing | StreamImport | None) -> UsageSnapshot | None:
    if crossing is None:
        return None
    if isinstance(crossing, StreamImport):
        return UsageSnapshot(
            messages=crossing.messages, bytes=crossing.bytes_crossed, used_ns=crossing.used_ns
        )
    return UsageSnapshot(
        messages=crossing.messages,
        bytes=crossing.bytes_crossed,
        answers=crossing.answers,
        answer_bytes=crossing.answer_bytes,
        deliveries=crossing.deliveries,
        used_ns=crossing.used_ns,
    )


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
