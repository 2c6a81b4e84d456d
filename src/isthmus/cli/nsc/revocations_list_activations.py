"""nsc revocations list_activations: whose grants were taken back."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.grants import find_export
from isthmus.cli.nsc.listing import revocation_table
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    account: str = ""
    subject: str = ""
    service: bool = False


@click.command(
    "list_activations",
    cls=NscCommand,
    help="List the accounts whose activations of an export are revoked.",
)
@account_flag
@flag("-s", "--subject", help="the export's subject (default: the only one)")
@switch("--service", help="the export is a service (default: a stream)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """The table, everybody first."""
    report = Report()
    name = store.account_name(options.account)
    export = find_export(store.account(name), name, options.subject, service=options.service)
    if not export.revocations:
        raise CommandError(f"{export.type} {export.name} has no revocations")
    title = f"Revoked Accounts for {export.type} {export.name}"
    zone = store.surroundings.zone
    report.body = revocation_table(title, export.revocations, "All Accounts", zone)
    return report
