"""`nats object get`: write an object to a file.

The file appears as a whole or not at all.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from isthmus.base.nuid import make_nuid
from isthmus.base.values import NS_PER_S, Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, byte_count
from isthmus.cli.nats.object_store import ObjectStore, on_store
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import OsEntropy

_AVERAGE_FROM_NS = 2 * NS_PER_S


class Options(Value):
    """What to get, and where to."""

    bucket: str
    file: str
    output: str = ""
    force: bool = False
    no_progress: bool = False


@verb("get", help="Write an object to a file.")
@click.argument("bucket")
@click.argument("file")
@click.option("-O", "--output", default="", metavar="FILE", help="Where to (the object's name)")
@click.option("-f", "--force", is_flag=True, help="Replace without asking")
@click.option("--no-progress", is_flag=True, help="Show no progress (none is shown)")
def command(session: Session, **given: Any) -> None:
    """Ask if it replaces a file, read, write."""
    options = Options(**given)
    path = Path(options.output or Path(options.file).name).absolute()
    replaces = path.exists() and not options.force

    async def get(store: ObjectStore) -> str:
        found = await store.get(options.file)
        if replaces and not session.confirm(f"Replace existing target file {path}"):
            return ""
        began_ns = time.monotonic_ns()
        with _target(path) as target:
            await store.read(found.info, target)
        took_ns = time.monotonic_ns() - began_ns
        size = found.info.size
        rate = byte_count(size * NS_PER_S // took_ns)
        average = f" average {rate}/s" if took_ns > _AVERAGE_FROM_NS else ""
        return f"Wrote: {byte_count(size)} to {path} in {age(took_ns)}{average}"

    done = on_store(session, options.bucket, get)
    if done:
        session.streams.out(done)


@contextlib.contextmanager
def _target(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` if all goes well."""
    beside = path.with_name(f".{path.name}.{make_nuid(OsEntropy())}")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise CommandError(f"open {path}: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
