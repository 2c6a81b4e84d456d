"""nsc pull: take over the account tokens that the servers have."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import switch
from isthmus.cli.nsc.http import is_http
from isthmus.cli.nsc.login_flags import LoginFlags, login_flags, split_login
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.push_http import fetch_account, fetch_operator
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signers import operator_keys
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims
from isthmus.identity.payload import TokenError

_WAIT_S = 5


class Options(Value):
    """What was asked for."""

    account: str = ""
    all: bool = False
    overwrite_newer: bool = False
    login: LoginFlags = LoginFlags()


@click.command(
    "pull",
    cls=NscCommand,
    help="Take over account tokens from the servers. What is newer here stays.",
    unavailable=("--tls-curves",),
)
@account_flag
@switch("-A", "--all", help="all accounts; from an account server the operator, too")
@switch("-F", "--overwrite-newer", help="replace even what is newer here")
@login_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    login, rest = split_login(values)
    invocation.change(run, Options(**rest, login=login))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts the servers have."""
    if bool(options.account) == options.all:
        raise CommandError("specify --all or --account", exit_code=MISUSED)
    url = store.operator().nats.account_server_url
    name = quote(store.operator_name)
    if not url:
        raise CommandError(f"operator {name} doesn't set account server url - unable to pull")
    if is_http(url):
        return _from_account_server(options, store, url)
    if not options.all:
        raise CommandError(f"operator {name} can only pull all jwt - unable to pull by account")
    return _from_resolver(options, store, url)


def _from_resolver(options: Options, store: Store, url: str) -> Report:
    from isthmus.cli.nsc import resolver
    from isthmus.cli.nsc.push_login import make_login

    _, login = make_login(store, url, options.login, client_name="nsc_pull")
    report = Report()
    try:
        tokens = resolver.pull(login, timeout_s=_WAIT_S)
    except resolver.ResolverError as error:
        report.error(str(error))
        return report
    found = {key: _decoded(key, token) for key, token in sorted(tokens.items())}
    names = [claims.name for claims in found.values() if claims is not None]
    section = report.section(f"pulled {quote(max(names, default=''))} from the account server")
    for key, claims in sorted(found.items(), key=lambda item: item[1].name if item[1] else ""):
        if claims is None:
            section.error(f"what the servers have for {key} is no token of that account")
            continue
        problem = put_account(store, claims, tokens[key], newer=options.overwrite_newer)
        if problem:
            section.error(problem)
        else:
            section.ok(f"stored account {quote(claims.name)}")
    return report


def _from_account_server(options: Options, store: Store, url: str) -> Report:
    report = Report(with_summary=True)
    if options.all:
        _pull_operator(options, store, url, report)
    names = store.accounts() if options.all else [store.account_name(options.account)]
    for name in names:
        key = store.account(name).subject
        token = fetch_account(url, key)
        claims = _decoded(key, token)
        problem = f"what the server has for {key} is no token of that account"
        if claims is not None:
            problem = put_account(store, claims, token, newer=options.overwrite_newer)
        _report_pulled(name, problem, report)
    return report


def _report_pulled(name: str, problem: str, report: Report) -> None:
    if problem:
        report.section(f"pulled {quote(name)} from the account server").error(problem)
    else:
        report.ok(f"pulled {quote(name)} from the account server")


def _pull_operator(options: Options, store: Store, url: str, report: Report) -> None:
    token = fetch_operator(url)
    claims, before = jwt.decode_operator(token), store.operator()
    problem = ""
    if claims.subject != before.subject:
        problem = f"the account server is that of another operator: {claims.subject}"
    elif claims.issued_s < before.issued_s and not options.overwrite_newer:
        problem = _newer(before.name)
    else:
        store.put_operator(store.operator_name, token)
    _report_pulled(claims.name, problem, report)


def _decoded(key: str, token: str) -> AccountClaims | None:
    try:
        claims = jwt.decode_account(token)
    except TokenError:
        return None
    return claims if claims.subject == key else None


def put_account(store: Store, claims: AccountClaims, token: str, *, newer: bool) -> str:
    """Decide on a token that came from a server; what is wrong with that, if anything."""
    name = store.name_of_account(claims.subject) or require_name(claims.name, "account has no name")
    if claims.issuer not in {claims.subject, *operator_keys(store.operator())}:
        return f"account {quote(name)} is not signed by operator {store.operator_name}"
    if store.has_account(name):
        local = store.account(name)
        if local.subject != claims.subject:
            return f"account {quote(name)} is another one here: {local.subject}"
        if local.issued_s > claims.issued_s and not newer:
            return _newer(name)
    store.put_account(token, name)
    return ""


def _newer(name: str) -> str:
    return (
        f"local jwt for {quote(name)} is newer than remote version"
        " - specify --overwrite-newer to overwrite"
    )
