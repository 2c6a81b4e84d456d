"""`nats consumer resume`: let a paused consumer go on."""

import click

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.consumer_pause import set_pause
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import local_time
from isthmus.cli.nats.session import Session


@verb("resume", help="Let a paused consumer go on.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, stream: str | None, consumer: str | None, force: bool) -> None:
    """Ask, then resume."""

    async def resume(client: Client) -> None:
        api = JetStreamApi(client)
        info = await find_consumer(api, stream, consumer)
        if not info.paused:
            raise CommandError("consumer is not paused")
        what = f"{info.stream_name} > {info.name}"
        if not force and not session.confirm(f"Really resume Consumer {what}"):
            return
        answer = await set_pause(api, info.stream_name, info.name, "")
        if answer.paused:
            raise CommandError("consumer failed to resume")
        until = local_time(info.config.pause_until)
        session.streams.out(f"Consumer {what} was resumed while previously paused until {until}")

    session.connected(resume)
