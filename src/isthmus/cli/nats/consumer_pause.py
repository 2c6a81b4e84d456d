"""`nats consumer pause`: deliver nothing until a time, or for so long."""

from typing import Any

import click

from isthmus.base.values import NS_PER_S, Value, parse_time_ns
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_flags import moment
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, local_time
from isthmus.cli.nats.records import ZERO_TIME, Record
from isthmus.cli.nats.session import Session


class Options(Value):
    """Which consumer, and until when."""

    stream: str | None = None
    consumer: str | None = None
    until: str = "1h"
    force: bool = False


class PauseRequest(Record):
    """The request of CONSUMER.PAUSE; without a time the consumer goes on."""

    pause_until: str = ""


class PauseAnswer(Record):
    """The answer of CONSUMER.PAUSE."""

    paused: bool = False
    pause_until: str = ZERO_TIME
    pause_remaining: int = 0


@verb("pause", help="Deliver nothing until a time, or for so long (1h).", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.argument("until", required=False, default="1h")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, **given: Any) -> None:
    """Ask, then pause."""
    options = Options(**given)
    until = moment(options.until, session.wall_ns(), "the pause")
    if parse_time_ns(until) <= session.wall_ns():
        raise CommandError("pause request failed, perhaps due to a time in the past")
    session.connected(lambda client: run(options, session, client, until))


async def run(options: Options, session: Session, client: Client, until: str) -> None:
    """Pause, unless a person declined."""
    api = JetStreamApi(client)
    info = await find_consumer(api, options.stream, options.consumer)
    what = f"{info.stream_name} > {info.name}"
    if not options.force:
        question = f"Really pause Consumer {what} until {local_time(until)}"
        if not session.confirm(question):
            return
    answer = await set_pause(api, info.stream_name, info.name, until)
    if not answer.paused:
        raise CommandError("consumer failed to pause, perhaps a time in the past was given")
    left_ns = parse_time_ns(until) - session.wall_ns()
    whole_ns = round(left_ns / NS_PER_S) * NS_PER_S
    session.streams.out(f"Paused {what} until {local_time(until)} ({age(whole_ns)})")


async def set_pause(api: JetStreamApi, stream: str, consumer: str, until: str) -> PauseAnswer:
    """Ask the server; an empty time lets the consumer go on."""
    endpoint = f"CONSUMER.PAUSE.{stream}.{consumer}"
    return await api.call(endpoint, PauseAnswer, PauseRequest(pause_until=until))
