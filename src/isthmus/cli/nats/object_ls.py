"""`nats object ls`: list the object buckets, or the objects in one."""

import click

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count, local_time, since
from isthmus.cli.nats.kv_ls import list_buckets
from isthmus.cli.nats.object_store import STREAM_PREFIX, Described, on_store
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.tables import rounded_table


@verb("ls", help="List the buckets, or the objects in one.")
@click.argument("bucket", required=False)
@click.option("-n", "--names", is_flag=True, help="Show names alone")
def command(session: Session, bucket: str | None, names: bool) -> None:
    """Read, show."""
    if bucket is None:
        infos = session.connected(lambda client: list_buckets(client, STREAM_PREFIX), setup="")
        _show_buckets(session, infos, names=names)
        return
    found = on_store(session, bucket, lambda store: store.objects())
    _show_objects(session, found, names=names)


def _show_buckets(session: Session, infos: list[StreamInfo], *, names: bool) -> None:
    streams, now = session.streams, session.wall_ns()
    if names:
        for name in sorted(info.config.name.removeprefix(STREAM_PREFIX) for info in infos):
            streams.out(name)
        return
    if not infos:
        streams.out("No Object Store buckets found")
        return
    rows = [
        (
            info.config.name.removeprefix(STREAM_PREFIX),
            info.config.description,
            local_time(info.created),
            byte_count(info.state.bytes),
            since(info.state.last_ts, now),
        )
        for info in infos
    ]
    headers = ("Bucket", "Description", "Created", "Size", "Last Update")
    streams.out(rounded_table("Object Store Buckets", headers, rows) + "\n")


def _show_objects(session: Session, found: list[Described], *, names: bool) -> None:
    streams = session.streams
    if names:
        for one in found:
            streams.out(one.info.name)
        return
    if not found:
        streams.out("No entries found")
        return
    rows = [(one.info.name, byte_count(one.info.size), local_time(one.written_ns)) for one in found]
    streams.out(rounded_table("Bucket Contents", ("Name", "Size", "Time"), rows) + "\n")
