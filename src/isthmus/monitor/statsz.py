"""STATSZ: what a server tells on PING, the short form of varz.

Owns the fields and their order. Routes, gateways and leaf nodes do not exist here, so all that was
sent and received was so by clients.
"""

from isthmus.base.values import Value, always, format_time
from isthmus.monitor.documents import Document
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot
from isthmus.monitor.varz import JetStreamVarz, make_jetstream


class Traffic(Value):
    """Messages, and the bytes of their payloads."""

    msgs: int = 0
    bytes: int = 0


class Statsz(Document, kw_only=True):
    """The document."""

    start: str
    mem: int = always(0)
    cores: int = always(0)
    cpu: float = always(0)
    connections: int = always(0)
    total_connections: int = always(0)
    active_accounts: int = always(0)
    subscriptions: int = always(0)
    sent: Traffic = always(Traffic())
    sent_to_clients: Traffic = always(Traffic())
    received: Traffic = always(Traffic())
    received_from_clients: Traffic = always(Traffic())
    slow_consumers: int = always(0)
    active_servers: int = always(1)
    jetstream: JetStreamVarz | None = None


def make_statsz(server: ServerSnapshot, jetstream: JetStreamSnapshot | None) -> Statsz:
    """The document of a moment."""
    sent = Traffic(msgs=server.out_messages, bytes=server.out_bytes)
    received = Traffic(msgs=server.in_messages, bytes=server.in_bytes)
    return Statsz(
        start=format_time(server.start_ns),
        mem=server.memory_bytes,
        cores=server.cores,
        cpu=server.cpu_percent,
        connections=server.connections,
        total_connections=server.total_connections,
        active_accounts=server.active_accounts,
        subscriptions=server.subscriptions,
        sent=sent,
        sent_to_clients=sent,
        received=received,
        received_from_clients=received,
        slow_consumers=server.slow_consumers,
        jetstream=None if jetstream is None else make_jetstream(jetstream),
    )
