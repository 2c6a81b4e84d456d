"""`nats kv purge`: delete a key together with its history."""

import click

from isthmus.cli.nats.flags import DURATION, verb
from isthmus.cli.nats.kv_bucket import Bucket, on_bucket, require_key
from isthmus.cli.nats.session import Session


@verb("purge", help="Delete a key together with its history.")
@click.argument("bucket")
@click.argument("key")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("--ttl", type=DURATION, default=0, help="Keep the marker for so long")
def command(session: Session, bucket: str, key: str, force: bool, ttl: int) -> None:
    """Ask, then purge."""
    require_key(key)

    async def purge(opened: Bucket) -> None:
        if force or session.confirm(f"Purge key {bucket} > {key}?"):
            await opened.purge(key, ttl)
        else:
            session.streams.out("Skipping purge")

    on_bucket(session, bucket, purge)
