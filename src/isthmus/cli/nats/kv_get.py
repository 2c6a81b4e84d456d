"""`nats kv get`: show a value."""

import click

from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.formats import count, local_time
from isthmus.cli.nats.kv_bucket import on_bucket, require_key
from isthmus.cli.nats.session import Session

_SHOWN_MAX = 120


@verb("get", help="Show a value.")
@click.argument("bucket")
@click.argument("key")
@click.option("--revision", type=NATURAL, default=0, help="The value at this revision")
@click.option("--raw", is_flag=True, help="Show the value alone")
def command(session: Session, bucket: str, key: str, revision: int, raw: bool) -> None:
    """Read, show."""
    require_key(key)
    entry = on_bucket(session, bucket, lambda opened: opened.get(key, revision))
    streams = session.streams
    if raw:
        streams.out_bytes(entry.value)
        return
    created = local_time(entry.created_ns)
    streams.out(f"{bucket} > {key} revision: {entry.revision} created @ {created}\n")
    if len(entry.value) > _SHOWN_MAX:
        streams.out(
            f"Showing first {_SHOWN_MAX} bytes of {count(len(entry.value))}, "
            "use --raw for full data\n"
        )
    streams.out_bytes(entry.value[:_SHOWN_MAX])
    streams.out("\n")
