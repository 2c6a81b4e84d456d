"""`nats object edit`: change a bucket's configuration and show it."""

from typing import Any

from isthmus.cli.nats.bucket_flags import BucketOptions, bucket_flags, with_flags
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.object_store import ObjectStore, on_store
from isthmus.cli.nats.object_view import store_view
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session


@verb("edit", help="Change an object bucket.")
@bucket_flags(editing=True)
def command(session: Session, **given: Any) -> None:
    """Change, then show."""
    options = BucketOptions(**given)

    async def edit(store: ObjectStore) -> StreamInfo:
        return await store.reconfigure(with_flags(options, store.info.config))

    session.streams.out(store_view(on_store(session, options.bucket, edit)))
