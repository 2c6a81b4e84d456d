"""`nats object del`: remove an object, or a bucket with all that is in it."""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count
from isthmus.cli.nats.object_store import ObjectStore, on_store
from isthmus.cli.nats.object_view import store_view
from isthmus.cli.nats.session import Session


@verb("del", help="Remove an object, or without one the bucket.")
@click.argument("bucket")
@click.argument("file", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, bucket: str, file: str | None, force: bool) -> None:
    """Ask, remove, show what is left."""

    async def remove(store: ObjectStore) -> str:
        if file is None:
            if force or session.confirm(f"Delete bucket {bucket} and all its files?"):
                await store.destroy()
            return ""
        found = await store.get(file)
        question = f"Delete {byte_count(found.info.size)} byte file {bucket} > {file}?"
        if not force and not session.confirm(question):
            return ""
        await store.delete(file)
        return f"Removed {bucket} > {file}\n{store_view(await store.refreshed())}"

    done = on_store(session, bucket, remove)
    if done:
        session.streams.out(done)
