"""nsc env: where nsc keeps things and what it means by default; change the default."""

from pathlib import Path
from typing import Any

import click

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.context import account_names
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.folders import shortened
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import SEPARATOR, Row, ascii_table


class Options(Value):
    """What was asked for; empty texts were not."""

    store: str = ""
    operator: str = ""
    account: str = ""


@click.command("env", cls=NscCommand, help="Show or change the environment of nsc.")
@flag("-s", "--store", help="make this the folder of stores", default="")
@flag("-o", "--operator", help="make this the operator", default="")
@flag("-a", "--account", help="make this the account", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    options = Options(**values)
    if options == Options():
        invocation.show(run, options)
    else:
        invocation.change(run, options)


def run(options: Options, store: Store) -> Report:
    """Decide on the configuration, then show what holds."""
    if options != Options():
        _select(options, store)
    report = Report()
    headers = ["Setting", "Set", "Effective Value"]
    table = ascii_table("NSC Environment", headers, _rows(store))
    report.notes += [*table.splitlines(), ""]
    return report


def _select(options: Options, store: Store) -> None:
    if "NSC_CWD_ONLY" in store.surroundings.environ:
        raise CommandError("$NSC_CWD_ONLY is set - change your cwd to change context")
    stores = store.path(options.store) if options.store else store.stores
    operator, account = store.context.operator, store.context.account
    if options.store:
        if not stores.is_dir():
            raise CommandError(f"{back_quote(str(stores))} is not a folder")
        store.select(stores=stores, operator=operator, account=account)
        names = store.operators()
        operator = operator if operator in names else names[0] if len(names) == 1 else ""
    if options.operator:
        store.require_operator(options.operator)
        operator = options.operator
    names = account_names(stores / operator, store.transaction) if operator else []
    account = account if account in names else names[0] if len(names) == 1 else ""
    if options.account:
        if options.account not in names:
            raise CommandError(
                f"{quote(options.account)} not in accounts for operator {quote(operator)}"
                f" in {back_quote(str(stores))}"
            )
        account = options.account
    store.select(stores=stores, operator=operator, account=account)


def _rows(store: Store) -> list[Row]:
    context, folders = store.context, store.folders
    home = store.surroundings.home
    environ = store.surroundings.environ

    def variable(name: str, meaning: str, *, old: bool = False) -> Row:
        title = f"${name} (deprecated)" if old else f"${name}"
        return (title, "Yes" if environ.get(name) else "No", environ.get(name) or meaning)

    def shown(path: Path | None) -> str:
        return shortened(path, home) if path else "Not Set"

    authorities = environ.get("NATS_CA", "")
    for_tls = "in the referenced file will be used for nats connections"
    return [
        variable("XDG_CONFIG_HOME", ""),
        variable("XDG_DATA_HOME", ""),
        variable("NSC_CWD_ONLY", "If set, default operator/account from cwd only"),
        variable("NSC_NO_GIT_IGNORE", "If set, no .gitignore files written"),
        variable("NKEYS_PATH", shown(folders.keys), old=True),
        variable("NSC_HOME", shown(folders.config), old=True),
        variable("NATS_CA", f"If set, root CAs {for_tls}"),
        ("", "", "If not set, will default to the system trust store"),
        variable("NATS_KEY", f"If set, the tls key {for_tls}"),
        variable("NATS_CERT", f"If set, the tls cert {for_tls}"),
        SEPARATOR,
        ("From CWD", "", "Yes" if context.from_cwd else "No"),
        ("Default Stores Dir", "", shown(folders.default_stores)),
        ("Current Store Dir", "", shown(context.stores)),
        ("Current Operator", "", context.operator),
        ("Current Account", "", context.account),
        ("Root CAs to trust", "", authorities or "Default: System Trust Store"),
    ]
