"""nsc push: send account tokens to the servers."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import INTEGER, flag, switch
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signers import operator_keys
from isthmus.cli.nsc.store import Store
from isthmus.identity.validate import blocking, validate

if TYPE_CHECKING:
    from isthmus.cli.nsc.resolver import Pushed

RESOLVER_SCHEMES = ("nats", "tls", "ws", "wss")
_TIMEOUT_S_MAX = 60


class Options(Value):
    """What was asked for."""

    account: str = ""
    all: bool = False
    force: bool = False
    account_jwt_server_url: str = ""
    system_account: str = ""
    system_user: str = ""
    timeout: int = 1


@click.command(
    "push",
    cls=NscCommand,
    help="Send account tokens to the servers. The current account is sent, if none is named.",
    unavailable=(
        "-D, --diff!",
        "-P, --prune!",
        "-R, --account-removal",
        "--ca-cert",
        "--client-cert",
        "--client-key",
        "--tls-curves",
        "--tls-first!",
    ),
)
@account_flag
@switch("-A", "--all", help="all accounts of the operator")
@switch("-F", "--force", help="send even what is not valid")
@flag("-u", "--account-jwt-server-url", help="server to send to (default: the operator's)")
@flag("--system-account", help="system account to log in with (default: the operator's)")
@flag("--system-user", help="user of it (default: one made for this push)")
@flag("--timeout", type=INTEGER, help="seconds to wait for the answers, 1 to 60; default 1")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Check, log in, send, and tell what each server said."""
    if options.account and options.all:
        raise CommandError("specify only one of --account or --all", exit_code=MISUSED)
    names = store.accounts() if options.all else [store.account_name(options.account)]
    if not names:
        raise CommandError(f"operator {quote(store.operator_name)} has no accounts")
    url = _url(options, store)
    if not options.force:
        for name in names:
            _require_sound(store, name)
    from isthmus.cli.nsc.push_login import make_login
    from isthmus.cli.nsc.resolver import ResolverError, push

    system_name, login = make_login(
        store, url, system_account=options.system_account, system_user=options.system_user
    )
    timeout_s = min(max(options.timeout, 1), _TIMEOUT_S_MAX)
    report = Report()
    try:
        pushed = push(
            login, [(name, store.account_token(name)) for name in names], timeout_s=timeout_s
        )
    except ResolverError as error:
        report.error(str(error))
        return report
    section = report.section(
        f"push to nats-server {quote(url)} using system account {quote(system_name)}"
    )
    for result in pushed:
        _report(result, section)
    return report


def _url(options: Options, store: Store) -> str:
    """Where to send to; an operator without account server has at least its service URLs."""
    operator = store.operator().nats
    services = operator.operator_service_urls
    url = options.account_jwt_server_url or operator.account_server_url
    url = url or (services[0] if services else "")
    if not url:
        raise CommandError(
            "no account server url or nats-server url was provided by the operator jwt",
            hint="set it: nsc edit operator --account-jwt-server-url nats://<host>:<port>",
        )
    scheme = urlparse(url).scheme.lower()
    if scheme in {"http", "https"}:
        raise CommandError(
            f"pushing to an http account server ({url}) is not implemented",
            hint="push to a nats resolver: -u nats://<host>:<port>",
        )
    if scheme not in RESOLVER_SCHEMES:
        raise CommandError(
            f"scheme {quote(scheme)} is not supported (http, https, nats, ws, wss)",
            exit_code=MISUSED,
        )
    return url


def _require_sound(store: Store, name: str) -> None:
    claims = store.account(name)
    for finding in blocking(validate(claims, store.surroundings.now_ns), now=True):
        raise CommandError(
            f"unable to push account {quote(name)} as it has validation issues: {finding.text}"
        )
    if claims.issuer not in operator_keys(store.operator()) and not store.info().managed:
        raise CommandError(
            f"unable to push account {quote(name)} as it is not signed by the operator"
            f" {quote(store.operator_name)}"
        )


def _report(result: "Pushed", report: Report) -> None:
    name = result.account
    section = report.section(f"push {name} to nats-server with nats account resolver")
    for answer in result.answers:
        if answer.refused:
            section.error(f"server {answer.server} responded with error: {answer.text}")
        else:
            section.ok(f"pushed {quote(name)} to nats-server {answer.server}: {answer.text}")
    if not result.answers:
        section.error(f"failed to get response to push account: {result.problem}")
        return
    accepted = sum(not answer.refused for answer in result.answers)
    if accepted:
        servers = "nats-server" if accepted == 1 else "nats-servers"
        section.ok(f"pushed to a total of {accepted} {servers}")
