"""nsc revocations list-users: whose creds were revoked."""

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.listing import revocation_table
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    account: str = ""


@click.command(
    "list-users", cls=NscCommand, help="List the users of an account whose creds are revoked."
)
@account_flag
@click.pass_obj
def command(invocation: Invocation, /, account: str) -> None:
    """Fill the options and run."""
    invocation.show(run, Options(account=account))


def run(options: Options, store: Store) -> Report:
    """The table, everybody first."""
    report = Report()
    name = store.account_name(options.account)
    revocations = store.account(name).nats.revocations
    if not revocations:
        raise CommandError(f"account {name} does not have revoked users")
    title = f"Revoked Users for {name}"
    report.body = revocation_table(title, revocations, "All Users", store.surroundings.zone)
    return report
