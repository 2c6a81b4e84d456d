"""`nats stream get`: show one stored message, by sequence or the last of a subject."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.bodies import print_body
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import POSITIVE, verb
from isthmus.cli.nats.formats import go_time, since
from isthmus.cli.nats.records import MessageAnswer, Record, StoredMessage
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import require_stream


class Options(Value):
    """Which message."""

    stream: str | None = None
    seq: int | None = None
    last_for: str | None = None
    as_json: bool = False


class MessageRequest(Record):
    """The request of STREAM.MSG.GET."""

    seq: int = 0
    last_by_subj: str = ""


@verb("get", help="Show one stored message.", refused="--translate -a --all")
@click.argument("stream", required=False)
@click.argument("seq", required=False, type=POSITIVE, metavar="[ID]")
@click.option("-S", "--last-for", metavar="SUBJECT", help="The last message of a subject")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    message = session.connected(lambda client: run(options, client))
    if options.as_json:
        session.streams.json_pretty(message)
    else:
        _show(session, options, message)


async def run(options: Options, client: Client) -> StoredMessage:
    """The message."""
    with saying("could not pick a Stream to operate on: "):
        stream = require_stream(options.stream)
    if (options.seq is None) == (options.last_for is None):
        raise CommandError("invalid input: give a sequence, or --last-for SUBJECT")
    which = options.last_for or options.seq
    with saying(f"could not retrieve {stream}#{which}: "):
        answer = await JetStreamApi(client).call(
            f"STREAM.MSG.GET.{stream}",
            MessageAnswer,
            MessageRequest(seq=options.seq or 0, last_by_subj=options.last_for or ""),
        )
    return answer.message


def _show(session: Session, options: Options, message: StoredMessage) -> None:
    streams = session.streams
    ago = since(message.time, session.wall_ns())
    streams.out(
        f"Item: {options.stream}#{message.seq} received {go_time(message.time)} ({ago}) "
        f"on Subject {message.subject}\n"
    )
    lines = message.hdrs.decode(errors="replace").split("\r\n")[1:]
    shown = [line for line in lines if line]
    if shown:
        streams.out("Headers:")
        for line in shown:
            key, _, value = line.partition(":")
            streams.out(f"  {key}: {value.strip()}")
        streams.out()
    print_body(streams, message.data)
