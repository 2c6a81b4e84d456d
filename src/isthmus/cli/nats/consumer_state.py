"""`nats consumer state`: how far a consumer is."""

from typing import Any

import click

from isthmus.cli.nats import consumer_info
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


@verb("state", help="Show how far a consumer is.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--no-select", is_flag=True, help="Never ask for another one (none is asked for)")
def command(session: Session, **given: Any) -> None:
    """As `consumer info`, the state alone."""
    consumer_info.show(session, consumer_info.Options(**given, state=True))
