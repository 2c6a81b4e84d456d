"""The listener of monitoring.

Owns the sockets and how many there are; what is said on one is `conversation.py`'s, what is
answered `routes.py`'s. Invariant: whatever comes in, the connection gets an answer or is closed.
The code for both is loaded with the first connection, in a thread: it is some megabytes, and a
server that nobody looks at does without.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from isthmus.base.slices import Sliced
from isthmus.monitor.answer import TEXT, Answer, Pieces

if TYPE_CHECKING:
    from isthmus.monitor.conversation import Conversation

CONNECTIONS_MAX = 128  # more are closed at once
STREAM_BYTES_MAX = 16 * 1024  # kept of what a connection sends
CHUNK_BYTES = 64 * 1024  # of a long body: made, then sent, then the next
IDLE_S = 30.0  # for a whole request to arrive, and between requests


async def work_off_alone(work: Sliced[Answer]) -> Answer:
    """A slice each time the loop comes round."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Answer = end.value
            return found
        await asyncio.sleep(0)


async def take_alone(body: Pieces) -> bytes:
    """A piece each time the loop comes round."""
    found = bytearray()
    for piece in body:
        found += piece
        if len(found) >= CHUNK_BYTES:
            break
        await asyncio.sleep(0)
    return bytes(found)


class MonitorServer:
    """A listener that answers GET and HEAD with what `answer` says for the target.

    `work_off` carries out answers made in slices, beside everything else; `take` makes the next
    part of a body: CHUNK_BYTES at least, or what is left.
    """

    def __init__(
        self,
        answer: Callable[[str], Answer | Sliced[Answer]],
        *,
        idle_s: float = IDLE_S,
        work_off: Callable[[Sliced[Answer]], Awaitable[Answer]] = work_off_alone,
        take: Callable[[Pieces], Awaitable[bytes]] = take_alone,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self._answer = answer
        self._work_off = work_off
        self._take = take
        self._idle_s = idle_s
        self._on_error = on_error
        self._server: asyncio.Server | None = None
        self._conversation: type[Conversation] | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` is what was bound afterwards. Raises `OSError`."""
        self._server = await asyncio.start_server(
            self._serve, host, max(port, 0), limit=STREAM_BYTES_MAX
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for writer in self._open.values():
            writer.transport.abort()  # whoever reads from it comes to its end
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            if self._conversation is None:
                self._conversation = await asyncio.to_thread(_load)
            await self._conversation(
                reader, writer, self._answer_safely, self._take_safely, self._idle_s
            ).run()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone, or takes too long
        finally:
            del self._open[task]
            writer.close()

    async def _answer_safely(self, target: str) -> Answer:
        """A document that fails must not take the connection or the server with it."""
        try:
            answer = self._answer(target)
        except Exception as error:  # noqa: BLE001 — reported, and the client is told
            return self._failed(error)
        if isinstance(answer, Answer):
            return answer
        return await self._work_off(self._at_length(answer))

    def _at_length(self, work: Sliced[Answer]) -> Sliced[Answer]:
        """`work`, made safe likewise."""
        try:
            return (yield from work)
        except Exception as error:  # noqa: BLE001 — as above
            return self._failed(error)

    async def _take_safely(self, body: Pieces) -> bytes:
        """What fails in the middle of a body ends the connection: nobody takes it for whole."""
        try:
            return await self._take(body)
        except Exception as error:
            self._failed(error)
            raise ConnectionAbortedError from error

    def _failed(self, error: Exception) -> Answer:
        if self._on_error is not None:
            self._on_error(error)
        return Answer(status=500, content_type=TEXT, body=b"500 Internal Server Error")


def _load() -> type["Conversation"]:
    """What only a server needs that somebody looks at."""
    import isthmus.monitor.routes  # noqa: F401, PLC0415 — whoever answers imports it on the loop
    from isthmus.monitor.conversation import Conversation  # noqa: PLC0415

    return Conversation
