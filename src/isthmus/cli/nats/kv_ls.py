"""`nats kv ls`: list the buckets, or the keys of one."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count, count, local_time, since
from isthmus.cli.nats.kv_bucket import STREAM_PREFIX, Entry, on_bucket, require_key
from isthmus.cli.nats.kv_view import short_value
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_ls import read_pages
from isthmus.cli.tables import rounded_table


class Options(Value):
    """Of which bucket, and how to show it."""

    bucket: str | None = None
    key: str = ">"
    names: bool = False
    verbose: bool = False
    display_value: bool = False


@verb("ls", help="List the buckets, or the keys of one.")
@click.argument("bucket", required=False)
@click.argument("key", required=False, default=">")
@click.option("-n", "--names", is_flag=True, help="Show names alone")
@click.option("-v", "--verbose", is_flag=True, help="Show more of each key")
@click.option("--display-value", is_flag=True, help="Show values too, with --verbose")
def command(session: Session, **given: Any) -> None:
    """Read, show."""
    options = Options(**given)
    if options.bucket is None:
        infos = session.connected(lambda client: list_buckets(client, STREAM_PREFIX), setup="")
        _show_buckets(options, session, infos)
        return
    require_key(options.key, pattern=True)
    bodies = options.verbose and options.display_value
    try:
        entries = on_bucket(
            session,
            options.bucket,
            lambda opened: opened.entries(options.key, headers_only=not bodies),
        )
    except CommandError as error:
        raise CommandError(f"unable to load bucket: {error}", hint=error.hint) from None
    _show_keys(options, session, [entry for entry in entries if not entry.deleted])


async def list_buckets(client: Client, prefix: str) -> list[StreamInfo]:
    """The streams that are buckets of a kind, by bytes and then name."""
    found = await read_pages(JetStreamApi(client), "STREAM.LIST", "streams")
    infos = [msgspec.convert(entry, StreamInfo) for entry in found]
    buckets = [info for info in infos if info.config.name.startswith(prefix)]
    return sorted(buckets, key=lambda info: (info.state.bytes, info.config.name))


def _show_buckets(options: Options, session: Session, infos: list[StreamInfo]) -> None:
    streams = session.streams
    names = sorted(info.config.name.removeprefix(STREAM_PREFIX) for info in infos)
    if options.names:
        for name in names:
            streams.out(name)
        return
    if not infos:
        streams.out("No Key-Value buckets found")
        return
    now = session.wall_ns()
    rows = [
        (
            info.config.name.removeprefix(STREAM_PREFIX),
            info.config.description,
            local_time(info.created),
            byte_count(info.state.bytes),
            count(info.state.messages),
            since(info.state.last_ts, now),
        )
        for info in infos
    ]
    headers = ("Bucket", "Description", "Created", "Size", "Values", "Last Update")
    streams.out(rounded_table("Key-Value Buckets", headers, rows) + "\n")


def _show_keys(options: Options, session: Session, entries: list[Entry]) -> None:
    streams = session.streams
    if not entries:
        streams.out("No keys found in bucket")
        return
    if not options.verbose:
        for entry in entries:
            streams.out(entry.key)
        return
    headers = ["Key", "Created", "Delta", "Revision"]
    rows: list[tuple[str | int, ...]] = [
        (entry.key, local_time(entry.created_ns), entry.delta, entry.revision) for entry in entries
    ]
    if options.display_value:
        headers.append("Value")
        values = (short_value(entry.value) for entry in entries)
        rows = [(*row, value) for row, value in zip(rows, values, strict=True)]
    title = f"Contents for bucket '{options.bucket}'"
    streams.out(rounded_table(title, headers, rows) + "\n")
