"""`nats kv put`: write a value.

Owns where the value comes from, which `kv create` shares.
"""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_bucket import on_bucket, require_key
from isthmus.cli.nats.session import Session


@verb("put", help="Write a value; without one it is read from the input.")
@click.argument("bucket")
@click.argument("key")
@click.argument("value", required=False)
def command(session: Session, bucket: str, key: str, value: str | None) -> None:
    """Read, write, echo."""
    require_key(key)
    data = value_of(session, value)
    on_bucket(session, bucket, lambda opened: opened.put(key, data))
    session.streams.out(value or "")


def value_of(session: Session, value: str | None) -> bytes:
    """The value that was given, or else the input, unless a person sits there."""
    if value or session.streams.stdin.isatty():
        return (value or "").encode()
    return session.streams.read_bytes()
