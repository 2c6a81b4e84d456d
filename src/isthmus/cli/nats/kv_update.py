"""`nats kv update`: write a value if nobody wrote since a revision."""

import click

from isthmus.base.errors import JetStreamError
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bucket_api import api_error
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.kv_bucket import WRONG_LAST, Bucket, on_bucket, require_key
from isthmus.cli.nats.session import Session


@verb("update", help="Write a value if the last revision is the one given.")
@click.argument("bucket")
@click.argument("key")
@click.argument("value")
@click.argument("revision", type=NATURAL)
def command(session: Session, bucket: str, key: str, value: str, revision: int) -> None:
    """Write, echo."""
    require_key(key)

    async def update(opened: Bucket) -> int:
        try:
            return await opened.update(key, value.encode(), revision)
        except JetStreamError as error:
            if error.err_code not in WRONG_LAST:
                raise
            raise CommandError(
                f"nats: {api_error(error, ': nats: key revision mismatch')}"
            ) from None

    on_bucket(session, bucket, update)
    session.streams.out(value)
