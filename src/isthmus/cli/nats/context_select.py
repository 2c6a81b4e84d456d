"""`nats context select`: make a context the default of runs that name none."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.context import Context
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.context_info import print_context
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


class Options(Value):
    """Which one."""

    name: str | None = None


@verb("select", help="Make a context the default.")
@click.argument("name", required=False)
def command(session: Session, **given: Any) -> None:
    """Select, then show."""
    options = Options(**given)
    context = run(options, session)
    print_context(session, options.name or "", context)


def run(options: Options, session: Session) -> Context:
    """Select the context and return it. One that cannot be read is not selected."""
    if not options.name:
        known = ", ".join(session.contexts.names())
        raise CommandError(
            "no context name supplied" if known else "no context defined",
            hint=f"known contexts: {known}" if known else "",
        )
    context = session.contexts.load(options.name)
    session.contexts.select(options.name)
    return context
