"""nsc add operator: a new root of trust, and if wanted its system account."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account, issue_operator, issue_user, new_key
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.operator_source import import_operator
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import moment_flags, with_moments
from isthmus.cli.nsc.signers import load_key
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import (
    AccountClaims,
    Export,
    OperatorClaims,
    make_account,
    make_operator,
    make_user,
)
from isthmus.identity.nkeys import KeyPair, Kind

SYSTEM_ACCOUNT, SYSTEM_USER = "SYS", "sys"
_SYSTEM_DOCS = "https://docs.nats.io/nats-server/configuration/sys_accounts"
_SYSTEM_EXPORTS = (
    Export(
        name="account-monitoring-services",
        subject="$SYS.REQ.ACCOUNT.*.*",
        type="service",
        response_type="Stream",
        account_token_position=4,
        description=(
            "Request account specific monitoring services for: SUBSZ, CONNZ, LEAFZ, JSZ and INFO"
        ),
        info_url=_SYSTEM_DOCS,
    ),
    Export(
        name="account-monitoring-streams",
        subject="$SYS.ACCOUNT.*.>",
        type="stream",
        account_token_position=3,
        description="Account specific monitoring stream",
        info_url=_SYSTEM_DOCS,
    ),
)


_SERVER_HINT = "When running your own nats-server, make sure they run at least version 2.2.0"


class Options(Value):
    """What was asked for."""

    name: str
    url: str = ""
    force: bool = False
    generate_signing_key: bool = False
    sys: bool = False
    start: str | None = None
    expiry: str | None = None


@click.command(
    "operator",
    cls=NscCommand,
    help="Add an operator and select it: a new one, or the one of a token that others made.",
)
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="operator name")
@flag("-u", "--url", help="import this operator: file, URL, or a well-known name")
@switch("--force", help="import it even if there is one of that name")
@switch("--generate-signing-key", help="generate a signing key with the operator")
@switch("-s", "--sys", help="generate a system account with the operator")
@moment_flags
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    values["name"] = values["name"] or argument or ""
    invocation.change(run, Options(**{name: v for name, v in values.items() if v is not None}))


def run(options: Options, store: Store) -> Report:
    """Decide on the operator's files."""
    if options.url:
        return _import(options, store)
    if options.force:
        raise CommandError("force only works with -u", exit_code=MISUSED)
    report = Report()
    name = require_name(options.name, "operator name is required")
    if name in store.operators():
        raise CommandError(f"operator named {name} exists already")
    if store.private_key:
        identity = load_key(store, store.private_key, Kind.OPERATOR)
    else:
        identity = new_key(store, Kind.OPERATOR)
        report.ok(f"generated and stored operator key {quote(identity.public_key)}")
    claims = with_moments(
        make_operator(identity.public_key, name), options.start, options.expiry, store.surroundings
    )
    report.ok(f"added operator {quote(name)}")
    report.ok(_SERVER_HINT)
    account_issuer = identity
    if options.generate_signing_key:
        account_issuer = new_key(store, Kind.OPERATOR)
        claims = _with_body(claims, signing_keys=(account_issuer.public_key,))
        if options.sys:
            report.ok(f"created operator signing key: {account_issuer.public_key}")
    store.select(operator=name)
    if options.sys:
        claims = _with_body(
            claims, system_account=_add_system_account(store, account_issuer, report)
        )
        store.select(operator=name, account=SYSTEM_ACCOUNT)
    issue_operator(store, claims, identity)
    return report


def _import(options: Options, store: Store) -> Report:
    if options.sys:
        raise CommandError(
            "importing an operator is not compatible with system account generation",
            exit_code=MISUSED,
        )
    if options.generate_signing_key:
        raise CommandError(
            "signing key can not be added when importing the operator", exit_code=MISUSED
        )
    report = Report()
    name = import_operator(store, options.url, name=options.name, force=options.force)
    report.ok(f"imported operator {quote(name)}")
    report.ok(_SERVER_HINT)
    return report


def _with_body(claims: OperatorClaims, **changes: Any) -> OperatorClaims:
    return msgspec.structs.replace(claims, nats=msgspec.structs.replace(claims.nats, **changes))


def _add_system_account(store: Store, issuer: KeyPair, report: Report) -> str:
    """The account servers talk to each other in, its user, and the user's creds."""
    identity, signing_key = new_key(store, Kind.ACCOUNT), new_key(store, Kind.ACCOUNT)
    account: AccountClaims = make_account(identity.public_key, SYSTEM_ACCOUNT)
    body = msgspec.structs.replace(
        account.nats, exports=_SYSTEM_EXPORTS, signing_keys=(signing_key.public_key,)
    )
    account = msgspec.structs.replace(account, nats=body)
    issue_account(store, account, SYSTEM_ACCOUNT, report, signer=issuer)
    report.ok(f"created system_account: name:{SYSTEM_ACCOUNT} id:{identity.public_key}")
    user_key = new_key(store, Kind.USER)
    user = make_user(user_key.public_key, SYSTEM_USER)
    user = msgspec.structs.replace(
        user, nats=msgspec.structs.replace(user.nats, issuer_account=identity.public_key)
    )
    issue_user(store, user, SYSTEM_ACCOUNT, signing_key)
    report.ok(f"created system account user: name:{SYSTEM_USER} id:{user_key.public_key}")
    path = store.creds_path(SYSTEM_ACCOUNT, SYSTEM_USER)
    report.ok(f"system account user creds file stored in {store.shown(path)}")
    return identity.public_key
