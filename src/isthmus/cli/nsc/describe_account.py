"""nsc describe account."""

from collections.abc import Callable
from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nsc.account_tables import account_tables
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.describe import render
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import Form, describe_flags, split_form
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    name: str = ""
    form: Form = Form()


@click.command("account", cls=NscCommand, help="Show an account.", params=describe_flags())
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="account: name or public key", default="")
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    form, rest = split_form(values)
    invocation.show(run, Options(name=rest["name"] or argument or "", form=form))


def run(options: Options, store: Store) -> Report:
    """Show the account that is named, or the current one."""
    name = store.account_name(options.name)
    claims = store.account(name)

    def tables() -> list[str]:
        return account_tables(claims, naming(store, long_ids=options.form.long_ids))

    return render(options.form, store.account_token(name), "account", tables, store)


def naming(store: Store, *, long_ids: bool) -> Callable[[str], str]:
    """What people call the account of a public key: its local name, else the key."""
    names: dict[str, str] = {}
    for operator in [] if long_ids else store.operators():
        other = store.looking_at(operator)
        prefix = "" if operator == store.operator_name else f"{operator}/"
        for name in other.accounts():
            names.setdefault(other.account(name).subject, prefix + name)
    return lambda key: names.get(key, key)
