"""`nats consumer report`: all consumers of a stream in one table."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value, format_duration
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_view import ACK_POLICIES
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, count
from isthmus.cli.nats.records import Cluster, ConsumerInfo, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.nats.stream_ls import read_pages
from isthmus.cli.tables import Row, rounded_table

_HEADERS = (
    *("Consumer", "Mode", "Ack Policy", "Ack Wait", "Ack Pending", "Redelivered"),
    *("Unprocessed", "Ack Floor", "API Level", "Cluster"),
)


class Options(Value):
    """Of which stream, and how to show it."""

    stream: str | None = None
    raw: bool = False


@verb(
    "report", help="Show all consumers of a stream in one table.", refused="-l --leaders -a --all"
)
@click.argument("stream", required=False)
@click.option("-r", "--raw", is_flag=True, help="Show plain numbers")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    stream, infos = session.connected(lambda client: run(options, client))
    title = f"Consumer report for {stream.config.name} with {count(len(infos))} consumers"
    rows = [_row(options, stream, info) for info in infos]
    session.streams.out(rounded_table(title, _HEADERS, rows) + "\n")


async def run(options: Options, client: Client) -> tuple[StreamInfo, list[ConsumerInfo]]:
    """The stream, and its consumers by name."""
    api = JetStreamApi(client)
    stream = await find_stream(api, options.stream, what="could not select Stream: ")
    found = await read_pages(api, f"CONSUMER.LIST.{stream.config.name}", "consumers")
    infos = [msgspec.convert(entry, ConsumerInfo) for entry in found]
    return stream, sorted(infos, key=lambda info: info.name)


def _row(options: Options, stream: StreamInfo, info: ConsumerInfo) -> Row:
    config, pending = info.config, info.num_pending
    mode = "Push" if config.deliver_subject else "Pull"
    head = (info.name, mode, ACK_POLICIES.get(config.ack_policy, config.ack_policy))
    tail = (config.metadata.get("_nats.req.level", ""), _leader(info.cluster))
    floor = info.ack_floor.stream_seq
    if options.raw:
        numbers = (info.num_ack_pending, info.num_redelivered, pending, floor)
        return (*head, format_duration(config.ack_wait), *numbers, *tail)
    left = count(pending)
    if pending and stream.state.messages:
        left = f"{left} / {pending * 100 // stream.state.messages}%"
    texts = (count(info.num_ack_pending), count(info.num_redelivered), left, count(floor))
    return (*head, age(config.ack_wait), *texts, *tail)


def _leader(cluster: Cluster | None) -> str:
    if cluster is None or not cluster.name:
        return ""
    return ", ".join([f"{cluster.leader}*", *(peer.name for peer in cluster.replicas)])
