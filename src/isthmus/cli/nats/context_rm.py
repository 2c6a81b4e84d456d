"""`nats context rm`: remove a context. The selected one needs `--force`, which unselects it."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


class Options(Value):
    """What to remove."""

    name: str
    force: bool = False


@verb("rm", help="Remove a context.")
@click.argument("name")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(session: Session, **given: Any) -> None:
    """Remove."""
    run(Options(**given), session)


def run(options: Options, session: Session) -> bool:
    """Remove, and return true if it was not declined."""
    store = session.contexts
    store.path(options.name)  # refuses what cannot be a name
    selected = store.selected() == options.name
    if selected and not options.force:
        raise CommandError(
            "cannot remove the selected context, select another one or use the unselect command"
        )
    if not options.force and not session.confirm(f'Really delete context "{options.name}"'):
        return False
    if selected:
        store.unselect()
    store.remove(options.name)
    return True
