"""nsc revocations delete-user: let a user's creds count again."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.revoked_users import user_key, with_user_revocations
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import EVERYBODY, without_revocation


class Options(Value):
    """What was asked for."""

    account: str = ""
    name: str = ""
    user_public_key: str = ""


@click.command(
    "delete-user",
    cls=NscCommand,
    help="Take a user's revocation back: creds issued before it count again.",
)
@account_flag
@flag("-n", "--name", help="user name (default: the only one)", default="")
@flag("-u", "--user-public-key", help="user: public key or name, or * for everybody", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account without the revocation."""
    report = Report()
    account = store.account_name(options.account)
    claims = store.account(account)
    key = user_key(store, account, name=options.name, key=options.user_public_key)
    if not claims.nats.revocations:
        raise CommandError(f"no user revocations set in account {account}")
    if key not in claims.nats.revocations:
        raise CommandError(f"user with public key {key} is not revoked")
    kept = without_revocation(claims.nats.revocations, key)
    issue_account(store, with_user_revocations(claims, kept), account, report)
    if key == EVERYBODY:
        report.ok("deleted all user revocation")  # the original's wording
    else:
        report.ok(f"deleted user revocation for {quote(key)}")
    return report
