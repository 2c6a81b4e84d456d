"""Clients in one event loop that are cut without a goodbye, and come back.

A `Worker` reads the protocol and hands on what it means; who inherits says what it does with it.
Everything that one read brought is handed on before `settle`, so answers leave together.
"""

import asyncio
import json
from collections.abc import Callable


class Worker(asyncio.Protocol):
    """One connection; `ended` is done when it is over, and holds what went wrong in here."""

    def __init__(self) -> None:
        self._data = b""
        self._greeted = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- for who inherits ---

    def greet(self, info: dict[str, object]) -> None:
        """The server said who it is: log in, subscribe."""
        raise NotImplementedError

    def message(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        """A message, with or without a header."""
        raise NotImplementedError

    def status(self, subject: bytes, code: int) -> None:
        """A status instead of a message."""
        raise NotImplementedError

    def settle(self) -> None:
        """Everything of one read was handed on."""

    def say(self, *lines: bytes) -> None:
        self.transport.write(b"".join(line + b"\r\n" for line in lines))

    def cut(self) -> None:
        """No goodbye: what was not sent is lost."""
        self.transport.abort()

    # --- the event loop tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.done():
            return
        if exc is None or isinstance(exc, OSError):
            self.ended.set_result(None)
        else:
            self.ended.set_exception(exc)

    def data_received(self, data: bytes) -> None:
        self._data += data
        position = 0
        while (end := self._data.find(b"\r\n", position)) >= 0:
            line = self._data[position:end]
            if line.startswith((b"MSG ", b"HMSG ")):
                words = line.split(b" ")
                size = int(words[-1])
                if len(self._data) < end + 2 + size + 2:
                    break
                self._hand_on(words, self._data[end + 2 : end + 2 + size])
                position = end + 2 + size + 2
            else:
                position = end + 2
                self._aside(line)
        self._data = self._data[position:]
        if not self.transport.is_closing():
            self.settle()

    def _hand_on(self, words: list[bytes], body: bytes) -> None:
        names = words[1:-1]
        if words[0] == b"HMSG":
            size = int(names.pop())
            header, body = body[:size], body[size:]
            code = header[9:12]
            if code.isdigit():
                self.status(words[1], int(code))
                return
        self.message(words[1], names[2] if len(names) == 3 else b"", body)

    def _aside(self, line: bytes) -> None:
        if line.startswith(b"INFO ") and not self._greeted:
            self._greeted = True
            self.greet(json.loads(line[5:]))
        elif line == b"PING":
            self.say(b"PONG")
        else:
            assert not line.startswith(b"-ERR"), line


async def keep_working(
    make: Callable[[int], Worker], port: Callable[[], int], done: Callable[[], bool]
) -> None:
    """One client after another until everything is done; `make` is told which life it is."""
    loop = asyncio.get_running_loop()
    life = 0
    while not done():
        life += 1
        try:
            transport, worker = await loop.create_connection(
                lambda: make(life),  # noqa: B023 — called before the next life
                "127.0.0.1",
                port(),
            )
        except ConnectionError:
            await asyncio.sleep(0.02)  # the server is down
            continue
        while not worker.ended.done() and not done():
            await asyncio.wait([worker.ended], timeout=0.2)
        if worker.ended.done():
            worker.ended.result()
        await asyncio.sleep(0.3 if done() else 0)  # the last acknowledgements leave
        transport.close()
