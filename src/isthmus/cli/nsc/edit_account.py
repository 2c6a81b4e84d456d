"""nsc edit account: change a tenant's limits, keys, tags, validity and default permissions."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.subjects import literal
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc import account_limits, permissions
from isthmus.cli.nsc.account_limits import LimitFlags, limit_flags
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import UNSIGNED, flag, lists
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.permissions import PermissionFlags, permission_flags, split_flags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import (
    moment_flags,
    report_moments,
    tag_flags,
    with_moments,
    with_tags,
)
from isthmus.cli.nsc.signers import key_of_role
from isthmus.cli.nsc.signing_keys import signing_key
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import AccountClaims, MessageTrace, UserScope
from isthmus.identity.nkeys import Kind


class Options(Value):
    """What was asked for; `None` and empty lists were not."""

    account: str = ""
    sk: tuple[str, ...] = ()
    rm_sk: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    rm_tag: tuple[str, ...] = ()
    start: str | None = None
    expiry: str | None = None
    description: str | None = None
    info_url: str | None = None
    trace_context_subject: str | None = None
    trace_context_sampling: int | None = None
    limits: LimitFlags = LimitFlags()
    permissions: PermissionFlags = PermissionFlags()


@click.command(
    "account",
    cls=NscCommand,
    help="Change an account. A limit of -1 is no limit.",
    unavailable=("--host-cluster-traffic",),
)
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="account: name or public key")
@limit_flags
@lists("--sk", help="add signing keys: public key, key file, seed, or: generate")
@lists("--rm-sk", help="remove signing keys: public key or role")
@tag_flags
@moment_flags
@flag("--description", help="what the account is for")
@flag("--info-url", help="where to read more")
@flag("--trace-context-subject", help="where traces of messages go; empty for none")
@flag("--trace-context-sampling", type=UNSIGNED, help="per cent of messages traced, 1 to 100")
@permission_flags(editing=True)
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    flags, rest = split_flags(values)
    names = LimitFlags.__struct_fields__
    limits = LimitFlags(**{name: rest.pop(name) for name in names})
    rest["account"] = rest.pop("name") or argument or ""
    invocation.change(run, Options(**rest, limits=limits, permissions=flags))


def run(options: Options, store: Store) -> Report:
    """Decide on the account's new token."""
    if msgspec.structs.replace(options, account="") == Options():
        raise CommandError("specify an edit option", exit_code=MISUSED)
    report = Report()
    name = store.account_name(options.account)
    before = store.account(name)
    _require_allowed(options, store, name, before.subject)
    keys = _signing_keys(before, options, store, report)
    claims = with_moments(before, options.start, options.expiry, store.surroundings)
    report_moments(before, claims, store.surroundings.now_s, report)
    tags = with_tags(before.nats.tags, options.tag, options.rm_tag, report)
    limits = account_limits.apply(options.limits, before.nats.limits, report)
    texts = _texts(options, report)
    defaults = permissions.apply(options.permissions, before.nats.default_permissions, report)
    body = msgspec.structs.replace(
        before.nats,
        signing_keys=keys,
        tags=tags,
        limits=limits,
        default_permissions=defaults,
        trace=_trace(before.nats.trace, options, report),
        **texts,
    )
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"edited account {quote(name)}")
    return report


def _require_allowed(options: Options, store: Store, name: str, key: str) -> None:
    asked = [flag for flag in options.limits.jetstream if flag != "js_disable"]
    if asked and key == store.operator().nats.system_account:
        if options.limits.js_enable is not None:
            raise CommandError(
                "system account cannot have JetStream limits - please rerun with --js-disable"
            )
        shown = ", ".join("--" + flag.replace("_", "-") for flag in asked)
        raise CommandError(
            f"system account cannot have jetstream related settings - please rerun without: {shown}"
        )
    if not options.limits.disallow_bearer:
        return
    for user in store.users(name):
        if store.user(name, user).nats.bearer_token:
            raise CommandError(
                f"user {quote(user)} in account {quote(name)} uses bearer token"
                " (needs to be deleted/changed first)"
            )


def _signing_keys(
    claims: AccountClaims, options: Options, store: Store, report: Report
) -> tuple[str | UserScope, ...]:
    keys = {key: scope or key for key, scope in claims.nats.scopes.items()}
    for text in options.sk:
        key = signing_key(store, text, Kind.ACCOUNT)
        keys.setdefault(key, key)
        report.ok(f"added signing key {quote(key)}")
    for text in options.rm_sk:
        key = key_of_role(claims, text) or text
        if keys.pop(key, None) is None:
            raise CommandError(f"{quote(key)} is not a signing key of this account")
        report.ok(f"removed signing key {quote(key)}")
    return tuple(keys.values())


def _texts(options: Options, report: Report) -> dict[str, str]:
    changes = {}
    if options.description is not None:
        changes["description"] = options.description
        report.ok(f"changed description to {quote(options.description)}")
    if options.info_url is not None:
        changes["info_url"] = options.info_url
        report.ok(f"changed info url to {quote(options.info_url)}")
    return changes


def _trace(before: MessageTrace | None, options: Options, report: Report) -> MessageTrace | None:
    subject, sampling = options.trace_context_subject, options.trace_context_sampling
    if subject == "" and sampling is None:
        report.ok("disabled trace context")
        return None
    if subject is not None:
        if not literal(subject):
            raise CommandError(f"tracing subjects cannot contain wildcards: {quote(subject)}")
        before = MessageTrace(destination=subject, sampling=before.sampling if before else 0)
        report.ok(f"changed trace context subject to {quote(subject)}")
    if sampling is not None:
        if before is None or not before.destination:
            raise CommandError("trace-context-sampling requires a subject")
        if not 0 <= sampling <= 100:
            raise CommandError("tracing sampling rate must be between 1-100")
        before = msgspec.structs.replace(before, sampling=sampling)
        report.ok(f"changed trace context sampling to {sampling}%")
    return before
