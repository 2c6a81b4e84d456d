"""nsc push: send account tokens to the servers, and remove what they should not have.

Decides what is done and checks it; `push_resolver` talks to the resolvers of servers,
`push_http` to an account server.
"""

from typing import Any
from urllib.parse import urlparse

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import INTEGER, flag, switch
from isthmus.cli.nsc.http import is_http
from isthmus.cli.nsc.login_flags import LoginFlags, login_flags, split_login
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signers import operator_keys
from isthmus.cli.nsc.store import Store
from isthmus.identity.validate import blocking, validate

RESOLVER_SCHEMES = ("nats", "tls", "ws", "wss")
_TIMEOUT_S_MAX = 60


class Options(Value):
    """What was asked for."""

    account: str = ""
    all: bool = False
    force: bool = False
    account_jwt_server_url: str = ""
    diff: bool = False
    prune: bool = False
    account_removal: str = ""
    timeout: int = 1
    login: LoginFlags = LoginFlags()

    @property
    def timeout_s(self) -> int:
        """Seconds to wait for answers, within bounds."""
        return min(max(self.timeout, 1), _TIMEOUT_S_MAX)

    @property
    def compares(self) -> bool:
        """True if the accounts of the servers are compared with those here."""
        return self.diff or self.prune

    @property
    def pushes(self) -> bool:
        """True if accounts are sent: with `--prune` and the like only if they are named."""
        if self.all or self.account:
            return not self.diff and not self.account_removal
        return not self.compares and not self.account_removal


@click.command(
    "push",
    cls=NscCommand,
    help="Send account tokens to the servers: the current account, one that is named, or all."
    " With --diff, --prune or --account-removal, compare and remove.",
    unavailable=("--tls-curves",),
)
@account_flag
@switch("-A", "--all", help="all accounts of the operator")
@switch("-F", "--force", help="send even what is not valid")
@flag("-u", "--account-jwt-server-url", help="server to send to (default: the operator's)")
@switch("-D", "--diff", help="show which accounts of the servers are in this store")
@switch("-P", "--prune", help="remove accounts from the servers that are not in this store")
@flag("-R", "--account-removal", help="remove this account from the servers: name or public key")
@flag("--timeout", type=INTEGER, help="seconds to wait for the answers, 1 to 60; default 1")
@login_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    login, rest = split_login(values)
    invocation.show(run, Options(**rest, login=login))


def run(options: Options, store: Store) -> Report:
    """Check, then talk to the servers."""
    _require_one_thing(options)
    names = _names(options, store) if options.pushes else []
    url = server_url(options, store)
    if not options.force:
        for name in names:
            _require_sound(store, name)
    if is_http(url):
        if options.compares or options.account_removal:
            what = "diff" if options.diff else "prune"
            raise CommandError(f"{what} only works for nats based account resolver")
        from isthmus.cli.nsc.push_http import push_all

        return push_all(store, url, names)
    from isthmus.cli.nsc.push_resolver import Session

    session = Session(store, url, options.login, options.timeout_s)
    if options.account_removal:
        key = store.account_key(options.account_removal, "account-removal")
        return session.remove(key)
    report = session.push(names) if names else Report(with_summary=True)
    if options.compares and not report.failed:
        session.compare(report, prune=options.prune)
    return report


def _require_one_thing(options: Options) -> None:
    if options.account and options.all:
        raise CommandError("specify only one of --account or --all", exit_code=MISUSED)
    if options.prune and options.diff:
        raise CommandError("--prune and --diff are mutually exclusive", exit_code=MISUSED)
    if options.compares and options.account_removal:
        raise CommandError(
            "--prune/--diff and --account-removal <account> are mutually exclusive",
            exit_code=MISUSED,
        )


def _names(options: Options, store: Store) -> list[str]:
    names = store.accounts() if options.all else [store.account_name(options.account)]
    if not names:
        raise CommandError(f"operator {quote(store.operator_name)} has no accounts")
    return names


def server_url(options: Options, store: Store) -> str:
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
    if not is_http(url) and scheme not in RESOLVER_SCHEMES:
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
