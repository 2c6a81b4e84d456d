"""`nats consumer ls`: list the consumers of a stream."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import local_time, since
from isthmus.cli.nats.records import ConsumerInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import require_stream
from isthmus.cli.nats.stream_ls import read_pages
from isthmus.cli.tables import rounded_table

_HEADERS = ("Name", "Description", "Created", "Ack Pending", "Unprocessed", "Last Delivery")


class Options(Value):
    """Of which stream, and how to show them."""

    stream: str | None = None
    as_json: bool = False
    names: bool = False
    no_select: bool = False


@verb("ls", help="List the consumers of a stream.", refused="-a --all")
@click.argument("stream", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show names as JSON")
@click.option("-n", "--names", is_flag=True, help="Show names alone")
@click.option("--no-select", is_flag=True, help="Never ask for a stream (none is asked for)")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    infos = session.connected(lambda client: run(options, client))
    streams = session.streams
    names = [info.name for info in infos]
    if options.as_json:
        streams.json_pretty(names or None)
    elif options.names:
        for name in names:
            streams.out(name)
    elif not infos:
        streams.out("No Consumers defined")
    else:
        now = session.wall_ns()
        rows = [
            (
                info.name,
                info.config.description,
                local_time(info.created),
                info.num_ack_pending,
                info.num_pending,
                since(info.delivered.last_active, now),
            )
            for info in infos
        ]
        streams.out(rounded_table("Consumers", _HEADERS, rows) + "\n\n")


async def run(options: Options, client: Client) -> list[ConsumerInfo]:
    """The consumers, by name."""
    with saying("could not select Stream: "):
        stream = require_stream(options.stream)
        found = await read_pages(JetStreamApi(client), f"CONSUMER.LIST.{stream}", "consumers")
    infos = [msgspec.convert(entry, ConsumerInfo) for entry in found]
    return sorted(infos, key=lambda info: info.name)
