"""nsc describe operator."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.describe import render
from isthmus.cli.nsc.describe_tables import operator_table
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import Form, describe_flags, split_form
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity.nkeys import Kind, is_public


class Options(Value):
    """What was asked for."""

    name: str = ""
    form: Form = Form()


@click.command("operator", cls=NscCommand, help="Show an operator.", params=describe_flags())
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="operator: name or public key", default="")
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    form, rest = split_form(values)
    name = rest["name"] or argument or ""
    invocation.show(run, Options(name=name, form=form))


def run(options: Options, store: Store) -> Report:
    """Show the operator that is named, or the current one."""
    if options.name:
        store.look_at(_find(store, options.name))
    elif not store.context.operator:
        raise CommandError("set an operator", hint="nsc env -o <operator>")
    claims = store.operator()

    def tables() -> list[str]:
        system = claims.nats.system_account
        return [operator_table(claims, store.name_of_account(system) if system else "")]

    return render(options.form, store.operator_token(), "operator", tables, store)


def _find(store: Store, text: str) -> str:
    names = store.operators()
    if is_public(text, Kind.OPERATOR) and text not in names:
        for name in names:
            if store.looking_at(name).operator().subject == text:
                return name
    if text not in names:
        raise CommandError(
            f"operator {text} does not exist",
            hint=f"there are: {', '.join(names)}" if names else "add one: nsc add operator <name>",
        )
    return text
