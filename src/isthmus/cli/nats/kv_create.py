"""`nats kv create`: write a value if the key has none."""

import click

from isthmus.base.errors import JetStreamError
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bucket_api import api_error
from isthmus.cli.nats.flags import DURATION, verb
from isthmus.cli.nats.kv_bucket import WRONG_LAST, Bucket, on_bucket, require_key
from isthmus.cli.nats.kv_put import value_of
from isthmus.cli.nats.session import Session


@verb("create", help="Write a value if the key has none.")
@click.argument("bucket")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--ttl", type=DURATION, default=0, help="Remove it after so long")
def command(session: Session, bucket: str, key: str, value: str | None, ttl: int) -> None:
    """Read, write, echo."""
    require_key(key)
    data = value_of(session, value)

    async def create(opened: Bucket) -> int:
        try:
            return await opened.create(key, data, ttl)
        except JetStreamError as error:
            if error.err_code not in WRONG_LAST:
                raise
            raise CommandError(f"nats: {api_error(error, ': key exists')}") from None

    on_bucket(session, bucket, create)
    session.streams.out(value or "")
