"""nsc delete account: forget a tenant and its users."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.deletion import delete_user
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.revoked_users import with_user_revocations
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import AccountClaims
from isthmus.identity.revocations import with_revocation

_LIFE_LEFT_S = 60


class Options(Value):
    """What was asked for."""

    name: str = ""
    revoke: bool = True
    rm_nkey: bool = False
    rm_creds: bool = False
    force: bool = False


@click.command(
    "account",
    cls=NscCommand,
    help="Delete an account and its users (default: the current one). Servers that have it keep it"
    " until they are told: nsc push --account-removal, or --prune.",
)
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="account: name or public key")
@switch("-R", "--revoke", help="revoke its users (default)", default=True)
@switch("-D", "--rm-nkey", help="delete the keys of the account and its users, too", default=False)
@switch("-C", "--rm-creds", help="delete its users' creds files, too", default=False)
@switch("-F", "--force", help="even the system account, or one that is managed", default=False)
@click.pass_obj
def command(
    invocation: Invocation, /, argument: str | None, name: str | None, **values: Any
) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(name=name or argument or "", **values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account's files, its users' and, if asked to, their keys."""
    report = Report()
    name = store.account_name(options.name)
    claims = store.account(name)
    _require_allowed(options, store, name, claims)
    revoked = claims.nats.revocations
    for user in store.users(name):
        key = store.user(name, user).subject
        revoked = with_revocation(revoked, key, store.surroundings.now_s)
        report.add(
            delete_user(
                store,
                name,
                user,
                revoked=options.revoke,
                with_key=options.rm_nkey,
                with_creds=options.rm_creds,
            )
        )
    last = with_user_revocations(claims, revoked) if options.revoke else claims
    _expire(store, last, name, report)
    report.ok(f"expired account {quote(name)}")
    if options.rm_nkey:
        _remove_keys(store, claims, report)
    store.remove_account(name)
    report.ok("deleted account")
    report.ok("deleted account directory")
    if store.operator().nats.account_server_url:
        report.notes.append(
            f"servers that have {name} keep it until: nsc push --account-removal {claims.subject}"
        )
    return report


def _require_allowed(options: Options, store: Store, name: str, claims: AccountClaims) -> None:
    if options.force:
        return
    if store.info().managed:
        raise CommandError(
            f"account {quote(name)} is managed by somebody else",
            hint="delete it here all the same: --force",
        )
    if claims.subject == store.operator().nats.system_account:
        raise CommandError(
            f"{quote(name)} is the system account of operator {quote(store.operator_name)}",
            hint="set another one (nsc edit operator --system-account), or: --force",
        )


def _expire(store: Store, claims: AccountClaims, name: str, report: Report) -> None:
    """Whoever gets the last token sees it end; the store keeps none."""
    expires_s = store.surroundings.now_s + _LIFE_LEFT_S
    issue_account(store, msgspec.structs.replace(claims, expires_s=expires_s), name, report)


def _remove_keys(store: Store, claims: AccountClaims, report: Report) -> None:
    for key in sorted(claims.nats.scopes):
        if store.keys.remove(key):
            report.ok(f"deleted signing key {quote(key)}")
    if store.keys.remove(claims.subject):
        report.ok(f"deleted privated key {quote(claims.subject)}")  # the original's spelling
