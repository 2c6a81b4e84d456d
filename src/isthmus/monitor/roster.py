"""What monitoring is told of connections: plain values, and `Roster`, which makes them when asked.

Owns the boundary between connections and the documents about them. Counters are since the
connection began, times nanoseconds since 1970 (0: never). `in` is what the client sent.
"""

from collections.abc import Iterator
from typing import Protocol

from isthmus.base.values import Value


class ConnectionSnapshot(Value):
    """A connection as it stands; with `stopped_ns`, as it ended."""

    cid: int
    ip: str = ""
    port: int = 0
    started_ns: int = 0
    active_ns: int = 0
    stopped_ns: int = 0
    reason: str = ""
    rtt_ns: int = 0
    pending_bytes: int = 0
    in_messages: int = 0
    in_bytes: int = 0
    out_messages: int = 0
    out_bytes: int = 0
    subscriptions: int = 0
    name: str = ""
    lang: str = ""
    version: str = ""
    user: str = ""
    account: str = ""  # empty: not authenticated
    label: str = ""  # of the account
    token: str = ""
    issuer_key: str = ""


class SubscriptionSnapshot(Value):
    """A subscription of a connection."""

    subject: str
    sid: str
    cid: int
    queue: str = ""
    messages: int = 0
    messages_max: int = 0  # 0: no bound


class AccountTraffic(Value):
    """An account's connections and what went through them."""

    name: str
    label: str
    connections: int = 0
    subscriptions: int = 0
    in_messages: int = 0
    in_bytes: int = 0
    out_messages: int = 0
    out_bytes: int = 0
    slow_consumers: int = 0


class Roster(Protocol):
    """The connections of a running server. What it iterates may be read over several turns."""

    def known(self, account: str) -> bool:
        """True if the account is loaded."""

    def open(self, account: str = "") -> Iterator[ConnectionSnapshot]:
        """Connections now, of one account or of all."""

    def closed(self, account: str = "") -> list[ConnectionSnapshot]:
        """The last that ended, the latest at the end."""

    def subscriptions(self, cid: int) -> Iterator[list[SubscriptionSnapshot]]:
        """A connection's subscriptions, in slices."""

    def subjects(self, cid: int) -> Iterator[list[str]]:
        """What a connection is subscribed to, in slices."""

    def traffic(self, account: str = "") -> Iterator[AccountTraffic]:
        """One account (nothing if it is not loaded) or all, by name."""
