"""nsc list keys: which keys the operator, its accounts and users have, and whose seed is here."""

import base64
from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import switch
from isthmus.cli.nsc.forms import list_flags
from isthmus.cli.nsc.key_query import Key, KeyFlags, find_keys, key_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import ascii_table
from isthmus.identity.nkeys import is_seed

_CURVE_NOTE = "[ T ] auth callout encryption target"
_UNKNOWN_NOTE = "[?] unreferenced key - may belong to a different operator context"
_NOT_STORED, _NO_SEED = "[!]", "[ERR]"


class Options(Value):
    """What was asked for."""

    keys: KeyFlags = KeyFlags()
    show_seeds: bool = False
    json: bool = False


class JsonKey(Value, omit_defaults=True):
    """One key, key for key as the original prints it."""

    name: str
    pub: str
    parent: str = ""
    signing: bool = msgspec.field(default_factory=bool)  # these three are always written
    curve: bool = msgspec.field(default_factory=bool)
    key_path: str = ""
    invalid: bool = msgspec.field(default_factory=bool)
    jwt: str = ""  # base64 of the token
    expected_kind: str = ""
    seed: str = ""


@click.command(
    "keys",
    cls=NscCommand,
    help="List keys of the operator, its accounts and users.",
    params=list_flags(),
)
@key_flags(curve="-x, --curve")
@switch("-S", "--show-seeds", help="show the seeds: whoever sees one has the key")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    names = set(KeyFlags.__struct_fields__)
    flags = KeyFlags(**{name: value for name, value in given.items() if name in names})
    rest = {name: value for name, value in given.items() if name not in names}
    invocation.show(run, Options(keys=flags, **rest))


def run(options: Options, store: Store) -> Report:
    """The keys that were asked for."""
    keys = find_keys(options.keys, store)
    report = Report()
    if options.json:
        rows = [_json_key(key, store, seeds=options.show_seeds) for key in keys]
        report.body = msgspec.json.format(msgspec.json.encode(rows), indent=1).decode() + "\n"
        return report
    if not keys:
        report.body = "no keys matched query\n"
        return report
    notes = [_CURVE_NOTE]
    if options.keys.not_referenced:
        notes.insert(0, _UNKNOWN_NOTE)
    if options.show_seeds:
        notes[:0] = ["[ ! ] seed is not stored", f"{_NO_SEED} error reading seed"]
    table = _seed_table(keys, store) if options.show_seeds else _table(keys)
    report.body = "\n".join([table, *notes, "", ""])
    return report


def _table(keys: list[Key]) -> str:
    headers = ["Entity", "Key", "Signing Key", "Stored"]
    rows = [(_name(key), key.key, _mark(key), "*" if key.stored else "") for key in keys]
    return ascii_table("Keys", headers, rows)


def _seed_table(keys: list[Key], store: Store) -> str:
    headers = ["Entity", "Private Key", "Signing Key"]
    rows = [(_name(key), _seed(key, store), _mark(key)) for key in keys]
    return ascii_table("Seeds Keys", headers, rows)


def _seed(key: Key, store: Store) -> str:
    seed = store.keys.seed(key.key)
    if not seed:
        return f"{key.key} {_NOT_STORED}"
    return seed if is_seed(seed) else f"{key.key} {_NO_SEED}"


def _name(key: Key) -> str:
    return " " * key.depth + key.name


def _mark(key: Key) -> str:
    return "T" if key.curve else "*" if key.signing else ""


def _json_key(key: Key, store: Store, *, seeds: bool) -> JsonKey:
    return JsonKey(
        name=key.name,
        pub=key.key,
        parent=key.owner,
        signing=key.signing,
        curve=key.curve,
        key_path=str(store.keys.key_path(key.key)) if key.stored else "",
        jwt=base64.b64encode(key.token.encode()).decode(),
        expected_kind="curve" if key.curve else key.kind.title,
        seed=store.keys.seed(key.key) if seeds else "",
    )
