"""nsc select account: make another account the current one."""

import click

from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    name: str


@click.command("account", cls=NscCommand, help="Make another account the current one.")
@click.argument("name")
@click.pass_obj
def command(invocation: Invocation, /, name: str) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(name=name))


def run(options: Options, store: Store) -> Report:
    """Decide on the configuration."""
    store.select(operator=store.operator_name, account=store.account_name(options.name))
    return Report()
