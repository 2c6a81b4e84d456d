"""nsc revocations add-user: shut somebody out whose creds are still around."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import MOMENT, flag
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.moments import format_local
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.revoked_users import user_key, with_user_revocations
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import EVERYBODY, with_revocation


class Options(Value):
    """What was asked for."""

    account: str = ""
    name: str = ""
    user_public_key: str = ""
    at: int = 0


@click.command(
    "add-user",
    cls=NscCommand,
    help="Revoke the creds a user was given until now; creds issued later count again."
    " Push the account, or nothing changes on the servers.",
)
@account_flag
@flag("-n", "--name", help="user name (default: the only one)")
@flag("-u", "--user-public-key", help="user: public key or name, or * for everybody")
@flag("--at", type=MOMENT, help="revoke what was issued until then (RFC 3339 or seconds; 0: now)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.change(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the revocation. An earlier, later-reaching one stays."""
    report = Report()
    account = store.account_name(options.account)
    claims = store.account(account)
    key = user_key(store, account, name=options.name, key=options.user_public_key)
    until_s = options.at or store.surroundings.now_s
    revoked = with_revocation(claims.nats.revocations, key, until_s)
    issue_account(store, with_user_revocations(claims, revoked), account, report)
    if key == EVERYBODY:
        moment = format_local(until_s, store.surroundings.zone)
        report.ok(f"revoked all users issued before {moment}")
    else:
        report.ok(f"revoked user {quote(key)}")
    return report
