"""`nats account restore`: make streams of the archives that `account backup` wrote."""

from pathlib import Path
from typing import Any

import click

from isthmus.cli.groups import CommandError
from isthmus.cli.nats import stream_restore
from isthmus.cli.nats.archive_files import REQUEST_FILE, read_request
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


@verb("restore", help="Make streams of the archives in a folder.")
@click.argument("directory")
@click.option("--cluster", help="Where to place them")
@click.option("--tag", multiple=True, help="Where to place them, by tags")
def command(session: Session, directory: str, **given: Any) -> None:
    """Read all, then send them, one after the other."""
    folders = found(Path(directory))
    options = stream_restore.Options(file=directory, **given)
    requests = [
        (folder, stream_restore.changed(read_request(folder), options, session))
        for folder in folders
    ]

    async def run(client: Client) -> None:
        for folder, request in requests:
            await stream_restore.run(folder, request, session, client)

    session.connected(run)


def found(directory: Path) -> list[Path]:
    """The folders of archives, by name."""
    try:
        folders = sorted(one for one in directory.iterdir() if (one / REQUEST_FILE).is_file())
    except OSError as error:
        raise CommandError(f"{directory}: {error.strerror}") from None
    if not folders:
        raise CommandError(f"no backups found in {directory}")
    return folders
