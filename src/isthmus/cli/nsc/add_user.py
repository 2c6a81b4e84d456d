"""nsc add user: somebody who may connect, and the creds to do it with."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import permissions
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, lists, switch
from isthmus.cli.nsc.issue import issue_user, new_key, report_creds
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.permissions import PermissionFlags, permission_flags, split_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag, moment_flags, with_moments, with_tags
from isthmus.cli.nsc.signers import issuer_account, load_key, user_signer
from isthmus.cli.nsc.store import Store
from isthmus.identity import nkeys
from isthmus.identity.claims import AccountClaims, Permissions, User, make_user
from isthmus.identity.nkeys import Kind

SCOPED_CONFLICT = "scoped users require no permissions or limits set"


class Options(Value):
    """What was asked for."""

    name: str
    account: str = ""
    public_key: str = ""
    tag: tuple[str, ...] = ()
    source_network: tuple[str, ...] = ()
    bearer: bool = False
    start: str | None = None
    expiry: str | None = None
    permissions: PermissionFlags = PermissionFlags()


@click.command("user", cls=NscCommand, help="Add a user to an account.")
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="user name")
@account_flag
@flag("-k", "--public-key", help="the user's key: public key, key file or seed", default="")
@lists("--tag", help="tags of the user")
@lists("--source-network", help="networks (CIDR) the user may connect from")
@switch("--bearer", help="the token alone is enough: no proof of the key is asked for")
@moment_flags
@permission_flags(editing=False)
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    flags, rest = split_flags(values)
    rest["name"] = rest["name"] or argument or ""
    rest["bearer"] = bool(rest["bearer"])
    invocation.change(run, Options(**rest, permissions=flags))


def run(options: Options, store: Store) -> Report:
    """Decide on the user's files."""
    report = Report()
    account_name = store.account_name(options.account)
    account = store.account(account_name)
    name = require_name(options.name, "user name is required")
    if name in store.users(account_name):
        raise CommandError(f"the user {quote(name)} already exists")
    if options.bearer and account.nats.limits.disallow_bearer:
        raise CommandError(f"account {quote(account_name)} forbids the use of bearer token")
    signer = user_signer(store, account)
    granted = permissions.apply(options.permissions, Permissions(), report)
    key = _key(options.public_key, store, report)
    claims = with_moments(make_user(key, name), options.start, options.expiry, store.surroundings)
    body = msgspec.structs.replace(
        claims.nats,
        pub=granted.pub,
        sub=granted.sub,
        resp=granted.resp,
        sources=tuple(sorted(options.source_network)),
        bearer_token=options.bearer,
        tags=with_tags((), options.tag, (), Report()),
        issuer_account=issuer_account(signer, account),
    )
    if account.nats.scopes.get(signer.public_key):
        body = _scoped(body, account)
    written = issue_user(store, msgspec.structs.replace(claims, nats=body), account_name, signer)
    report_creds(store, account_name, name, written=written, report=report)
    report.ok(f"added user {quote(name)} to account {quote(account_name)}")
    return report


def _key(text: str, store: Store, report: Report) -> str:
    if not text:
        pair = new_key(store, Kind.USER)
        report.ok(f"generated and stored user key {quote(pair.public_key)}")
        return pair.public_key
    if nkeys.is_public(text, Kind.USER):
        return text
    if nkeys.kind_of(text) is not None:
        raise CommandError("invalid user key")
    pair = load_key(store, text, Kind.USER)
    store.keys.put(pair)
    return pair.public_key


def _scoped(body: User, account: AccountClaims) -> User:
    """A user of a scoped key carries nothing of its own: the key's template counts."""
    bare = User(issuer_account=account.subject, tags=body.tags)
    unlimited = msgspec.structs.replace(bare, subs=-1, data=-1, payload=-1)
    if body != unlimited:
        raise CommandError(
            SCOPED_CONFLICT, hint="drop the permission flags, or sign with another key: -K"
        )
    return bare
