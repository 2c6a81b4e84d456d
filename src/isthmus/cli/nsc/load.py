"""nsc load: work with an account that others gave: its operator, the account, a user and creds."""

from typing import Any
from urllib.parse import parse_qs, urlparse

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc import add_user
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.http import is_http
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.operator_source import import_operator, read_operator, well_known_url
from isthmus.cli.nsc.push_http import fetch_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.signers import load_key
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims
from isthmus.identity.nkeys import Kind

_DEFAULT_USER = "default"


class Options(Value):
    """What was asked for."""

    profile: str = ""
    url: str = ""
    seed: str = ""
    user: str = ""


@click.command(
    "load",
    cls=NscCommand,
    help="Load an operator and one of its accounts, and make a user and creds for it.",
)
@flag("--profile", help="all of it as nsc://<operator>?secret=<seed>&user=<name>", default="")
@flag("--url", help="file or URL of the operator's token", default="")
@flag("--seed", help="the account's key: seed or key file", default="")
@flag("--user", help="user to make; default: default", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the operator, the account, the user and the creds."""
    if options.profile:
        options = _from_profile(options, store)
    if not options.url:
        raise CommandError("missing account server URL", exit_code=MISUSED)
    if not options.seed:
        raise CommandError("missing account seed", hint="give it: --seed <seed or file>")
    pair = load_key(store, options.seed, Kind.ACCOUNT)
    report = Report(with_summary=True)
    operator, _ = read_operator(store, options.url)
    server = operator.nats.account_server_url
    if not is_http(server):
        raise CommandError(f"operator {quote(operator.name)} has no HTTP account server to ask")
    token = fetch_account(server, pair.public_key)
    claims = jwt.decode_account(token)
    _require_account(claims, pair.public_key, {operator.subject, *operator.nats.signing_keys})
    name = require_name(claims.name, "the account has no name")
    import_operator(store, options.url, force=True)
    report.ok(f"loaded operator {quote(store.operator_name)}")
    store.keys.put(pair)
    store.put_account(token, name)
    store.select(operator=store.operator_name, account=name)
    report.ok(f"loaded account {quote(name)}")
    user = options.user or _DEFAULT_USER
    if user in store.users(name):
        report.ok(f"user {quote(user)} is there already")
    else:
        add_user.run(add_user.Options(name=user), store)
        report.ok(f"created user {quote(user)}")
    report.ok(f"user creds file stored in {store.shown(store.creds_path(name, user))}")
    return report


def _from_profile(options: Options, store: Store) -> Options:
    parts = urlparse(options.profile)
    if parts.scheme != "nsc" or not parts.netloc:
        raise CommandError(
            "a profile looks like nsc://<operator>?secret=<seed>&user=<name>", exit_code=MISUSED
        )
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    url = options.url or well_known_url(store, parts.netloc)
    if not url:
        raise CommandError(
            f"operator {quote(parts.netloc)} not found",
            hint=f"say where it is: NSC_{parts.netloc.upper()}_OPERATOR=<URL of its token>",
        )
    return Options(
        url=url,
        seed=options.seed or query.get("secret", ""),
        user=options.user or query.get("user", ""),
    )


def _require_account(claims: AccountClaims, key: str, issuers: set[str]) -> None:
    if claims.subject != key or claims.issuer not in {key, *issuers}:
        raise CommandError(f"what the account server has for {key} is no token of that account")
