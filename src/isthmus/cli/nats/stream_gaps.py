"""`nats stream gaps`: which sequences of a stream are gone.

Reads the whole stream, headers alone: that is why it asks first.
"""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import count
from isthmus.cli.nats.puller import Reader
from isthmus.cli.nats.records import ConsumerConfig
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.tables import rounded_table

_WARNING = (
    "WARNING: Detecting gaps in a stream consumes the entire stream and can be resource intensive "
    "on the Server, Client and Network.\n"
)


class Options(Value):
    """Of which stream, and how to show them."""

    stream: str | None = None
    force: bool = False
    no_progress: bool = False
    as_json: bool = False


@verb("gaps", help="Show which sequences of a stream are gone.", refused="-a --all")
@click.argument("stream", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("--no-progress", is_flag=True, help="Show no progress (none is shown)")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
def command(session: Session, **given: Any) -> None:
    """Warn, ask, read, show."""
    options = Options(**given)
    gaps = session.connected(lambda client: run(options, session, client))
    streams = session.streams
    if gaps is None:
        return
    if options.as_json:
        streams.json_pretty(gaps)
    elif not gaps:
        streams.out(f"No deleted messages in {options.stream}")
    else:
        what = "gap" if len(gaps) == 1 else "gaps"
        title = f"{count(len(gaps))} {what} found in Stream {options.stream}"
        rows = [(count(first), count(last)) for first, last in gaps]
        table = rounded_table(title, ("First Message", "Last Message"), rows)
        streams.out(f"\n{table}\n")


async def run(options: Options, session: Session, client: Client) -> list[tuple[int, int]] | None:
    """The gaps, first and last sequence of each; None if a person declined."""
    api = JetStreamApi(client)
    info = await find_stream(api, options.stream)
    if not options.force:
        session.streams.out(_WARNING)
        if not session.confirm("Really detect gaps"):
            return None
    if not info.state.num_deleted:
        return []
    reader = Reader(api, info.config.name, ConsumerConfig(headers_only=True))
    gaps = []
    expected = info.state.first_seq
    try:
        pending = await reader.start()
        while pending:
            found = await reader.next()
            assert found is not None, "without a limit there is no silence"
            seq, pending = found.delivery.seq, found.delivery.pending
            if seq > expected:
                gaps.append((expected, seq - 1))
            expected = seq + 1
    finally:
        await reader.close()
    if expected <= info.state.last_seq:
        gaps.append((expected, info.state.last_seq))
    return gaps
