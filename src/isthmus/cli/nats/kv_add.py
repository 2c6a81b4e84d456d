"""`nats kv add`: make a bucket and show it."""

from typing import Any

from isthmus.base.errors import JetStreamError
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import api_error
from isthmus.cli.nats.kv_flags import Options, kv_flags, new_bucket
from isthmus.cli.nats.kv_view import bucket_view
from isthmus.cli.nats.records import StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session

_IN_USE = 10058


@verb("add", help="Make a key-value bucket.", refused="--mirror --mirror-domain --source")
@kv_flags(editing=False)
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = Options(**given)
    config = new_bucket(options)
    info = session.connected(lambda client: create_bucket(config, client, options.bucket), setup="")
    session.streams.out(bucket_view(info))


async def create_bucket(config: StreamConfig, client: Client, name: str) -> StreamInfo:
    """Create the stream of a bucket, key-value or object."""
    api = JetStreamApi(client)
    try:
        await api.call(f"STREAM.CREATE.{config.name}", StreamInfo, config)
        return await api.call(f"STREAM.INFO.{config.name}", StreamInfo)
    except JetStreamError as error:
        if error.err_code == _IN_USE:
            raise CommandError(f"nats: bucket name already in use: {name}: {error}") from None
        raise api_error(error) from None
