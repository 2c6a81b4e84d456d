"""`nats object info`: show a bucket, or an object in it."""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.object_store import ObjectStore, on_store
from isthmus.cli.nats.object_view import object_view, store_view
from isthmus.cli.nats.session import Session


@verb("info", help="Show a bucket, or an object in it.")
@click.argument("bucket", required=False)
@click.argument("file", required=False)
def command(session: Session, bucket: str | None, file: str | None) -> None:
    """Ask, then show."""

    async def info(store: ObjectStore) -> str:
        if file is None:
            return store_view(store.info)
        return object_view(store.name, await store.get(file))

    session.streams.out(on_store(session, bucket, info))
