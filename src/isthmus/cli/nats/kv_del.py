"""`nats kv del`: delete a key, or a bucket with all that is in it."""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import Bucket, on_bucket, require_key
from isthmus.cli.nats.session import Session


@verb("del", help="Delete a key, or without one the bucket.")
@click.argument("bucket")
@click.argument("key", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, bucket: str, key: str | None, force: bool) -> None:
    """Ask, then delete."""
    if key is not None:
        require_key(key)

    async def delete(opened: Bucket) -> None:
        what = f"bucket {bucket}" if key is None else f"key {bucket} > {key}"
        if not force and not session.confirm(f"Delete {what}?"):
            session.streams.out("Skipping delete")
        elif key is None:
            await opened.destroy()
        else:
            await opened.delete(key)

    on_bucket(session, bucket, delete)
