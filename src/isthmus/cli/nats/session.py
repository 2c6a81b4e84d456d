"""One run of the nats tool: its streams, its settings, its connection.

Owns the way from a click context to a connected client and back: the event loop lives here and ends
here. Knows no verb. Invariant: the connection is closed, and what was published is handed over,
before the run returns or an error leaves it.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from isthmus.cli.context import ContextStore
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import given_in
from isthmus.cli.nats.settings import Given, Settings, resolve, with_environment
from isthmus.cli.streams import Streams

if TYPE_CHECKING:
    from isthmus.cli.nats.connect import Client

T = TypeVar("T")


class Session:
    """What a verb is given: where to print, what to connect to."""

    def __init__(
        self,
        streams: Streams,
        environ: Mapping[str, str],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.streams = streams
        self.environ = environ
        self.wall_ns = wall_ns
        self.contexts = ContextStore.of_user(environ)

    @property
    def given(self) -> Given:
        """What the command line said about the connection."""
        return given_in(click.get_current_context())

    def given_or_environment(self) -> Given:
        """The same, and what the environment says where the command line says nothing."""
        return with_environment(self.given, self.environ)

    def settings(self, context: str = "") -> Settings:
        """What this run connects to, by `context` if one is named here.

        A selected context that is gone is unselected.
        """
        given = self.given_or_environment()
        if context:
            given = msgspec.structs.replace(given, context=context, no_context=False)
        selected = self.contexts.selected()
        chosen = given.context or given.no_context
        if selected and not chosen and not self.contexts.exists(selected):
            self.contexts.unselect()
            raise CommandError(
                f'context not found: "{selected}", which was selected; it is unselected now'
            )
        return resolve(given, self.environ, self.contexts)

    def connected(
        self,
        work: "Callable[[Client], Awaitable[T]]",
        *,
        setup: str = "setup failed: ",
        settings: Settings | None = None,
    ) -> T:
        """Run `work` with a connection. `setup` stands before what prevents connecting."""
        import asyncio

        from isthmus.cli.nats.connect import run_connected

        found = settings or self.settings()
        return asyncio.run(run_connected(self, found, work, setup=setup))

    def log(self, text: str) -> None:
        """Print a line of progress: on the error stream, after the time of day."""
        now = datetime.fromtimestamp(self.wall_ns() / 1e9).astimezone()
        self.streams.err(f"{now:%H:%M:%S} {text}")

    def confirm(self, question: str) -> bool:
        """Ask before something is destroyed; without a terminal that is an error."""
        if not self.streams.is_terminal:
            raise CommandError(
                "could not obtain confirmation: cannot ask for confirmation without a terminal",
                hint="--force goes on without asking",
            )
        self.streams.stdout.write(f"? {question} (y/N) ")
        self.streams.stdout.flush()
        return self.streams.stdin.readline().strip().lower() in {"y", "yes"}
