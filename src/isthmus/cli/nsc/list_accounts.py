"""nsc list accounts."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import list_flags
from isthmus.cli.nsc.listing import Entry, list_report
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    operator: str = ""
    json: bool = False


@click.command("accounts", cls=NscCommand, help="List accounts.", params=list_flags())
@flag("-o", "--operator", help="operator name", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.show(run, Options(operator=values["operator"], json=bool(values["json"])))


def run(options: Options, store: Store) -> Report:
    """Every account of the operator."""
    current = store.context.account
    if options.operator:
        store.require_operator(options.operator)
        current = current if options.operator == store.context.operator else ""
        store.look_at(options.operator)
    if not store.context.operator:
        raise CommandError("no operator set - `env --operator <name>`")
    entries = [
        Entry(name=name, public_key=store.account(name).subject) for name in store.accounts()
    ]
    return list_report("Accounts", entries, current, json=options.json)
