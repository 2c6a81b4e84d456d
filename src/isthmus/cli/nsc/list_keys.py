"""nsc list keys: which keys the operator, its accounts and users have, and whose seed is here."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.forms import list_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import ascii_table


class Options(Value):
    """What was asked for. With no kind named, all kinds of the current account are meant."""

    operator: bool = False
    accounts: bool = False
    users: bool = False
    all: bool = False
    account: str = ""
    user: str = ""
    filter: str = ""
    json: bool = False


class Key(Value):
    """One line of the list."""

    name: str
    depth: int
    key: str
    signing: bool
    stored: bool


@click.command(
    "keys",
    cls=NscCommand,
    help="List keys of the operator, its accounts and users.",
    params=list_flags(),
    unavailable=("-x, --curve!", "--not-referenced!", "-S, --show-seeds!"),
)
@switch("-o", "--operator", help="the operator's keys")
@switch("-a", "--accounts", help="the accounts' keys")
@switch("-u", "--users", help="the users' keys")
@switch("-A", "--all", help="all of them, of all accounts")
@flag("--account", help="only this account")
@flag("--user", help="only this user")
@flag("-f", "--filter", help="only keys that contain this text")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """The keys that were asked for."""
    if not store.context.operator:
        raise CommandError("operator is not set -- set an operator first")
    every = not (options.operator or options.accounts or options.users)
    names = store.accounts()
    if options.account or (not options.all and store.context.account):
        names = [store.account_name(options.account)]
    keys: list[Key] = []
    if options.all or options.operator or every:
        keys += _operator_keys(store)
    for name in names:
        if options.all or options.accounts or every:
            keys += _account_keys(store, name)
        if options.all or options.users or every:
            keys += _user_keys(store, name, options.user)
    shown = [key for key in keys if options.filter.upper() in key.key]
    return _report(shown, json=options.json)


def _operator_keys(store: Store) -> list[Key]:
    claims = store.operator()
    return [
        _key(store, claims.name, 0, key, key != claims.subject)
        for key in (claims.subject, *claims.nats.signing_keys)
    ]


def _account_keys(store: Store, name: str) -> list[Key]:
    claims = store.account(name)
    return [
        _key(store, name, 1, key, key != claims.subject)
        for key in (claims.subject, *sorted(claims.nats.scopes))
    ]


def _user_keys(store: Store, account: str, only: str) -> list[Key]:
    return [
        _key(store, name, 2, store.user(account, name).subject, False)
        for name in store.users(account)
        if only in {"", name}
    ]


def _key(store: Store, name: str, depth: int, key: str, signing: bool) -> Key:
    return Key(name=name, depth=depth, key=key, signing=signing, stored=store.keys.has(key))


def _report(keys: list[Key], *, json: bool) -> Report:
    report = Report()
    if json:
        rows = [
            {"name": key.name, "public_key": key.key, "signing": key.signing, "stored": key.stored}
            for key in keys
        ]
        report.body = msgspec.json.format(msgspec.json.encode(rows), indent=1).decode() + "\n"
        return report
    if not keys:
        raise CommandError("no keys matched query")
    table = ascii_table(
        "Keys",
        ["Entity", "Key", "Signing Key", "Stored"],
        [
            (
                " " * key.depth + key.name,
                key.key,
                "*" if key.signing else "",
                "*" if key.stored else "",
            )
            for key in keys
        ],
    )
    report.body = f"{table}\n[ T ] auth callout encryption target\n\n"
    return report
