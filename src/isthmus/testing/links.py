"""Connections in memory: a client's bytes go straight into a protocol, what it writes is kept.

Owns what came back, each piece with the wall time at which it came. Knows no subject: who wants
messages reads them from the bytes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from isthmus.testing.loop import SimLoop


class Link(asyncio.Transport):
    """A client of the `number`-th listener of the loop."""

    def __init__(self, loop: SimLoop, number: int = -1) -> None:
        super().__init__()
        listener = loop.listeners[number]
        if listener.closed:
            raise ConnectionRefusedError("nobody listens")
        self._loop = loop
        self._closing = False
        self._reading = True
        self._unread = b""
        self.pieces: list[tuple[int, bytes]] = []  # (wall time in ns, what came)
        self._protocol = listener.make_protocol()
        self._protocol.connection_made(self)

    # --- the client's side ---

    def send(self, data: bytes) -> None:
        """Bytes to the server: read at once, or when it reads again."""
        self._unread += data
        while self._unread and self._reading and not self._closing:
            room = memoryview(self._protocol.get_buffer(-1))
            size = min(len(room), len(self._unread))
            room[:size] = self._unread[:size]
            self._unread = self._unread[size:]
            self._protocol.buffer_updated(size)

    def take(self) -> bytes:
        """What came since the last call."""
        out = b"".join(data for _, data in self.pieces)
        self.pieces.clear()
        return out

    def hang_up(self) -> None:
        """The client closes the connection."""
        self.close()

    # --- the server's side: a transport ---

    def write(self, data: Any) -> None:
        """To the client."""
        if not self._closing:
            self.pieces.append((self._loop.clock.wall_ns(), bytes(data)))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """It has a peer and no socket."""
        return ("in-memory", 0) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It never fills up."""

    def pause_reading(self) -> None:
        """What is sent waits."""
        self._reading = False

    def resume_reading(self) -> None:
        """What waited is read soon."""
        self._reading = True
        self._loop.call_soon(self.send, b"")

    def is_reading(self) -> bool:
        """False while what is sent waits."""
        return self._reading

    def is_closing(self) -> bool:
        """True once either side closed it."""
        return self._closing

    def close(self) -> None:
        """Over; the protocol hears of it soon."""
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """As `close`: nothing waits to be written."""
        self.close()
