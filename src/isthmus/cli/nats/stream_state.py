"""`nats stream state`: what a stream holds."""

from typing import Any

import click

from isthmus.cli.nats import stream_info
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


@verb("state", help="Show what a stream holds.", refused="-a --all")
@click.argument("stream", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--no-select", is_flag=True, help="Never ask for another stream (none is asked for)")
def command(session: Session, **given: Any) -> None:
    """As `stream info --state`."""
    stream_info.show(session, stream_info.Options(**given, state=True))
