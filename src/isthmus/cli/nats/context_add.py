"""`nats context add`: save a context, or change fields of one.

What the flags and the environment say is laid over the saved context, or over the one named by
`--context` where the name is new.
"""

import base64
from pathlib import Path
from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.context import DEFAULT_URL, Context
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.context_info import print_context
from isthmus.cli.nats.credentials import plain_path
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.settings import overlay

_EMBEDDABLE = ("creds", "nkey", "user_jwt", "user_seed")


class Options(Value):
    """What to save under which name."""

    name: str
    description: str = ""
    select: bool = False
    embed: bool = False


@verb("add", help="Save a context, or change fields of a saved one.")
@click.argument("name")
@click.option("--description", default="", metavar="TEXT", help="A line about it")
@click.option("--select", is_flag=True, help="Make it the default")
@click.option("--embed", is_flag=True, help="Put the credentials themselves into the context")
def command(session: Session, **given: Any) -> None:
    """Save, then show."""
    options = Options(**given)
    context = run(options, session)
    print_context(session, options.name, context)


def run(options: Options, session: Session) -> Context:
    """Save the context and return it."""
    store = session.contexts
    given = session.given_or_environment()
    if store.exists(options.name):
        base = store.load(options.name)
    else:
        base = store.load(given.context) if given.context else Context()
    context = overlay(base, given)
    changed = {"description": options.description} if options.description else {}
    if not context.url:
        changed["url"] = DEFAULT_URL
    if options.embed:
        expanded = store.expanded(context)
        for field in _EMBEDDABLE:
            path = plain_path(getattr(expanded, field))
            if path:
                changed[field] = _embedded(path)
    context = msgspec.structs.replace(context, **changed)
    store.save(options.name, context)
    if options.select:
        store.select(options.name)
    return context


def _embedded(path: str) -> str:
    try:
        return "data:;base64," + base64.b64encode(Path(path).read_bytes()).decode()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CommandError(f"cannot embed {path}: {reason}") from None
