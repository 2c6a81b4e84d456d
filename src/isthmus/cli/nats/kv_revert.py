"""`nats kv revert`: write an old value again."""

import click

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import POSITIVE, verb
from isthmus.cli.nats.kv_bucket import Bucket, Entry, on_bucket, require_key
from isthmus.cli.nats.kv_history import history
from isthmus.cli.nats.kv_view import history_table
from isthmus.cli.nats.session import Session


@verb("revert", help="Write the value of an old revision again.")
@click.argument("bucket")
@click.argument("key")
@click.argument("revision", type=POSITIVE)
@click.option("--force/--no-force", default=False, help="Do not ask")
def command(session: Session, bucket: str, key: str, revision: int, force: bool) -> None:
    """Show, ask, write, show the history."""
    require_key(key)

    async def revert(opened: Bucket) -> list[Entry] | None:
        if opened.info.config.max_msgs_per_subject == 1:
            raise CommandError("cannot revert key in a bucket where history=1")
        old = await opened.get(key, revision)
        if not force:
            session.streams.out(f"Revision: {revision}\n")
            session.streams.out_bytes(old.value)
            session.streams.out("\n")
            if not session.confirm(f"Really revert to revision {revision}"):
                return None
        last = await opened.last(key)
        await opened.update(key, old.value, last.revision if last else 0)
        return await history(opened, key)

    entries = on_bucket(session, bucket, revert)
    if entries is not None:
        session.streams.out(history_table(bucket, key, entries) + "\n")
