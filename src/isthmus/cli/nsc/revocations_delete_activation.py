"""nsc revocations delete_activation: let a grant count again."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.grants import find_export, target_key, with_revocations
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import EVERYBODY, without_revocation


class Options(Value):
    """What was asked for."""

    account: str = ""
    subject: str = ""
    service: bool = False
    target_account: str = ""


@click.command(
    "delete_activation",
    cls=NscCommand,
    help="Take a revocation back: activations issued before it count again.",
)
@account_flag
@flag("-s", "--subject", help="the export's subject (default: the only one)")
@switch("--service", help="the export is a service (default: a stream)")
@flag("-t", "--target-account", help="whose activations: key, name, or * for everybody's")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.change(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Decide on the account without the revocation."""
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    export = find_export(claims, name, options.subject, service=options.service)
    target = target_key(store, options.target_account)
    kept = without_revocation(export.revocations, target)
    issue_account(store, with_revocations(claims, export, kept), name, report)
    whom = "all accounts" if target == EVERYBODY else f"account {target}"
    report.ok(f"deleted {export.type} {export.name} revocation for {whom}")
    return report
