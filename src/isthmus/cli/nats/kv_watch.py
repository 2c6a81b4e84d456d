"""`nats kv watch`: show a bucket's changes as they come."""

import contextlib
from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.formats import local_time
from isthmus.cli.nats.kv_bucket import Bucket, Entry, on_bucket, require_key
from isthmus.cli.nats.records import ConsumerConfig
from isthmus.cli.nats.session import Session


class Options(Value):
    """What to watch, and where to begin."""

    bucket: str
    key: str = ">"
    history: bool = False
    deletes: bool = True
    updates: bool = False
    revision: int = 0


@verb("watch", help="Show the values of a bucket, then each change as it comes.")
@click.argument("bucket")
@click.argument("key", required=False, default=">")
@click.option("--history", is_flag=True, help="Begin with all revisions that are kept")
@click.option("--deletes/--no-deletes", default=True, help="Show what is deleted (the default)")
@click.option("--updates", is_flag=True, help="Begin with the next change")
@click.option("--revision", type=NATURAL, default=0, help="Begin with this revision")
def command(session: Session, **given: Any) -> None:
    """Watch until Ctrl-C."""
    options = Options(**given)
    require_key(options.key, pattern=True)
    if options.history + options.updates + bool(options.revision) > 1:
        raise click.UsageError("--history, --updates and --revision exclude each other")

    async def watch(opened: Bucket) -> None:
        async with contextlib.aclosing(opened.watch(options.key, _start(options))) as changes:
            async for entry in changes:
                if options.deletes or not entry.deleted:
                    _show(session, options.bucket, entry)

    on_bucket(session, options.bucket, watch)


def _start(options: Options) -> ConsumerConfig:
    if options.history:
        return ConsumerConfig(deliver_policy="all")
    if options.updates:
        return ConsumerConfig(deliver_policy="new")
    if options.revision:
        return ConsumerConfig(deliver_policy="by_start_sequence", opt_start_seq=options.revision)
    return ConsumerConfig(deliver_policy="last_per_subject")


def _show(session: Session, bucket: str, entry: Entry) -> None:
    streams = session.streams
    what = f"[{local_time(entry.created_ns)}] {entry.operation} {bucket} > {entry.key}"
    if entry.deleted:
        streams.out(what)
    else:
        streams.stdout.write(f"{what}: ")
        streams.out_bytes(entry.value)
        streams.out()
    streams.flush()
