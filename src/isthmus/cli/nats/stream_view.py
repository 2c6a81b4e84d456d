"""`nats stream view`: look through a stream, page by page, at a terminal."""

from typing import Any

import click

from isthmus.base.values import NS_PER_S, Value, format_time
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.bodies import header_lines, print_body, print_line
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, POSITIVE, WholeType, verb
from isthmus.cli.nats.formats import local_time
from isthmus.cli.nats.messages import translated
from isthmus.cli.nats.puller import Found, Reader
from isthmus.cli.nats.records import ConsumerConfig
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream

_PAGE_MAX = 25
_LATE_NS = NS_PER_S  # a message that is announced comes within this, or it was removed meanwhile


class Options(Value):
    """What to look at, and where to begin."""

    stream: str | None = None
    size: int = 10
    seq: int | None = None
    since: int | None = None
    raw: bool = False
    translate: str = ""
    subject: str = ""


@verb("view", help="Look through a stream, page by page.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("size", required=False, type=WholeType(1, _PAGE_MAX), default=10)
@click.option("--id", "seq", type=POSITIVE, help="Begin at this sequence")
@click.option("--since", type=DURATION, help="Begin with messages younger than this")
@click.option("--raw", is_flag=True, help="Show bodies alone")
@click.option("--translate", default="", metavar="COMMAND", help="Show what it makes of the body")
@click.option("--subject", default="", metavar="SUBJECT", help="Only messages of this subject")
def command(session: Session, **given: Any) -> None:
    """Read, show, ask whether to go on."""
    options = Options(**given)
    if not session.streams.is_terminal:
        raise CommandError("interactive stream paging requires a valid terminal")
    if options.seq is not None and options.since is not None:
        raise click.UsageError("--id and --since exclude each other")
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> int:
    """Show pages until the end, or until a person has seen enough; the number of messages."""
    api = JetStreamApi(client)
    info = await find_stream(api, options.stream)
    reader = Reader(api, info.config.name, _start(options, session))
    shown = 0
    try:
        pending = await reader.start()
        while pending:
            found = await reader.next(_LATE_NS)
            if found is None:
                break
            await _show(options, session, found)
            shown, pending = shown + 1, found.delivery.pending
            if pending and shown % options.size == 0 and not session.confirm("Next Page?"):
                return shown
        session.log("Reached apparent end of data")
    finally:
        await reader.close()
    return shown


def _start(options: Options, session: Session) -> ConsumerConfig:
    if options.seq is not None:
        return ConsumerConfig(
            filter_subject=options.subject,
            deliver_policy="by_start_sequence",
            opt_start_seq=options.seq,
        )
    if options.since is not None:
        began = format_time(session.wall_ns() - options.since)
        return ConsumerConfig(
            filter_subject=options.subject, deliver_policy="by_start_time", opt_start_time=began
        )
    return ConsumerConfig(filter_subject=options.subject)


async def _show(options: Options, session: Session, found: Found) -> None:
    streams, message = session.streams, found.message
    body = message.data
    if options.translate:
        stream = options.stream or ""
        body = await translated(options.translate, body, subject=message.subject, stream=stream)
    if options.raw:
        print_line(streams, body)
        return
    received = local_time(found.delivery.time_ns)
    streams.out(f"[{found.delivery.seq}] Subject: {message.subject} Received: {received}")
    lines = header_lines(message.headers)
    if lines:
        streams.out()
    for line in lines:
        streams.out(f"  {line}")
    print_body(streams, body)
