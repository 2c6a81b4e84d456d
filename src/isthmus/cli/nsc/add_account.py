"""nsc add account: a new tenant."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import permissions
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account, new_key
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.permissions import PermissionFlags, permission_flags, split_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import moment_flags, with_moments
from isthmus.cli.nsc.signers import load_key
from isthmus.cli.nsc.store import Store
from isthmus.identity import nkeys
from isthmus.identity.claims import Permissions, make_account
from isthmus.identity.nkeys import Kind


class Options(Value):
    """What was asked for."""

    name: str
    public_key: str = ""
    start: str | None = None
    expiry: str | None = None
    permissions: PermissionFlags = PermissionFlags()


@click.command("account", cls=NscCommand, help="Add an account and select it.")
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="account name")
@flag("-k", "--public-key", help="the account's key: public key, key file or seed", default="")
@moment_flags
@permission_flags(editing=False)
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    flags, rest = split_flags(values)
    rest["name"] = rest["name"] or argument or ""
    invocation.change(run, Options(**rest, permissions=flags))


def run(options: Options, store: Store) -> Report:
    """Decide on the account's files."""
    report = Report()
    name = require_name(options.name, "account name is required")
    if name.lower() in {known.lower() for known in store.accounts()}:
        raise CommandError(f"the account {quote(name)} already exists")
    granted = permissions.apply(options.permissions, Permissions(), report)
    key = _key(options.public_key, store, report)
    claims = with_moments(
        make_account(key, name), options.start, options.expiry, store.surroundings
    )
    body = msgspec.structs.replace(claims.nats, default_permissions=granted)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    store.select(operator=store.operator_name, account=name)
    report.ok(f"added account {quote(name)}")
    return report


def _key(text: str, store: Store, report: Report) -> str:
    if not text:
        pair = new_key(store, Kind.ACCOUNT)
        report.ok(f"generated and stored account key {quote(pair.public_key)}")
        return pair.public_key
    if nkeys.is_public(text, Kind.ACCOUNT):
        return text
    if nkeys.kind_of(text) is not None:
        raise CommandError("specified key is not a valid account nkey")
    pair = load_key(store, text, Kind.ACCOUNT)
    store.keys.put(pair)
    return pair.public_key
