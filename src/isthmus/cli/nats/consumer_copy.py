"""`nats consumer copy`: make a consumer like another one, at its beginning."""

from typing import Any

import click
import msgspec

from isthmus.cli.nats import consumer_add
from isthmus.cli.nats.api import JetStreamApi, require_name
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_flags import Options, changed_config
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.consumer_options import consumer_options
from isthmus.cli.nats.consumer_view import consumer_view
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import ConsumerInfo, visible_metadata
from isthmus.cli.nats.session import Session


@verb(
    "copy",
    help="Make a consumer like another one, at its beginning.",
    refused="--deliver --pause --ephemeral --pull -a --all",
)
@click.argument("stream")
@click.argument("source")
@click.argument("destination")
@consumer_options(editing=True)
def command(session: Session, stream: str, source: str, destination: str, **given: Any) -> None:
    """Read, change, create, show."""
    options = Options(stream=stream, consumer=destination, **given)
    require_name("consumer", destination)

    async def copy(client: Client) -> ConsumerInfo:
        old = (await find_consumer(JetStreamApi(client), stream, source)).config
        kept = msgspec.structs.replace(
            old,
            name=destination,
            durable_name=destination if old.durable_name else "",
            deliver_group=old.deliver_group if options.target else "",
            metadata=visible_metadata(old.metadata),
        )
        return await consumer_add.run(stream, changed_config(options, kept), client)

    session.streams.out(consumer_view(session.connected(copy), session.wall_ns()))
