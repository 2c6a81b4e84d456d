"""`nats stream add`: create a stream from a file or from flags, and show it."""

from typing import Any

import click

from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import EXISTING_FILE, verb
from isthmus.cli.nats.records import StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_flags import Options, stream_config
from isthmus.cli.nats.stream_layout import stream_view
from isthmus.cli.nats.stream_options import stream_options


@verb(
    "add",
    help="Create a stream from a file (--config) or from flags (--defaults for what is not said).",
    refused="--validate --output --allow-mirror-direct --no-allow-mirror-direct -a --all",
)
@click.argument("stream", required=False)
@click.option("--config", type=EXISTING_FILE, help="JSON file with the configuration")
@click.option("--defaults", is_flag=True, help="Take defaults for what is not said")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@stream_options()
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = Options(**given)
    config = stream_config(options, session)
    info = session.connected(lambda client: run(config, client), setup="could not create Stream: ")
    session.streams.out(f"Stream {info.config.name} was created\n")
    if options.as_json:
        session.streams.json_pretty(info)
    else:
        session.streams.out(stream_view(info))


async def run(config: StreamConfig, client: Client) -> StreamInfo:
    """Create the stream."""
    with saying("could not create Stream: "):
        api = JetStreamApi(client)
        return await api.call(f"STREAM.CREATE.{config.name}", StreamInfo, config)
