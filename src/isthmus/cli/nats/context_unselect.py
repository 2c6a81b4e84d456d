"""`nats context unselect`: leave no context selected."""

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


@verb("unselect", help="Leave no context selected.")
def command(session: Session) -> None:
    """Unselect, then say what was."""
    name = run(session)
    session.streams.out(
        f'Unselected the "{name}" context' if name else "No context currently selected"
    )


def run(session: Session) -> str:
    """Unselect, and return the name that was selected."""
    name = session.contexts.selected()
    if name:
        session.contexts.unselect()
    return name
