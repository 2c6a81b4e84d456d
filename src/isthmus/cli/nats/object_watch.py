"""`nats object watch`: show a bucket's changes as they come."""

import contextlib

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count, count, local_time
from isthmus.cli.nats.object_store import ObjectStore, on_store
from isthmus.cli.nats.session import Session


@verb("watch", help="Show the objects of a bucket, then each change as it comes.")
@click.argument("bucket")
def command(session: Session, bucket: str) -> None:
    """Watch until Ctrl-C."""

    async def watch(store: ObjectStore) -> None:
        async with contextlib.aclosing(store.watch()) as changes:
            async for found in changes:
                info = found.info
                moment = f"[{local_time(found.written_ns)}]"
                if info.deleted:
                    session.streams.out(f"{moment} DEL {bucket} > {info.name}")
                else:
                    size = f"{byte_count(info.size)} bytes in {count(info.chunks)} chunks"
                    session.streams.out(f"{moment} PUT {bucket} > {info.name}: {size}")
                session.streams.flush()

    on_store(session, bucket, watch)
