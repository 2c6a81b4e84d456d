"""`nats stream restore`: make a stream of the archive in a folder."""

from pathlib import Path
from typing import Any

import click
import msgspec

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import STREAM_NOT_FOUND, JetStreamApi, saying
from isthmus.cli.nats.archive_files import RestoreRequest, read_request, restore
from isthmus.cli.nats.config_files import load_config, split_list
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age
from isthmus.cli.nats.records import Placement, StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_layout import stream_view


class Options(Value):
    """Where from, and what is to be different."""

    file: str
    config: str | None = None
    cluster: str | None = None
    tag: tuple[str, ...] = ()
    replicas: int | None = None


@verb("restore", help="Make a stream of the archive in a folder.", refused="-a --all")
@click.argument("file")
@click.option("--progress/--no-progress", default=True, help="Say how far it is (it is not said)")
@click.option("--config", help="A file with another configuration, of the same name")
@click.option("--cluster", help="Where to place it")
@click.option("--tag", multiple=True, help="Where to place it, by tags")
@click.option("--replicas", type=int, help="How many copies a cluster keeps")
def command(session: Session, progress: bool, **given: Any) -> None:
    """Read, send, show."""
    options = Options(**given)
    request = changed(read_request(Path(options.file)), options, session)
    info = session.connected(lambda client: run(Path(options.file), request, session, client))
    session.streams.out()
    session.streams.out(stream_view(info))


def changed(request: RestoreRequest, options: Options, session: Session) -> RestoreRequest:
    """What was written about the stream, as this run wants it."""
    config = request.config
    if options.config is not None:
        config = load_config(options.config, StreamConfig, session.log)
        if config.name != request.config.name:
            raise CommandError(
                f'stream names may not be changed during restore: "{config.name}" for '
                f'"{request.config.name}"'
            )
    if options.replicas is not None:
        config = msgspec.structs.replace(config, num_replicas=options.replicas)
    if options.cluster is not None or options.tag:
        placement = Placement(cluster=options.cluster or "", tags=split_list(options.tag))
        config = msgspec.structs.replace(config, placement=placement)
    return msgspec.structs.replace(request, config=config)


async def run(
    folder: Path, request: RestoreRequest, session: Session, client: Client
) -> StreamInfo:
    """The stream; `account restore` shares it."""
    api = JetStreamApi(client)
    name = request.config.name
    await _require_absent(api, name)
    session.streams.out(f'Starting restore of Stream "{name}" from file "{folder}"\n')
    started_ns = session.wall_ns()
    with saying("restore failed: "):
        info = await restore(api, folder, request)
    took = age(max(session.wall_ns() - started_ns, 0))
    session.streams.out(f'Restored stream "{name}" in {took}')
    return info


async def _require_absent(api: JetStreamApi, name: str) -> None:
    try:
        await api.call(f"STREAM.INFO.{name}", StreamInfo)
    except JetStreamError as error:
        if error.err_code != STREAM_NOT_FOUND:
            raise
        return
    raise CommandError(f'Stream "{name}" already exist')
