"""`nats context ls`: list the contexts; the selected one carries a star."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.context import Context, named
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session
from isthmus.cli.tables import rounded_table


class Options(Value):
    """How to list."""

    as_json: bool = False
    names: bool = False


@verb("ls", help="List the contexts.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON, secrets included")
@click.option("--names", is_flag=True, help="Show names alone")
def command(session: Session, **given: Any) -> None:
    """Load, then show."""
    options = Options(**given)
    contexts = run(session)
    streams = session.streams
    if options.as_json:
        streams.json_pretty([named(name, context) for name, context in contexts.items()])
    elif options.names:
        for name in contexts:
            streams.out(name)
    elif not contexts:
        streams.out("No known contexts")
    else:
        selected = session.contexts.selected()
        rows = [
            (name + ("*" if name == selected else ""), context.description)
            for name, context in contexts.items()
        ]
        streams.out(rounded_table("Known Contexts", ("Name", "Description"), rows) + "\n")


def run(session: Session) -> dict[str, Context]:
    """The contexts by name; one that cannot be read is reported and left out."""
    found = {}
    for name in session.contexts.names():
        try:
            found[name] = session.contexts.load(name)
        except CommandError as error:
            session.log(f"Could not load context {name}: {error}")
    return found
