"""`nats consumer add`: create a consumer from a file or from flags, and show it.

A consumer of that name is updated, as the API does.
"""

from typing import Any

import click

from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_flags import Options, consumer_config
from isthmus.cli.nats.consumer_options import consumer_options
from isthmus.cli.nats.consumer_view import consumer_view
from isthmus.cli.nats.flags import EXISTING_FILE, verb
from isthmus.cli.nats.records import ConsumerConfig, ConsumerInfo, CreateRequest
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import require_stream


@verb(
    "add",
    help="Create a consumer from a file (--config) or from flags (--pull --defaults).",
    refused="--validate --output --max-outstanding -a --all",
)
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("--config", type=EXISTING_FILE, help="JSON file with the configuration")
@click.option("--defaults", is_flag=True, help="Take defaults for what is not said")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@consumer_options()
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = Options(**given)
    with saying("could not select Stream: "):
        stream = require_stream(options.stream)
    config = consumer_config(options, session)
    info = session.connected(lambda client: run(stream, config, client))
    if options.as_json:
        session.streams.json_pretty(info)
    else:
        session.streams.out(consumer_view(info, session.wall_ns()))


async def run(stream: str, config: ConsumerConfig, client: Client) -> ConsumerInfo:
    """Create the consumer, or update the one of that name."""
    endpoint = f"CONSUMER.CREATE.{stream}.{config.name}"
    if config.filter_subject:
        endpoint += f".{config.filter_subject}"
    request = CreateRequest(stream_name=stream, config=config)
    with saying("Consumer creation failed: "):
        return await JetStreamApi(client).call(endpoint, ConsumerInfo, request)
