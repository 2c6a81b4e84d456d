"""nsc edit signing-key: give a signing key a role, so that its users get what the role says.

The template of a scoped key replaces whatever a user's token says. It may hold functions such as
`{{name()}}` or `{{tag(team)}}`, which the server fills in when the user logs in.
"""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import permissions, user_limits
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.permissions import PermissionFlags, permission_flags, split_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signers import key_of_role
from isthmus.cli.nsc.signing_keys import signing_key
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.user_limits import UserLimitFlags, user_limit_flags
from isthmus.identity.claims import AccountClaims, UserScope
from isthmus.identity.nkeys import Kind
from isthmus.identity.templates import check_template


class Options(Value):
    """What was asked for; `None` and empty lists were not."""

    account: str = ""
    sk: str = ""
    role: str | None = None
    description: str | None = None
    limits: UserLimitFlags = UserLimitFlags()
    permissions: PermissionFlags = PermissionFlags()


@click.command(
    "signing-key",
    cls=NscCommand,
    help="Give a signing key of an account a role and a template: its users get what the template"
    " says. Subjects may hold {{name()}}, {{subject()}}, {{tag(key)}}, {{account-name()}},"
    " {{account-subject()}} and {{account-tag(key)}}.",
)
@account_flag
@flag("--sk", help="the key: its role, public key, key file, seed, or: generate", default="")
@flag("--role", help="name of the role, for: nsc add user -K <role>")
@flag("--description", help="what the role is for")
@user_limit_flags
@permission_flags(editing=True)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    flags, rest = split_flags(values)
    limits = UserLimitFlags(**{name: rest.pop(name) for name in UserLimitFlags.__struct_fields__})
    invocation.change(run, Options(**rest, limits=limits, permissions=flags))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the scoped key."""
    if not options.sk:
        raise CommandError(
            "signing key is required",
            hint="name it, or make one: --sk <role or key>, --sk generate",
        )
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    before = _find(options.sk, claims, store)
    after = _edited(before, options, report)
    _require_sound(after, before, claims)
    keys = {key: scope or key for key, scope in claims.nats.scopes.items()} | {after.key: after}
    body = msgspec.structs.replace(claims.nats, signing_keys=tuple(keys.values()))
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"edited signing key {quote(after.key)}")
    return report


def _find(text: str, claims: AccountClaims, store: Store) -> UserScope:
    """The scope of the key `text` means; a new one if the key has none, or is new."""
    scopes = claims.nats.scopes
    key = key_of_role(claims, text)
    if not key:
        try:
            key = signing_key(store, text, Kind.ACCOUNT)
        except CommandError:
            roles = ", ".join(
                sorted(scope.role for scope in scopes.values() if scope and scope.role)
            )
            raise CommandError(
                "signing-key not found", hint=f"roles of {claims.name}: {roles or 'none'}"
            ) from None
    return scopes.get(key) or UserScope(key=key)


def _edited(before: UserScope, options: Options, report: Report) -> UserScope:
    template = user_limits.apply(options.limits, before.template, report)
    granted = permissions.apply(options.permissions, template.permissions, report)
    return UserScope(
        key=before.key,
        role=before.role if options.role is None else options.role.strip(),
        template=msgspec.structs.replace(
            template, pub=granted.pub, sub=granted.sub, resp=granted.resp
        ),
        description=before.description if options.description is None else options.description,
    )


def _require_sound(after: UserScope, before: UserScope, claims: AccountClaims) -> None:
    other = key_of_role(claims, after.role)
    if other and other != after.key and after.role != before.role:
        raise CommandError(f"the role {quote(after.role)} is that of signing key {other}")
    if after.template.bearer_token and claims.nats.limits.disallow_bearer:
        raise CommandError("account disallows bearer token")
    known = list(check_template(before.template))
    for finding in check_template(after.template):
        if finding not in known:
            raise CommandError(finding.text)
