"""What a connection needs of its server, and a turn around what does not come from the socket.

Owns nothing: `hub.Hub` is the host there is. Invariant: whatever a connection asks of the server
stands here, so it can be read, and tested, without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from isthmus.accounts.account import Account
from isthmus.accounts.authenticate import User, Verdict
from isthmus.base.handshake import ConnectInfo, ServerInfo
from isthmus.config.options import Options
from isthmus.core.parser import ReadBuffer
from isthmus.core.turn import Turn

if TYPE_CHECKING:
    from isthmus.server.connection import Connection


class Host(Protocol):
    """The server, as a connection sees it."""

    options: Options
    turn: Turn
    read_buffer: ReadBuffer
    loop: asyncio.AbstractEventLoop

    def wall_ns(self) -> int:
        """Now, nanoseconds since 1970."""

    def begin_turn(self) -> Turn:
        """Begin a turn, or take part in the one under way."""

    def finish_turn(self) -> None:
        """Settle and send, if it was the outermost."""

    def make_info(self, connection: Connection) -> ServerInfo:
        """The INFO of that connection."""

    def connected(self, connection: Connection) -> bool:
        """It is there; False: there are too many."""

    def authenticate(self, connection: Connection, connect: ConnectInfo) -> Verdict:
        """Who it is, or what has to be done to find out; raises `AuthError`."""

    async def find_account(self, name: str) -> bool:
        """Look elsewhere for an account; False: nobody has it."""

    def join(self, connection: Connection, user: User) -> Account:
        """Make it a member of its user's account."""

    def joined(self, connection: Connection) -> None:
        """It is one, with everything that this means."""

    def disconnected(self, connection: Connection, reason: str) -> None:
        """It is gone."""

    def in_slices(self, work: Callable[[], bool]) -> None:
        """Carry out what says after each slice whether more is left."""

    def when_decided(self, name: str, work: Callable[[], bool]) -> None:
        """Likewise, when what an account imports is decided."""

    def log_debug(self, connection: Connection, text: str) -> None:
        """Say something about it that few want to know."""

    def log_error(self, connection: Connection, text: str) -> None:
        """Say what went wrong with it."""


class TurnOf:
    """A turn of `host` around a few statements."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def __enter__(self) -> Turn:
        return self._host.begin_turn()

    def __exit__(self, *_: object) -> None:
        self._host.finish_turn()
