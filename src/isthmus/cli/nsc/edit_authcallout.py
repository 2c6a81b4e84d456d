"""nsc edit authcallout: who answers for the logins of an account.

Users named here log in as ever; every other login of the account is put to them.
"""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, lists, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.keystore import make_pair, parse_seed
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signing_keys import GENERATE
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import ExternalAuthorization
from isthmus.identity.nkeys import Kind, NkeyError, is_public

ANY_ACCOUNT = "*"


class Options(Value):
    """What was asked for; empty lists and texts were not."""

    account: str = ""
    auth_user: tuple[str, ...] = ()
    rm_auth_user: tuple[str, ...] = ()
    allowed_account: tuple[str, ...] = ()
    rm_allowed_account: tuple[str, ...] = ()
    curve: str = ""
    rm_curve: bool = False
    disable: bool = False


@click.command(
    "authcallout",
    cls=NscCommand,
    help="Let users of an account decide about the logins of all others.",
)
@account_flag
@lists("--auth-user", help="add users who decide: public keys")
@lists("--rm-auth-user", help="remove such users")
@lists("--allowed-account", help="add accounts they may put users into: public keys, or *")
@lists("--rm-allowed-account", help="remove such accounts")
@flag(
    "-x", "--curve", help="seal requests for this key: public key, seed, or: generate", default=""
)
@switch("--rm-curve", help="seal no requests", default=False)
@switch("--disable", help="decide about no logins any more", default=False)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account's new token."""
    asked = msgspec.structs.replace(options, account="")
    if asked == Options():
        raise CommandError("please specify some options", exit_code=MISUSED)
    if options.disable and asked != Options(disable=True):
        raise CommandError("--disable is exclusive of all other options", exit_code=MISUSED)
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    if options.disable:
        callout = ExternalAuthorization()
        report.ok("removed external authorization configuration")
    else:
        callout = _edited(claims.nats.authorization, options, store, report)
    body = msgspec.structs.replace(claims.nats, authorization=callout)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    return report


def _edited(
    before: ExternalAuthorization, options: Options, store: Store, report: Report
) -> ExternalAuthorization:
    for key in options.auth_user:
        if not is_public(key, Kind.USER):
            raise CommandError(f"{quote(key)} is not a valid user key")
    for key in options.allowed_account:
        if key != ANY_ACCOUNT and not is_public(key, Kind.ACCOUNT):
            raise CommandError(f"{quote(key)} is not a valid account key")
    users = _changed(before.auth_users, options.auth_user, options.rm_auth_user, "user", report)
    accounts = _changed(
        before.allowed_accounts,
        options.allowed_account,
        options.rm_allowed_account,
        "account",
        report,
    )
    xkey = _curve(before.xkey, options, store, report)
    return ExternalAuthorization(auth_users=users, allowed_accounts=accounts, xkey=xkey)


def _changed(
    before: tuple[str, ...],
    added: tuple[str, ...],
    removed: tuple[str, ...],
    what: str,
    report: Report,
) -> tuple[str, ...]:
    keys = list(before)
    for key in added:
        if key in keys:
            report.ok(f"skipped adding {what} {quote(key)} - as it's already set")
        else:
            keys.append(key)
            report.ok(f"added {what} {quote(key)}")
    for key in removed:
        if key in keys:
            keys.remove(key)
            report.ok(f"deleted {what} {quote(key)}")
        else:
            report.ok(f"skipping {what} {quote(key)} - as it's not currently set")
    return tuple(keys)


def _curve(before: str, options: Options, store: Store, report: Report) -> str:
    if options.rm_curve:
        if before:
            report.ok(f"removed {before} curve key")
        else:
            report.ok("remove curve key didn't do anything as the curve key was not set")
        return ""
    if not options.curve:
        return before
    key = options.curve
    if not is_public(key, Kind.CURVE):
        key = _stored_curve(key, store)
    report.ok(f"set curve key {key}")
    return key


def _stored_curve(text: str, store: Store) -> str:
    """The public key of a new curve key, or of a seed that was given; it goes into the keystore."""
    if text.lower() == GENERATE:
        pair = make_pair(Kind.CURVE, store.surroundings.entropy)
    else:
        try:
            pair = parse_seed(text)
        except NkeyError:
            raise CommandError("the curve key is no public key, no seed, nor: generate") from None
        if not is_public(pair.public_key, Kind.CURVE):
            raise CommandError("the key is no curve key")
    store.keys.put(pair)
    return pair.public_key
