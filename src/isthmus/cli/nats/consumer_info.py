"""`nats consumer info`: configuration and state of a consumer.

Asks for `CONSUMER.INFO` alone, so that grant is enough.
"""

from typing import Any

import click

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import (
    CONSUMER_NOT_FOUND,
    STREAM_NOT_FOUND,
    JetStreamApi,
    require_name,
    saying,
)
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_view import consumer_state_view, consumer_view
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import ConsumerInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import require_stream


class Options(Value):
    """Which consumer, and how to show it."""

    stream: str | None = None
    consumer: str | None = None
    as_json: bool = False
    no_select: bool = False
    state: bool = False


@verb("info", help="Show configuration and state of a consumer.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--no-select", is_flag=True, help="Never ask for another one (none is asked for)")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    show(session, Options(**given))


def show(session: Session, options: Options) -> None:
    """The whole verb; `consumer state` shares it."""
    info = session.connected(lambda client: run(options, client))
    if options.as_json:
        session.streams.json_pretty(info)
    else:
        view = consumer_state_view if options.state else consumer_view
        session.streams.out(view(info, session.wall_ns()))


async def run(options: Options, client: Client) -> ConsumerInfo:
    """The consumer."""
    return await find_consumer(JetStreamApi(client), options.stream, options.consumer)


async def find_consumer(
    api: JetStreamApi, stream: str | None, consumer: str | None
) -> ConsumerInfo:
    """The named consumer; the reason there is none stands after what could not be selected."""
    with saying("could not select Stream: "):
        stream = require_stream(stream)
    with saying("could not select Consumer: "):
        consumer = require_consumer(consumer)
        try:
            return await api.call(f"CONSUMER.INFO.{stream}.{consumer}", ConsumerInfo)
        except JetStreamError as error:
            unknown = {
                CONSUMER_NOT_FOUND: f'unknown consumer "{consumer}"',
                STREAM_NOT_FOUND: f'unknown stream "{stream}"',
            }.get(error.err_code)
            if unknown is None:
                raise
            raise CommandError(f"{unknown}: {error}") from None


def require_consumer(name: str | None) -> str:
    """The name, if one was given that a consumer may have."""
    if not name:
        raise CommandError(
            "no Consumer name supplied", hint="`nats consumer ls STREAM` lists the consumers"
        )
    return require_name("consumer", name)
