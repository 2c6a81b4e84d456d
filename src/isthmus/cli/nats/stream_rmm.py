"""`nats stream rmm`: remove one message for good."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import POSITIVE, verb
from isthmus.cli.nats.records import Done, Record
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream


class Options(Value):
    """Which message."""

    stream: str | None = None
    seq: int | None = None
    force: bool = False


class RemoveRequest(Record):
    """The request of STREAM.MSG.DELETE: what was there is overwritten."""

    seq: int


@verb("rmm", help="Remove one message for good.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("seq", required=False, type=POSITIVE, metavar="[ID]")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, **given: Any) -> None:
    """Ask, then remove."""
    options = Options(**given)
    if options.seq is None:
        raise CommandError("invalid input: no message sequence given")
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> None:
    """Remove, unless a person declined."""
    api = JetStreamApi(client)
    name = (await find_stream(api, options.stream)).config.name
    seq = options.seq or 0
    question = f"Really remove message {seq} from Stream {name}"
    if not options.force and not session.confirm(question):
        return
    answer = await api.call(f"STREAM.MSG.DELETE.{name}", Done, RemoveRequest(seq=seq))
    if not answer.success:
        raise CommandError(f"the server did not remove message {seq} of {name}")
