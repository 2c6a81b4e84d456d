"""`nats account backup`: write archives of all streams into a folder, one folder each."""

from pathlib import Path
from typing import Any

import click

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats import stream_backup, stream_ls
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count, count
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session


class Options(Value):
    """Where to, and how."""

    target: str
    check: bool = False
    consumers: bool = True
    force: bool = False
    critical_warnings: bool = False


@verb("backup", help="Write archives of all streams into a folder.")
@click.argument("target")
@click.option("--check", is_flag=True, help="Give up on a stream where something is damaged")
@click.option("--consumers/--no-consumers", default=True, help="Consumers, too")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("-w", "--critical-warnings", is_flag=True, help="End at the first that fails")
def command(session: Session, **given: Any) -> None:
    """List, ask, write."""
    options = Options(**given)
    failed = session.connected(lambda client: run(options, session, client))
    if failed:
        session.streams.out("\nBackup failures: ")
        for name, problem in failed.items():
            session.streams.out(f"  {name}: {problem}")
        raise CommandError("backup failed")


async def run(options: Options, session: Session, client: Client) -> dict[str, str]:
    """What failed, by stream."""
    infos = await stream_ls.run(stream_ls.Options(every=True), client)
    if not infos:
        raise CommandError("no streams found")
    _summary(infos, session)
    if not options.force and not session.confirm("Perform backup"):
        return {}
    how = stream_backup.Options(
        stream="", target="", check=options.check, consumers=options.consumers
    )
    failed: dict[str, str] = {}
    for info in infos:
        folder = Path(options.target) / info.config.name
        try:
            await stream_backup.save(JetStreamApi(client), info, folder, how, session)
        except (CommandError, JetStreamError) as error:
            failed[info.config.name] = str(error)
            if options.critical_warnings:
                break
    return failed


def _summary(infos: list[StreamInfo], session: Session) -> None:
    session.streams.out("Performing backup of all streams:\n")
    session.streams.out(f"     Streams: {count(len(infos))}")
    session.streams.out(f"        Size: {byte_count(sum(one.state.bytes for one in infos))}")
    session.streams.out(f"   Consumers: {count(sum(one.state.consumer_count for one in infos))}\n")
