"""nsc init: an operator, an account and a user in one go."""

from typing import Any

import click

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc import add_operator, add_user, edit_operator
from isthmus.cli.nsc.add_operator import SYSTEM_ACCOUNT, SYSTEM_USER
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account, new_key
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.operator_source import import_operator, read_operator, well_known_url
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import make_account
from isthmus.identity.nkeys import Kind

_SERVICE_URL = "nats://localhost:4222"
_HINT = """\
to run a local server using this configuration, enter:
  nsc generate config --mem-resolver --config-file <path/server.conf>
then start a nats-server using the generated config:
  nats-server -c <path/server.conf>"""


class Options(Value):
    """What was asked for."""

    dir: str = ""
    name: str = ""
    url: str = ""
    remote_operator: str = ""


@click.command(
    "init",
    cls=NscCommand,
    help="Make an operator, an account and a user of one name; with --url or --remote-operator an"
    " account and a user below an operator of others.",
)
@flag("-d", "--dir", help="folder of stores (default: the current one)", default="")
@flag("-n", "--name", help="name of operator, account and user", default="")
@flag("-u", "--url", help="file or URL of somebody else's operator", default="")
@flag("-o", "--remote-operator", help="well-known name of somebody else's operator", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on everything that is made."""
    name = require_name(options.name, "name is required: --name <name>")
    if options.dir:
        store.select(stores=store.path(options.dir))
    report = Report(with_summary=True)
    source = _source(options, store)
    if source:
        _add_managed(source, store, report)
    else:
        _add_operator(name, store, report)
    account = make_account(new_key(store, Kind.ACCOUNT).public_key, name)
    issue_account(store, account, name, report)
    store.select(operator=store.operator_name, account=name)
    report.ok(f"created account {name}")
    add_user.run(add_user.Options(name=name), store)
    report.ok(f"created user {quote(name)}")
    report.ok(f"project jwt files created in {store.shown(store.stores)}")
    report.ok(f"user creds file stored in {store.shown(store.creds_path(name, name))}")
    if not source:
        report.server(_HINT)
    return report


def _source(options: Options, store: Store) -> str:
    """Where the token of somebody else's operator is; empty for a new operator."""
    if options.url and options.remote_operator:
        raise CommandError("specify only one of --url or --remote-operator", exit_code=MISUSED)
    if not options.remote_operator:
        return options.url
    url = well_known_url(store, options.remote_operator)
    if not url:
        raise CommandError(f"error operator {quote(options.remote_operator)} was not found")
    return url


def _require_new(name: str, store: Store) -> None:
    if name in store.operators():
        raise CommandError(
            f"an operator named {back_quote(name)} already exists in"
            f" {back_quote(str(store.stores))} - specify a different directory with --dir"
        )


def _add_managed(source: str, store: Store, report: Report) -> None:
    claims, _ = read_operator(store, source)
    _require_new(claims.name, store)
    import_operator(store, source)
    report.ok(f"add managed operator {claims.name}")


def _add_operator(name: str, store: Store, report: Report) -> None:
    _require_new(name, store)
    add_operator.run(add_operator.Options(name=name, sys=True), store)
    edit_operator.run(edit_operator.Options(service_url=(_SERVICE_URL,)), store)
    system = store.account(SYSTEM_ACCOUNT).subject
    user = store.user(SYSTEM_ACCOUNT, SYSTEM_USER).subject
    path = store.creds_path(SYSTEM_ACCOUNT, SYSTEM_USER)
    report.ok(f"created operator {name}")
    report.ok(f"created system_account: name:{SYSTEM_ACCOUNT} id:{system}")
    report.ok(f"created system account user: name:{SYSTEM_USER} id:{user}")
    report.ok(f"system account user creds file stored in {store.shown(path)}")
