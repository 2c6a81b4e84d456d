"""`nats kv history`: show all revisions of a key that are kept."""

import click

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import Bucket, Entry, on_bucket, require_key
from isthmus.cli.nats.kv_view import history_table
from isthmus.cli.nats.session import Session


@verb("history", help="Show all revisions of a key.")
@click.argument("bucket")
@click.argument("key")
def command(session: Session, bucket: str, key: str) -> None:
    """Read, show."""
    require_key(key)
    entries = on_bucket(session, bucket, lambda opened: history(opened, key))
    session.streams.out(history_table(bucket, key, entries) + "\n")


async def history(opened: Bucket, key: str) -> list[Entry]:
    """All revisions of a key; none is an error."""
    entries = await opened.entries(key, policy="all")
    if not entries:
        raise CommandError("nats: key not found")
    return entries
