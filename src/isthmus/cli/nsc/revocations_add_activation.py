"""nsc revocations add_activation: take a grant back."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import MOMENT, flag, switch
from isthmus.cli.nsc.grants import find_export, target_key, with_revocations
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.moments import format_local
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import EVERYBODY, with_revocation


class Options(Value):
    """What was asked for."""

    account: str = ""
    subject: str = ""
    service: bool = False
    target_account: str = ""
    at: int = 0


@click.command(
    "add_activation",
    cls=NscCommand,
    help="Revoke the activations of an export that an account was given until now."
    " Push the account, or nothing changes on the servers.",
)
@account_flag
@flag("-s", "--subject", help="the export's subject (default: the only one)")
@switch("--service", help="the export is a service (default: a stream)")
@flag("-t", "--target-account", help="whose activations: key, name, or * for everybody's")
@flag("--at", type=MOMENT, help="revoke what was issued until then (RFC 3339 or seconds; 0: now)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.change(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the revocation. An earlier, later-reaching one stays."""
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    export = find_export(claims, name, options.subject, service=options.service)
    target = target_key(store, options.target_account)
    until_s = options.at or store.surroundings.now_s
    revoked = with_revocation(export.revocations, target, until_s)
    issue_account(store, with_revocations(claims, export, revoked), name, report)
    if target == EVERYBODY:
        moment = format_local(until_s, store.surroundings.zone)
        report.ok(f"revoked all activations for {quote(export.name)} issued before {moment}")
    else:
        report.ok(f"revoked activation {quote(export.name)} for account {target}")
    return report
