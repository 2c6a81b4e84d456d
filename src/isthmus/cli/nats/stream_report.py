"""`nats stream report`: all streams in one table."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, byte_count, count
from isthmus.cli.nats.records import Cluster, SourceInfo, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_ls import read_pages
from isthmus.cli.tables import Row, rounded_table

_HEADERS = (
    *("Stream", "Storage", "Placement", "Consumers", "Messages", "Bytes", "Lost", "Deleted"),
    *("API Level", "Replicas"),
)


class Options(Value):
    """Which streams, in which order."""

    subject: str = ""
    consumers: bool = False
    messages: bool = False
    name: bool = False
    storage: bool = False
    raw: bool = False


@verb(
    "report",
    help="Show all streams in one table.",
    refused="--cluster --dot -l --leaders -a --all",
)
@click.option("--subject", default="", metavar="SUBJECT", help="Streams that store these subjects")
@click.option("-o", "--consumers", is_flag=True, help="Order by consumers")
@click.option("-m", "--messages", is_flag=True, help="Order by messages")
@click.option("-n", "--name", is_flag=True, help="Order by name")
@click.option("-t", "--storage", is_flag=True, help="Order by storage")
@click.option("-r", "--raw", is_flag=True, help="Show plain numbers")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    streams = session.streams
    streams.out("Obtaining Stream stats\n")
    infos = session.connected(lambda client: run(options, client))
    if not infos:
        streams.out("No Streams defined")
        return
    rows = [_row(options, info) for info in infos]
    streams.out(rounded_table("Stream Report", _HEADERS, rows) + "\n")
    copied = [row for info in infos for row in _copies(info)]
    if copied:
        headers = (
            *("Stream", "Kind", "API Prefix", "Source Stream", "Filters and Transforms"),
            *("Active", "Lag", "Error"),
        )
        streams.out(rounded_table("Replication Report", headers, copied) + "\n")


async def run(options: Options, client: Client) -> list[StreamInfo]:
    """The streams in the order asked for; by bytes if none was."""
    found = await read_pages(
        JetStreamApi(client), "STREAM.LIST", "streams", subject=options.subject
    )
    infos = [msgspec.convert(entry, StreamInfo) for entry in found]

    def order(info: StreamInfo) -> tuple[Any, ...]:
        name = info.config.name
        if options.name:
            return (name,)
        if options.consumers:
            return (info.state.consumer_count, name)
        if options.messages:
            return (info.state.messages, name)
        if options.storage:
            return (info.config.storage, name)
        return (info.state.bytes, name)

    return sorted(infos, key=order)


def _row(options: Options, info: StreamInfo) -> Row:
    state, placement = info.state, info.config.placement
    where = []
    if placement:
        where += [f"cluster: {placement.cluster}"] if placement.cluster else []
        where += [f"tags: {', '.join(placement.tags)}"] if placement.tags else []
    lost = "0"
    if state.lost:
        lost = f"{count(len(state.lost.msgs or ()))} ({byte_count(state.lost.bytes)})"
    deleted = state.num_deleted
    level = info.config.metadata.get("_nats.req.level", "")
    head = (info.config.name, info.config.storage.title(), " ".join(where))
    tail = (level, _replicas(info.cluster))
    if options.raw:
        numbers = (state.consumer_count, state.messages, state.bytes)
        return (*head, *numbers, lost, deleted, *tail)
    texts = (count(state.consumer_count), count(state.messages), byte_count(state.bytes))
    return (*head, *texts, lost, count(deleted), *tail)


def _replicas(cluster: Cluster | None) -> str:
    """`n1*, n2, n3!`: the leader, a replica, one that is not current."""
    if cluster is None or not cluster.name:
        return ""
    peers = [f"{cluster.leader}*"] if cluster.leader else []
    late = {peer.name for peer in cluster.replicas if not peer.current or peer.offline}
    peers += [peer.name + ("!" if peer.name in late else "") for peer in cluster.replicas]
    return ", ".join(sorted(peers))


def _copies(info: StreamInfo) -> list[Row]:
    found: list[tuple[str, SourceInfo]] = [("Mirror", info.mirror)] if info.mirror else []
    found += [("Source", source) for source in info.sources]
    rows: list[Row] = []
    for kind, copied in found:
        transforms = [f"{one.src} to {one.dest}" for one in copied.subject_transforms]
        filters = ", ".join([*filter(None, [copied.filter_subject]), *transforms])
        active = age(copied.active) if copied.active > 0 else "never"
        prefix = copied.external.api if copied.external else ""
        error = str(copied.error.get("description", "")) if copied.error else ""
        lag = count(copied.lag)
        rows.append((info.config.name, kind, prefix, copied.name, filters, active, lag, error))
    return rows
