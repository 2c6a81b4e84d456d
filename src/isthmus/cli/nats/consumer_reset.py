"""`nats consumer reset`: let a consumer deliver again what it delivered."""

import click

from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.consumer_view import consumer_state_view
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.records import ConsumerInfo, Record
from isthmus.cli.nats.session import Session


class ResetRequest(Record):
    """The request of CONSUMER.RESET; 0 is behind what was acknowledged."""

    seq: int = 0


@verb("reset", help="Deliver again, from a sequence or what was not acknowledged.")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("--sequence", type=NATURAL, default=0, help="Begin at this sequence of the stream")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(
    session: Session, stream: str | None, consumer: str | None, sequence: int, force: bool
) -> None:
    """Ask, reset, show."""

    async def reset(client: Client) -> ConsumerInfo | None:
        api = JetStreamApi(client)
        info = await find_consumer(api, stream, consumer)
        if not force and not session.confirm("Really reset the consumer"):
            return None
        with saying("could not reset the consumer: "):
            request = ResetRequest(seq=sequence)
            endpoint = f"CONSUMER.RESET.{info.stream_name}.{info.name}"
            await api.call(endpoint, Record, request if sequence else None)
        return await find_consumer(api, stream, consumer)

    info = session.connected(reset)
    if info is not None:
        session.streams.out(consumer_state_view(info, session.wall_ns()))
