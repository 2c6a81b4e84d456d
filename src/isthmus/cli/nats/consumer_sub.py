"""`nats consumer sub`: show what a push consumer sends; of a pull consumer, its next message."""

from typing import Any

import click

from isthmus.base.values import Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats import consumer_next
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.bodies import header_lines, print_line
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.consumer_view import ACK_POLICIES
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import clock_time
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.puller import Found
from isthmus.cli.nats.pushed import pushed
from isthmus.cli.nats.records import ConsumerConfig
from isthmus.cli.nats.session import Session


class Options(Value):
    """Which consumer, and how to show it."""

    stream: str | None = None
    consumer: str | None = None
    ack: bool = True
    raw: bool = False
    deliver_group: str = ""


@verb("sub", help="Show what a push consumer sends, until Ctrl-C.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("--ack/--no-ack", default=True, help="Acknowledge (the default)")
@click.option("-r", "--raw", is_flag=True, help="Show bodies alone")
@click.option("--deliver-group", default="", metavar="GROUP", help="Queue group of the consumer")
def command(session: Session, **given: Any) -> None:
    """Ask what it is, then listen."""
    options = Options(**given)
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> int:
    """Listen, or pull once; the number of messages."""
    info = await find_consumer(JetStreamApi(client), options.stream, options.consumer)
    config = info.config
    if not config.deliver_subject:
        once = consumer_next.Options(
            stream=info.stream_name, consumer=info.name, ack=options.ack, raw=options.raw
        )
        return await consumer_next.run(once, session, client)
    group = options.deliver_group or config.deliver_group
    if group != config.deliver_group:
        raise CommandError(f'consumer "{info.name}" delivers to group "{config.deliver_group}"')
    acked = options.ack and config.ack_policy != "none"
    incoming = Incoming(client)
    await incoming.listen(config.deliver_subject, group)
    await client.flush()
    if not options.raw:
        _announce(session, config, acked=acked)
    number = 0
    async for found in pushed(client, incoming):
        _show(options, session, found)
        if acked:
            await client.raw.publish(found.message.reply, b"")
        number += 1
    return number


def _announce(session: Session, config: ConsumerConfig, *, acked: bool) -> None:
    streams = session.streams
    answer = "true" if acked else "false"
    streams.out(f"Subscribing to topic {config.deliver_subject} auto acknowledgment: {answer}\n")
    streams.out("Consumer Info:")
    streams.out(f"  Ack Policy: {ACK_POLICIES.get(config.ack_policy, config.ack_policy)}")
    if config.ack_policy != "none":
        streams.out(f"    Ack Wait: {format_duration(config.ack_wait)}")
    streams.out()
    streams.flush()


def _show(options: Options, session: Session, found: Found) -> None:
    streams, message, place = session.streams, found.message, found.delivery
    if options.raw:
        print_line(streams, message.data)
        streams.flush()
        return
    streams.out(
        f"[{clock_time(session.wall_ns())}] subj: {message.subject} / tries: {place.tries} / "
        f"cons seq: {place.consumer_seq} / str seq: {place.seq} / pending: {place.pending:,}"
    )
    lines = header_lines(message.headers)
    if lines:
        streams.out("\nHeaders:\n")
        for line in lines:
            streams.out(f"   {line}")
        streams.out("\nData:")
    print_line(streams, message.data)
    if not message.data.endswith(b"\n"):
        streams.out()
    streams.flush()
