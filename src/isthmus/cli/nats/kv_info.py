"""`nats kv info`: show a bucket's configuration and state."""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import Bucket, on_bucket
from isthmus.cli.nats.kv_view import bucket_view
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session


@verb("info", help="Show a bucket's configuration and state.")
@click.argument("bucket", required=False)
def command(session: Session, bucket: str | None) -> None:
    """Ask, then show."""

    async def info(opened: Bucket) -> StreamInfo:
        return opened.info

    session.streams.out(bucket_view(on_bucket(session, bucket, info)))
