"""nsc edit operator: change the root of trust."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, lists, switch
from isthmus.cli.nsc.issue import issue_operator
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import (
    moment_flags,
    report_moments,
    tag_flags,
    with_moments,
    with_tags,
)
from isthmus.cli.nsc.signing_keys import signing_key
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import Operator, OperatorClaims
from isthmus.identity.nkeys import Kind


class Options(Value):
    """What was asked for; `None` and empty lists were not."""

    account_jwt_server_url: str | None = None
    rm_account_jwt_server_url: bool | None = None
    service_url: tuple[str, ...] = ()
    rm_service_url: tuple[str, ...] = ()
    system_account: str | None = None
    require_signing_keys: bool | None = None
    sk: tuple[str, ...] = ()
    rm_sk: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    rm_tag: tuple[str, ...] = ()
    start: str | None = None
    expiry: str | None = None


@click.command("operator", cls=NscCommand, help="Change the current operator.")
@flag("-u", "--account-jwt-server-url", help="where nsc pushes accounts to (nats, tls, ws, http)")
@switch("--rm-account-jwt-server-url", help="forget where accounts are pushed to")
@lists("-n", "--service-url", help="add URLs of servers that clients connect to")
@lists("--rm-service-url", help="remove such URLs")
@flag("--system-account", help="system account: name or public key")
@switch("--require-signing-keys", help="let only signing keys sign accounts and users")
@lists("--sk", help="add signing keys: public key, key file, seed, or: generate")
@lists("--rm-sk", help="remove signing keys")
@tag_flags
@moment_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the operator's new token."""
    if options == Options():
        raise CommandError("specify an edit option", exit_code=MISUSED)
    report = Report()
    before = store.operator()
    claims = with_moments(before, options.start, options.expiry, store.surroundings)
    report_moments(before, claims, store.surroundings.now_s, report)
    body = claims.nats
    changes: dict[str, Any] = {"tags": with_tags(body.tags, options.tag, options.rm_tag, report)}
    changes["signing_keys"] = _signing_keys(body, options, store, report)
    changes |= _strictness(body, options, store, report, changes["signing_keys"])
    changes |= _system_account(body, options, store, report)
    changes |= _account_server(options, report)
    changes["operator_service_urls"] = _service_urls(body, options, report)
    after: OperatorClaims = msgspec.structs.replace(
        claims, nats=msgspec.structs.replace(body, **changes)
    )
    issue_operator(store, after)
    report.ok(f"edited operator {quote(after.name)}")
    return report


def _signing_keys(
    body: Operator, options: Options, store: Store, report: Report
) -> tuple[str, ...]:
    keys = list(body.signing_keys)
    for text in options.sk:
        key = signing_key(store, text, Kind.OPERATOR)
        keys += [] if key in keys else [key]
        report.ok(f"added signing key {quote(key)}")
    for key in options.rm_sk:
        if key not in keys:
            raise CommandError(f"{quote(key)} is not a signing key of this operator")
        keys.remove(key)
        report.ok(f"removed signing key {quote(key)}")
    return tuple(keys)


def _strictness(
    body: Operator, options: Options, store: Store, report: Report, keys: tuple[str, ...]
) -> dict[str, Any]:
    strict = options.require_signing_keys
    if strict is None:
        strict = body.strict_signing_key_usage
    if strict and not keys:
        raise CommandError(
            "operator requires at least one signing key",
            hint="add one: nsc edit operator --sk generate",
        )
    if options.require_signing_keys is None:
        return {}
    if strict:
        _require_signing_keys_used(store, keys)
    report.ok(f"strict signing key usage set to: {str(strict).lower()}")
    return {"strict_signing_key_usage": strict}


def _require_signing_keys_used(store: Store, keys: tuple[str, ...]) -> None:
    for name in store.accounts():
        account = store.account(name)
        if account.issuer not in keys:
            raise CommandError(f"account {quote(name)} needs to be issued with a signing key first")
        for user in store.users(name):
            if store.user(name, user).issuer not in account.nats.scopes:
                raise CommandError(
                    f"user {quote(user)} in account {quote(name)}"
                    " needs to be issued with a signing key first"
                )


def _system_account(
    body: Operator, options: Options, store: Store, report: Report
) -> dict[str, Any]:
    if not options.system_account:
        return {}
    key = store.account_key(options.system_account, "system-account")
    name = store.name_of_account(key)
    limits = store.account(name).nats.limits if name else None
    if limits is not None and limits.has_jetstream:
        tiered = "tiered " if limits.tiers else ""
        raise CommandError(
            f"system accounts cannot have {tiered}JetStream limits"
            f' - run "nsc edit account {name} --js-disable" first'
        )
    if key != body.system_account:
        report.ok(f"set system account {quote(key)}")
    return {"system_account": key}


def _account_server(options: Options, report: Report) -> dict[str, Any]:
    if options.rm_account_jwt_server_url:
        report.ok("removed account server url")
        return {"account_server_url": ""}
    if not options.account_jwt_server_url:
        return {}
    report.ok(f"set account jwt server url to {quote(options.account_jwt_server_url)}")
    return {"account_server_url": options.account_jwt_server_url}


def _service_urls(body: Operator, options: Options, report: Report) -> tuple[str, ...]:
    urls = list(body.operator_service_urls)
    for url in options.service_url:
        lower = url.strip().lower()
        urls += [] if lower in urls else [lower]
        report.ok(f"added service url {quote(url)}")
    for url in options.rm_service_url:
        lower = url.strip().lower()
        urls = [known for known in urls if known != lower]
        report.ok(f"removed service url {quote(url)}")
    return tuple(urls)
