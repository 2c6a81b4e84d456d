"""The connections of the running server, as monitoring sees them: `monitor.roster.Roster`.

Reads the hub's connections, and keeps how the last of them ended. Invariant: at most `CLOSED_MAX`
ended connections are remembered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from isthmus.core.client import Listing
from isthmus.monitor.roster import AccountTraffic, ConnectionSnapshot, SubscriptionSnapshot
from isthmus.server.hub import Hub

if TYPE_CHECKING:
    from isthmus.accounts.account import Account
    from isthmus.server.connection import Connection

CLOSED_MAX = 1024
SUBJECTS_SLICE = 1024  # made, encoded and laid out: 0.2 ms
SUBSCRIPTIONS_SLICE = 128  # likewise


class RunningRoster:
    """Snapshots of `hub`'s connections."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._closed: deque[ConnectionSnapshot] = deque(maxlen=CLOSED_MAX)
        self._slow: dict[str, int] = {}  # by account: connections that were cut as too slow
        hub.on_left.append(self._left)

    def known(self, account: str) -> bool:
        """True if the account is loaded."""
        return self._hub.registry.get(account) is not None

    def open(self, account: str = "") -> Iterator[ConnectionSnapshot]:
        """Connections now, of one account or of all."""
        hub = self._hub
        if account:
            members = sorted(hub.members.get(account, ()), key=lambda one: one.cid)
        else:
            members = list(hub.connections.values())
        for connection in members:
            if not connection.closed and connection.account is not None:
                yield _snapshot(connection)

    def closed(self, account: str = "") -> list[ConnectionSnapshot]:
        """The last that ended, the latest at the end."""
        return [one for one in self._closed if account in {"", one.account}]

    def subscriptions(self, cid: int) -> Iterator[list[SubscriptionSnapshot]]:
        """A connection's subscriptions, in slices."""
        connection = self._hub.connections.get(cid)
        if connection is not None:
            listing = Listing(connection.client)
            while found := listing.some(SUBSCRIPTIONS_SLICE):
                yield [
                    SubscriptionSnapshot(
                        subject=subject.decode("utf-8", "replace"),
                        sid=sid.decode("utf-8", "replace"),
                        cid=owner,
                        queue=queue.decode("utf-8", "replace"),
                        messages=messages,
                        messages_max=most,
                    )
                    for subject, queue, sid, messages, most, owner in found
                ]

    def subjects(self, cid: int) -> Iterator[list[str]]:
        """What a connection is subscribed to, in slices."""
        connection = self._hub.connections.get(cid)
        if connection is not None:
            listing = Listing(connection.client)
            while found := listing.subjects(SUBJECTS_SLICE):
                yield found

    def traffic(self, account: str = "") -> Iterator[AccountTraffic]:
        """One account (nothing if it is not loaded) or all, by name."""
        registry = self._hub.registry
        names = [account] if account else sorted(one.name for one in registry)
        for name in names:
            found = registry.get(name)
            if found is not None:
                yield self._traffic(found)

    def _traffic(self, account: Account) -> AccountTraffic:
        core = account.core
        return AccountTraffic(
            name=account.name,
            label=account.label,
            connections=len(self._hub.members.get(account.name, ())),
            subscriptions=core.sublist.count,
            in_messages=core.in_messages,
            in_bytes=core.in_bytes,
            out_messages=core.out_messages,
            out_bytes=core.out_bytes,
            slow_consumers=self._slow.get(account.name, 0),
        )

    def _left(self, connection: Connection, reason: str) -> None:
        if connection.account is not None and reason.startswith("Slow Consumer"):
            name = connection.account.name
            self._slow[name] = self._slow.get(name, 0) + 1
        self._closed.append(_snapshot(connection, self._hub.wall_ns(), reason))


def _snapshot(connection: Connection, stopped_ns: int = 0, reason: str = "") -> ConnectionSnapshot:
    client, outbound = connection.client, connection.outbound
    connect, user, account = connection.connect_info, connection.user, connection.account
    return ConnectionSnapshot(
        cid=connection.cid,
        ip=connection.address[0],
        port=connection.address[1],
        started_ns=connection.started_ns,
        active_ns=max(connection.active_ns, client.published_ns),
        stopped_ns=stopped_ns,
        reason=reason,
        rtt_ns=connection.rtt_ns,
        pending_bytes=outbound.pending,
        in_messages=client.in_messages,
        in_bytes=client.in_bytes,
        out_messages=outbound.messages_sent,
        out_bytes=client.out_bytes,
        subscriptions=client.subscription_count,
        name=connect.name,
        lang=connect.lang,
        version=connect.version,
        user=connect.user if user is None else user.name,
        account="" if account is None else account.name,
        label="" if account is None else account.label,
        token="" if user is None else user.token,
        issuer_key="" if user is None else user.issuer_key,
    )
