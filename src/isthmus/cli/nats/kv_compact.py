"""`nats kv compact`: drop what is kept of deleted keys.

A marker younger than half an hour stays: somebody who watches may not have seen it yet.
"""

import click

from isthmus.base.values import NS_PER_S
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import Bucket, on_bucket
from isthmus.cli.nats.session import Session

_YOUNG_NS = 30 * 60 * NS_PER_S


@verb("compact", help="Drop the history of deleted keys, and their markers after half an hour.")
@click.argument("bucket")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, bucket: str, force: bool) -> None:
    """Ask, then compact."""

    async def compact(opened: Bucket) -> None:
        question = "Purge all historic values and audit trails for deleted keys in bucket"
        if not force and not session.confirm(f"{question} {bucket}?"):
            return
        now = session.wall_ns()
        for entry in await opened.entries(headers_only=True):
            if entry.deleted:
                await opened.remove(entry.key, keep=int(now - entry.created_ns < _YOUNG_NS))

    on_bucket(session, bucket, compact)
