"""nsc export keys: copy seeds out of the keystore, or move them."""

from pathlib import Path
from typing import Any

import click

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.key_query import Key, KeyFlags, find_keys, key_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    dir: str = ""
    keys: KeyFlags = KeyFlags()
    force: bool = False
    remove: bool = False
    include_jwts: bool = False


@click.command(
    "keys",
    cls=NscCommand,
    help="Copy keys out of the keystore into a folder, one file for each.",
    unavailable=("--curve",),
)
@flag("-d", "--dir", help="folder to write to")
@key_flags(curve="--curves")
@switch("-F", "--force", help="overwrite files")
@switch("-R", "--remove", help="remove the keys from the keystore: they are moved")
@switch("--include-jwts", help="write the tokens of the keys, too")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    names = set(KeyFlags.__struct_fields__)
    flags = KeyFlags(**{name: value for name, value in given.items() if name in names})
    rest = {name: value for name, value in given.items() if name not in names}
    invocation.change(run, Options(keys=flags, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the copies, and on what leaves the keystore."""
    if not options.dir:
        raise CommandError('required flag(s) "dir" not set', exit_code=MISUSED)
    report = Report(with_summary=True)
    keys = find_keys(options.keys, store)
    if not keys:
        raise CommandError("no keys found to export")
    folder = store.path(options.dir)
    for key in keys:
        _export_key(key, folder, options, store, report)
    for key in keys if options.include_jwts else ():
        if key.token:
            _put(folder / f"{key.key}.jwt", key.token, options, store)
            shown = f"{key.key}.jwt ({key.name})"
            report.ok(f"exported {quote(shown)}")
    return report


def _export_key(key: Key, folder: Path, options: Options, store: Store, report: Report) -> None:
    seed = store.keys.seed(key.key)
    if not seed:
        report.warn(f"skipped {quote(key.key)} - no seed available")
        return
    _put(folder / f"{key.key}.nk", seed, options, store)
    if options.remove:
        store.keys.remove(key.key)
    report.ok(f"{'moved' if options.remove else 'exported'} {quote(key.key)}")


def _put(path: Path, content: str, options: Options, store: Store) -> None:
    if path.exists() and not options.force:
        raise CommandError(f"{back_quote(str(path))} already exists - specify --force to overwrite")
    store.transaction.put(path, content.encode())
