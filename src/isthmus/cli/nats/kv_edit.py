"""`nats kv edit`: change a bucket's configuration and show it."""

from typing import Any

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import Bucket, on_bucket
from isthmus.cli.nats.kv_flags import Options, changed, kv_flags
from isthmus.cli.nats.kv_view import bucket_view
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session


@verb("edit", help="Change a bucket.", refused="--no-mirror --source")
@kv_flags(editing=True)
def command(session: Session, **given: Any) -> None:
    """Change, then show."""
    options = Options(**given)

    async def edit(bucket: Bucket) -> StreamInfo:
        return await bucket.reconfigure(changed(options, bucket.info.config))

    session.streams.out(bucket_view(on_bucket(session, options.bucket, edit)))
