"""nsc edit user: change what a user may do, from where and when."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc import permissions, user_limits
from isthmus.cli.nsc.add_user import SCOPED_CONFLICT
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_user, report_creds
from isthmus.cli.nsc.permissions import PermissionFlags, permission_flags, split_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import (
    account_flag,
    moment_flags,
    report_moments,
    tag_flags,
    with_moments,
    with_tags,
)
from isthmus.cli.nsc.signers import issuer_account, user_signer
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.user_limits import UserLimitFlags, user_limit_flags
from isthmus.identity.claims import User


class Options(Value):
    """What was asked for; `None` and empty lists were not."""

    name: str = ""
    account: str = ""
    tag: tuple[str, ...] = ()
    rm_tag: tuple[str, ...] = ()
    start: str | None = None
    expiry: str | None = None
    limits: UserLimitFlags = UserLimitFlags()
    permissions: PermissionFlags = PermissionFlags()


@click.command("user", cls=NscCommand, help="Change a user and write new creds.")
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="user name")
@account_flag
@user_limit_flags
@tag_flags
@moment_flags
@permission_flags(editing=True)
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    flags, rest = split_flags(values)
    limits = UserLimitFlags(**{name: rest.pop(name) for name in UserLimitFlags.__struct_fields__})
    rest["name"] = rest["name"] or argument or ""
    invocation.change(run, Options(**rest, limits=limits, permissions=flags))


def run(options: Options, store: Store) -> Report:
    """Decide on the user's new token and creds."""
    changed = msgspec.structs.replace(options, name="", account="") != Options()
    if not changed and not store.private_key:
        raise CommandError("specify an edit option", exit_code=MISUSED)
    report = Report()
    account_name = store.account_name(options.account)
    account = store.account(account_name)
    name = _user_name(options.name, store, account_name)
    before = store.user(account_name, name)
    signer = user_signer(store, account, previous=before.issuer)
    claims = with_moments(before, options.start, options.expiry, store.surroundings)
    report_moments(before, claims, store.surroundings.now_s, report)
    tags = with_tags(before.nats.tags, options.tag, options.rm_tag, report)
    body = user_limits.apply(options.limits, before.nats, report)
    if body.bearer_token and account.nats.limits.disallow_bearer:
        raise CommandError("account disallows bearer token")
    granted = permissions.apply(options.permissions, before.nats.permissions, report)
    body = msgspec.structs.replace(
        body,
        tags=tags,
        pub=granted.pub,
        sub=granted.sub,
        resp=granted.resp,
        issuer_account=issuer_account(signer, account),
    )
    if account.nats.scopes.get(signer.public_key) and _has_own_limits(body):
        raise CommandError(SCOPED_CONFLICT, hint="drop the limits, or sign with another key: -K")
    claims = msgspec.structs.replace(claims, nats=body, name=name)
    written = issue_user(store, claims, account_name, signer)
    report_creds(store, account_name, name, written=written, report=report)
    report.ok(f"edited user {quote(name)}")
    return report


def _user_name(text: str, store: Store, account: str) -> str:
    users = store.users(account)
    name = text or (users[0] if len(users) == 1 else "")
    if not name:
        raise CommandError("user name is required", hint=f"one of: {', '.join(users)}")
    if name not in users:
        raise CommandError(f"user {quote(name)} not found")
    return name


def _has_own_limits(body: User) -> bool:
    bare = User(
        issuer_account=body.issuer_account, tags=body.tags, type=body.type, version=body.version
    )
    return body != bare
