"""nsc list users."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import list_flags
from isthmus.cli.nsc.listing import Entry, list_report
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    operator: str = ""
    account: str = ""
    json: bool = False


@click.command("users", cls=NscCommand, help="List an account's users.", params=list_flags())
@flag("-o", "--operator", help="operator name", default="")
@account_flag
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    values["json"] = bool(values["json"])
    invocation.show(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Every user of the account."""
    if options.operator:
        store.require_operator(options.operator)
        if options.operator != store.context.operator:
            store.look_at(options.operator)
    if not store.context.operator:
        raise CommandError("no operator set - `nsc env --operator <name>`")
    if not options.account and not store.context.account:
        raise CommandError("no account set - `nsc env --account <name>`")
    account = store.account_name(options.account)
    entries = [
        Entry(name=name, public_key=store.user(account, name).subject)
        for name in store.users(account)
    ]
    return list_report("Users", entries, "", json=options.json)
