"""nsc list operators."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.forms import list_flags
from isthmus.cli.nsc.listing import Entry, list_report
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    json: bool = False


@click.command("operators", cls=NscCommand, help="List operators.", params=list_flags())
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.show(run, Options(json=bool(values["json"])))


def run(options: Options, store: Store) -> Report:
    """Every operator of the current store."""
    names = store.operators()
    if not names:
        report = Report()
        report.body = (
            f"no operators defined in store dir {quote(str(store.stores))}\n"
            "init an environment or change the store root with `env --store <dir>`\n"
        )
        return report
    entries = [
        Entry(name=name, public_key=store.looking_at(name).operator().subject) for name in names
    ]
    return list_report("Operators", entries, store.context.operator, json=options.json)
