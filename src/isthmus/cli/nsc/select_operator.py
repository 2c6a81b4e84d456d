"""nsc select operator: make another operator the current one."""

import click

from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.context import account_names
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    name: str


@click.command("operator", cls=NscCommand, help="Make another operator the current one.")
@click.argument("name")
@click.pass_obj
def command(invocation: Invocation, /, name: str) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(name=name))


def run(options: Options, store: Store) -> Report:
    """Decide on the configuration; the account stays if the operator has it."""
    store.require_operator(options.name)
    accounts = account_names(store.stores / options.name, store.transaction)
    current = store.context.account
    account = current if current in accounts else ""
    if len(accounts) == 1:
        account = accounts[0]
    store.select(operator=options.name, account=account)
    return Report()
