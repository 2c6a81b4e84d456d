"""nsc import keys: take seeds into the keystore."""

from pathlib import Path
from typing import Any

import click

from isthmus.base.quoting import back_quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.keystore import AnyKeyPair, parse_seed
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity.nkeys import NkeyError

_FILE_BYTES_MAX = 4096  # a seed has 58


class Options(Value):
    """What was asked for."""

    dir: str = ""
    recurse: bool = False


@click.command(
    "keys", cls=NscCommand, help="Take all key files (.nk) of a folder into the keystore."
)
@flag("-d", "--dir", help="folder to read", default="")
@switch("-R", "--recurse", help="the folders in it, too", default=False)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the keystore. A file that holds no seed stops everything."""
    if not options.dir:
        raise CommandError('required flag(s) "dir" not set', exit_code=MISUSED)
    folder = store.path(options.dir)
    if not folder.is_dir():
        raise CommandError(f"stat {folder}: no such file or directory")
    files = sorted(folder.rglob("*.nk") if options.recurse else folder.glob("*.nk"))
    if not files:
        raise CommandError("no nkey (.nk) files found")
    pairs = {pair.public_key: pair for pair in map(_read, files)}
    report = Report(with_summary=True)
    for key, pair in sorted(pairs.items()):
        store.keys.put(pair)
        report.ok(f"{key} was added to the keystore")
    return report


def _read(path: Path) -> AnyKeyPair:
    with path.open("rb") as file:
        content = file.read(_FILE_BYTES_MAX)
    try:
        return parse_seed(content.decode("ascii", "replace").strip())
    except NkeyError:
        raise CommandError(f"{back_quote(str(path))} holds no seed") from None
