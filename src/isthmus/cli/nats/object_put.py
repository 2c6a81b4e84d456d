"""`nats object put`: store a file, or the input, as an object."""

import contextlib
import io
from typing import Any, BinaryIO

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bodies import parse_header_flags
from isthmus.cli.nats.flags import EXISTING_FILE, WholeType, verb
from isthmus.cli.nats.object_store import (
    CHUNK_SIZE,
    Described,
    ObjectInfo,
    ObjectOptions,
    ObjectStore,
    on_store,
)
from isthmus.cli.nats.object_view import object_view
from isthmus.cli.nats.session import Session

_CHUNK_MAX = 64 * 1024 * 1024


class Options(Value):
    """What to store, and how it is called."""

    bucket: str
    file: str | None = None
    name: str = ""
    description: str = ""
    header: tuple[str, ...] = ()
    chunk_size: int = CHUNK_SIZE
    force: bool = False
    no_progress: bool = False


@verb("put", help="Store a file as an object; without one, the input.")
@click.argument("bucket")
@click.argument("file", required=False, type=EXISTING_FILE)
@click.option("--name", default="", metavar="NAME", help="Name of the object (the file's path)")
@click.option("--description", default="", metavar="TEXT", help="A line about it")
@click.option("-H", "--header", multiple=True, metavar="K:V", help="Add a header")
@click.option(
    "--chunk-size", type=WholeType(1, _CHUNK_MAX), default=CHUNK_SIZE, help="Bytes of a chunk"
)
@click.option("-f", "--force", is_flag=True, help="Replace without asking")
@click.option("--no-progress", is_flag=True, help="Show no progress (none is shown)")
def command(session: Session, **given: Any) -> None:
    """Ask if it replaces one, store, show."""
    options = Options(**given)
    if options.file is None and not options.name:
        raise CommandError("--name is required when reading from stdin")
    headers = parse_header_flags(options.header) or {}
    info = ObjectInfo(
        name=options.name or options.file or "",
        description=options.description,
        headers={key: [value] for key, value in headers.items()},
        options=ObjectOptions(max_chunk_size=options.chunk_size),
    )

    async def put(store: ObjectStore) -> Described | None:
        if not options.force:
            before = await store.find(info.name)
            if before is not None:
                session.streams.out(object_view(options.bucket, before) + "\n")
                question = f"Replace existing file {options.bucket} > {info.name}"
                if not session.confirm(question):
                    return None
        with _source(session, options.file) as source:
            return await store.put(info, source)

    found = on_store(session, options.bucket, put)
    if found is not None:
        session.streams.out("\n" + object_view(options.bucket, found))


def _source(session: Session, path: str | None) -> contextlib.AbstractContextManager[BinaryIO]:
    if path is None:
        return io.BytesIO(session.streams.read_bytes())
    try:
        return open(path, "rb")  # noqa: PTH123 — the caller closes it
    except OSError as error:
        raise CommandError(f"open {path}: {error.strerror}") from None
