"""`nats stream purge`: remove messages, all or some, and show what is left."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.records import PurgeAnswer, Record, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.nats.stream_layout import stream_state_view


class Options(Value):
    """What to remove."""

    stream: str | None = None
    as_json: bool = False
    force: bool = False
    subject: str = ""
    seq: int = 0
    keep: int = 0


class PurgeRequest(Record):
    """The request of STREAM.PURGE."""

    seq: int = 0
    filter: str = ""
    keep: int = 0


class Purged(Value):
    """How many messages went, and the stream after that."""

    purged: int
    info: StreamInfo


@verb("purge", help="Remove messages from a stream.", refused="-a --all")
@click.argument("stream", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("--subject", default="", metavar="SUBJECT", help="Only messages of this subject")
@click.option("--seq", type=NATURAL, default=0, help="Up to this sequence, excluding it")
@click.option("--keep", type=NATURAL, default=0, help="Keep so many of the newest")
def command(session: Session, **given: Any) -> None:
    """Purge, then show."""
    options = Options(**given)
    if options.seq and options.keep:
        raise click.UsageError("sequence and keep cannot be combined when purging")
    done = session.connected(lambda client: run(options, session, client))
    if done is None:
        return
    session.streams.out(f"Purged {done.purged:,} messages from {options.stream}\n")
    if options.as_json:
        session.streams.json_pretty(done.info)
    else:
        session.streams.out(stream_state_view(done.info))


async def run(options: Options, session: Session, client: Client) -> Purged | None:
    """Purge, or return None if a person declined."""
    api = JetStreamApi(client)
    name = (await find_stream(api, options.stream)).config.name
    if not options.force and not session.confirm(f"Really purge Stream {name}"):
        return None
    some = options.seq or options.keep or options.subject
    request = PurgeRequest(seq=options.seq, keep=options.keep, filter=options.subject)
    answer = await api.call(f"STREAM.PURGE.{name}", PurgeAnswer, request if some else None)
    if not answer.success:
        raise CommandError(f"the server did not purge {name}")
    return Purged(purged=answer.purged, info=await find_stream(api, name))
