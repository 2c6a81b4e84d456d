"""`nats stream seal`: allow no changes to a stream any more."""

import click
import msgspec

from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.nats.stream_layout import stream_view


@verb("seal", help="Allow no changes to a stream any more, for ever.", refused="-a --all")
@click.argument("stream")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, stream: str, force: bool) -> None:
    """Ask, seal, show."""

    async def seal(client: Client) -> StreamInfo | None:
        api = JetStreamApi(client)
        config = (await find_stream(api, stream)).config
        question = f"Really seal Stream {stream}, sealed streams can not be unsealed or modified"
        if not force and not session.confirm(question):
            return None
        with saying(f"could not seal Stream {stream}: "):
            sealed = msgspec.structs.replace(config, sealed=True)
            return await api.call(f"STREAM.UPDATE.{stream}", StreamInfo, sealed)

    info = session.connected(seal)
    if info is not None:
        session.streams.out(stream_view(info))
