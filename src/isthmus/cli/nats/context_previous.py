"""`nats context previous`: select the context selected before."""

from isthmus.cli.context import Context
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.context_info import print_context
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session


@verb("previous", help="Select the context selected before.")
def command(session: Session) -> None:
    """Select, then show."""
    name, context = run(session)
    print_context(session, name, context)


def run(session: Session) -> tuple[str, Context]:
    """Select the previous context, or stay with the present one."""
    store = session.contexts
    name = store.previous() or store.selected()
    if not name:
        raise CommandError("no context was selected before")
    context = store.load(name)
    if name != store.selected():
        store.select(name)
    return name, context
