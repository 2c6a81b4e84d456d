"""nsc revocations list_activations: whose grants were taken back."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.grants import EVERYBODY, find_export
from isthmus.cli.nsc.moments import format_rfc1123
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import ascii_table


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
    rows = [
        (
            "* [All Accounts]" if key == EVERYBODY else key,
            format_rfc1123(at_s, store.surroundings.zone),
        )
        for key, at_s in sorted(export.revocations.items())
    ]
    title = f"Revoked Accounts for {export.type} {export.name}"
    headers = ["Public Key", "Revoke Credentials Before"]
    report.body = ascii_table(title, headers, rows) + "\n\n"
    return report
