"""`nats consumer rm`: remove a consumer."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi, require_name
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import Done
from isthmus.cli.nats.session import Session


class Options(Value):
    """Which consumer."""

    stream: str | None = None
    consumer: str | None = None
    force: bool = False


@verb("rm", help="Remove a consumer.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, **given: Any) -> None:
    """Remove."""
    options = Options(**given)
    if options.force and not (options.stream and options.consumer):
        raise click.UsageError("--force requires a stream and consumer name")
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> bool:
    """Remove, and return true if it was not declined."""
    api = JetStreamApi(client)
    if options.force:
        stream = require_name("stream", options.stream or "")
        consumer = require_name("consumer", options.consumer or "")
    else:
        info = await find_consumer(api, options.stream, options.consumer)
        stream, consumer = info.stream_name, info.name
        if not session.confirm(f"Really delete Consumer {stream} > {consumer}"):
            return False
    if not (await api.call(f"CONSUMER.DELETE.{stream}.{consumer}", Done)).success:
        raise CommandError(f"the server did not remove consumer {stream} > {consumer}")
    return True
