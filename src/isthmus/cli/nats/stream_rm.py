"""`nats stream rm`: remove a stream, its messages and its consumers."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi, require_name
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import Done
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream


class Options(Value):
    """Which stream."""

    stream: str | None = None
    force: bool = False


@verb("rm", help="Remove a stream and its messages.", refused="-a --all")
@click.argument("stream", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, **given: Any) -> None:
    """Remove."""
    options = Options(**given)
    if options.force and not options.stream:
        raise click.UsageError("--force requires a stream name")
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> bool:
    """Remove, and return true if it was not declined."""
    api = JetStreamApi(client)
    if options.force:
        name = require_name("stream", options.stream or "")
    else:
        name = (await find_stream(api, options.stream)).config.name
        if not session.confirm(f"Really delete Stream {name}"):
            return False
    if not (await api.call(f"STREAM.DELETE.{name}", Done)).success:
        raise CommandError(f"the server did not remove stream {name}")
    return True
