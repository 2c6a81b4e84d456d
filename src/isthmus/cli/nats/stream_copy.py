"""`nats stream copy`: make a stream like another one, without its messages."""

from typing import Any

import click
import msgspec

from isthmus.cli.nats import stream_add
from isthmus.cli.nats.api import JetStreamApi, require_name, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import StreamInfo, visible_metadata
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_flags import Options, changed_config
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.nats.stream_layout import stream_view
from isthmus.cli.nats.stream_options import stream_options


@verb("copy", help="Make a stream like another one, without its messages.", refused="-a --all")
@click.argument("source")
@click.argument("destination")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@stream_options()
def command(session: Session, source: str, destination: str, **given: Any) -> None:
    """Read, change, create, show."""
    options = Options(stream=destination, **given)
    with saying("could not create Stream: "):
        require_name("stream", destination)

    async def copy(client: Client) -> StreamInfo:
        old = (await find_stream(JetStreamApi(client), source)).config
        kept = msgspec.structs.replace(
            old, name=destination, metadata=visible_metadata(old.metadata)
        )
        return await stream_add.run(changed_config(options, kept), client)

    info = session.connected(copy)
    if options.as_json:
        session.streams.json_pretty(info)
        return
    session.streams.out(f"Stream {destination} was created\n")
    session.streams.out(stream_view(info))
