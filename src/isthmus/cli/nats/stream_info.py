"""`nats stream info`: configuration and state of a stream.

Owns how a stream that was named, or not named, is looked up: the other stream verbs share it.
"""

from typing import Any

import click

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import STREAM_NOT_FOUND, JetStreamApi, require_name, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_layout import stream_state_view, stream_view


class Options(Value):
    """Which stream, and how to show it."""

    stream: str | None = None
    as_json: bool = False
    state: bool = False
    no_select: bool = False


@verb("info", help="Show configuration and state of a stream.", refused="-a --all")
@click.argument("stream", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--state", is_flag=True, help="Show the state alone")
@click.option("--no-select", is_flag=True, help="Never ask for another stream (none is asked for)")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    show(session, Options(**given))


def show(session: Session, options: Options) -> None:
    """The whole verb; `stream state` shares it."""
    info = session.connected(lambda client: run(options, client))
    if options.as_json:
        session.streams.json_pretty(info)
    else:
        session.streams.out(stream_state_view(info) if options.state else stream_view(info))
    session.streams.out()


async def run(options: Options, client: Client) -> StreamInfo:
    """The stream."""
    return await find_stream(JetStreamApi(client), options.stream)


async def find_stream(
    api: JetStreamApi, name: str | None, *, what: str = "could not pick a Stream to operate on: "
) -> StreamInfo:
    """The named stream; `what` stands before the reason there is none."""
    with saying(what):
        try:
            return await api.call(f"STREAM.INFO.{require_stream(name)}", StreamInfo)
        except JetStreamError as error:
            if error.err_code != STREAM_NOT_FOUND:
                raise
            raise CommandError(f'unknown stream "{name}": {error}') from None


def require_stream(name: str | None) -> str:
    """The name, if one was given that a stream may have."""
    if not name:
        raise CommandError("no Stream name supplied", hint="`nats stream ls` lists the streams")
    return require_name("stream", name)
