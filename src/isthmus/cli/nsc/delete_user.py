"""nsc delete user: forget users, and shut them out if asked to."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.deletion import delete_user
from isthmus.cli.nsc.flags import lists, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.revoked_users import with_user_revocations
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import with_revocation


class Options(Value):
    """What was asked for."""

    names: tuple[str, ...] = ()
    account: str = ""
    revoke: bool = False
    rm_nkey: bool = False
    rm_creds: bool = False


@click.command(
    "user",
    cls=NscCommand,
    help="Delete users. Creds that are still around count until they are revoked: --revoke.",
)
@click.argument("argument", metavar="[NAME]", required=False)
@account_flag
@lists("-n", "--name", help="names of the users")
@switch("-R", "--revoke", help="revoke their creds, too", default=False)
@switch("-D", "--rm-nkey", help="delete their keys, too", default=False)
@switch("-C", "--rm-creds", help="delete their creds files, too", default=False)
@click.pass_obj
def command(
    invocation: Invocation, /, argument: str | None, name: tuple[str, ...], **values: Any
) -> None:
    """Fill the options and run."""
    names = name or ((argument,) if argument else ())
    invocation.change(run, Options(names=names, **values))


def run(options: Options, store: Store) -> Report:
    """Decide on the users' files, and on the account if they are revoked."""
    if not options.names:
        raise CommandError("please specify an user to delete", hint="name it: --name <user>")
    report = Report()
    account = store.account_name(options.account)
    section = report.section("delete users")
    claims = store.account(account)
    revoked = claims.nats.revocations
    for name in dict.fromkeys(options.names):
        key = store.user(account, name).subject
        revoked = with_revocation(revoked, key, store.surroundings.now_s)
        section.add(
            delete_user(
                store,
                account,
                name,
                revoked=options.revoke,
                with_key=options.rm_nkey,
                with_creds=options.rm_creds,
            )
        )
    if options.revoke:
        issue_account(store, with_user_revocations(claims, revoked), account, report)
        section.ok(f"edited account {quote(account)}")
    return report
