"""`nats context info`: show a context.

Owns the view that `add`, `select` and `previous` print too.
"""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.context import Context, named
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.credentials import reference_state
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.settings import shell_overrides


class Options(Value):
    """Which context, and how to show it."""

    name: str | None = None
    as_json: bool = False
    connect: bool = False


@verb("info", help="Show a context: the named one, or the selected one.")
@click.argument("name", required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON, secrets included")
@click.option("--connect", is_flag=True, help="Try to connect")
def command(session: Session, **given: Any) -> None:
    """Load, then show."""
    options = Options(**given)
    name, context = run(options, session)
    if options.as_json:
        session.streams.json_pretty(named(name, context))
        return
    print_context(session, name, context, connection=_connection(session, options, name))


def run(options: Options, session: Session) -> tuple[str, Context]:
    """The name and the context."""
    name = options.name or session.given_or_environment().context or session.contexts.selected()
    if not name:
        raise CommandError("no default context and no name supplied")
    return name, session.contexts.load(name)


def _connection(session: Session, options: Options, name: str) -> str:
    if not options.connect:
        return ""

    async def reached(client: object) -> str:
        return "OK"

    try:
        return session.connected(reached, setup="", settings=session.settings(name))
    except CommandError as error:
        return str(error)


def print_context(session: Session, name: str, context: Context, *, connection: str = "") -> None:
    """Print the view of a context; a password shows only its length."""
    shown = session.contexts.expanded(context)
    view = Columns(f'NATS Configuration Context "{name}"')
    view.row_if("Description", shown.description)
    view.row_if("Server URLs", shown.url)
    view.row_if("SOCKS5 Proxy", shown.socks_proxy)
    view.row_if("Username", shown.user)
    view.row_if("Password", "*" * len(shown.password))
    view.row_if("Token", shown.token)
    for label, reference in (
        ("Credentials", shown.creds or shown.nsc),
        ("User JWT", shown.user_jwt),
        ("User Seed", shown.user_seed),
        ("NKey", shown.nkey),
        ("Certificate", shown.cert),
        ("Key", shown.key),
        ("CA", shown.ca),
    ):
        if reference:
            view.row(label, reference_state(reference))
    view.row_if("TLS First", shown.tls_first)
    view.row_if("JS API Prefix", shown.jetstream_api_prefix)
    view.row_if("JS Event Prefix", shown.jetstream_event_prefix)
    view.row_if("JS Domain", shown.jetstream_domain)
    view.row_if("Inbox Prefix", shown.inbox_prefix)
    path = name if name.endswith(".json") else str(session.contexts.path(name))
    view.row("Path", path)
    view.row_if("Color Scheme", shown.color_scheme)
    view.row_if("Connection", connection)
    session.streams.out(view.render() + "\n")
    overrides = shell_overrides(session.environ)
    if overrides:
        session.streams.out(
            f"WARNING: Shell environment overrides in place using {', '.join(overrides)}"
        )
