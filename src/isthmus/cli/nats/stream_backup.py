"""`nats stream backup`: write an archive of a stream into a folder."""

from pathlib import Path
from typing import Any

import click

from isthmus.base.values import Value, parse_size
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.archive_files import Moved, SnapshotRequest, backup
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, byte_count
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream


class Options(Value):
    """Which stream, where to, and how."""

    stream: str
    target: str
    check: bool = False
    consumers: bool = True
    chunk_size: int = 0
    window_size: int = 0


@verb("backup", help="Write an archive of a stream into a folder.", refused="-a --all")
@click.argument("stream")
@click.argument("target")
@click.option("--progress/--no-progress", default=True, help="Say how far it is (it is not said)")
@click.option("--check", is_flag=True, help="Give up where something is damaged")
@click.option("--consumers/--no-consumers", default=True, help="Consumers, too")
@click.option("--chunk-size", help="Bytes in one message")
@click.option("--window-size", help="Bytes that may be under way")
def command(session: Session, progress: bool, **given: Any) -> None:
    """Ask, write, say how much."""
    for name in ("chunk_size", "window_size"):
        given[name] = _size(name.replace("_", "-"), given[name])
    options = Options(**given)
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> Moved:
    """The whole verb; `account backup` shares it."""
    api = JetStreamApi(client)
    info = await find_stream(api, options.stream)
    return await save(api, info, Path(options.target), options, session)


async def save(
    api: JetStreamApi, info: StreamInfo, folder: Path, options: Options, session: Session
) -> Moved:
    """An archive of one stream, and two lines about it."""
    name = info.config.name
    session.streams.out(f'Starting backup of Stream "{name}" with {byte_count(info.state.bytes)}')
    request = SnapshotRequest(
        no_consumers=not options.consumers,
        jsck=options.check,
        chunk_size=options.chunk_size,
        window_size=options.window_size,
    )
    moved = await backup(api, name, folder, request)
    session.streams.out(
        f"\nReceived {byte_count(moved.received)} compressed data in {moved.chunks} chunks for "
        f'stream "{name}" in {age(moved.took_ns)}, {byte_count(moved.uncompressed)} uncompressed '
    )
    return moved


def _size(flag: str, text: str | None) -> int:
    if text is None:
        return 0
    try:
        return parse_size(text)
    except ValueError as error:
        raise click.UsageError(f"--{flag}: {error}") from None
