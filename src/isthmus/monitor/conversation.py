"""One HTTP connection: requests and answers in turn, over h11.

Owns the bytes of one connection. Knows no listener and no document: `answer` gives what a target
gets. Loaded with the first connection, since a server that nobody looks at needs none of it. A long
body is made as fast as it is taken: of one that is slow there is a chunk in memory.

    idle ── bytes ──► request complete ──► answer ──► idle (keep-alive) or closed
     └── `idle_s` without a whole request: closed
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

import h11

from isthmus.monitor.answer import JSON, TEXT, Answer, Pieces
from isthmus.monitor.http import CHUNK_BYTES

HEADER_BYTES_MAX = 16 * 1024  # request line and headers
BODY_BYTES_MAX = 16 * 1024  # of a request; nothing here takes one
WRITE_S = 10.0  # for an answer to be taken
_READ_BYTES = 4096


class Conversation:
    """One connection: requests and answers in turn."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Callable[[str], Awaitable[Answer]],
        take: Callable[[Pieces], Awaitable[bytes]],
        idle_s: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._take = take
        self._idle_s = idle_s
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)

    async def run(self) -> None:
        """Until either side ends it."""
        http = self._http
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    request = await self._request()
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
                return
            if request is None:
                return
            await self._respond(request)
            if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return
            http.start_next_cycle()

    async def _request(self) -> h11.Request | None:
        """The next whole request; None when the connection ends."""
        request: h11.Request | None = None
        body_bytes = 0
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(await self._reader.read(_READ_BYTES))
            elif isinstance(event, h11.Request):
                if event.http_version not in {b"1.0", b"1.1"}:
                    raise h11.RemoteProtocolError("version", error_status_hint=505)
                request = event
            elif isinstance(event, h11.Data):
                body_bytes += len(event.data)
                if body_bytes > BODY_BYTES_MAX:
                    raise h11.RemoteProtocolError("body too long", error_status_hint=413)
            elif isinstance(event, h11.EndOfMessage):
                return request
            else:  # ConnectionClosed, PAUSED
                return None

    async def _respond(self, request: h11.Request) -> None:
        head = request.method == b"HEAD"
        if request.method not in {b"GET", b"HEAD"}:
            answer = Answer(status=405, content_type=TEXT, body=b"405 Method Not Allowed\n")
        else:
            answer = await self._answer(request.target.decode("ascii", "replace"))
        headers = [
            ("Content-Type", answer.content_type),
            ("Date", formatdate(usegmt=True)),
        ]
        if answer.content_type == JSON:
            headers.insert(0, ("Access-Control-Allow-Origin", "*"))
        if answer.status == 405:
            headers.append(("Allow", "GET, HEAD"))
        begun = answer.body if isinstance(answer.body, bytes) else await self._take(answer.body)
        if isinstance(answer.body, bytes) or len(begun) < CHUNK_BYTES:  # that is all
            headers.append(("Content-Length", str(len(begun))))
        await self._send(_response(answer.status, headers))
        if not head:
            await self._send_body(begun, answer.body)
        await self._send(h11.EndOfMessage())

    async def _send_body(self, begun: bytes, body: bytes | Pieces) -> None:
        """What is made already, then the rest as it is made and taken."""
        for at in range(0, len(begun), CHUNK_BYTES):
            await self._send(h11.Data(data=begun[at : at + CHUNK_BYTES]))
        while not isinstance(body, bytes) and (some := await self._take(body)):
            await self._send(h11.Data(data=some))

    async def _refuse(self, status: int) -> None:
        """Say what was wrong with the bytes, if that can still be said."""
        with contextlib.suppress(h11.LocalProtocolError):
            headers = [("Content-Type", TEXT), ("Connection", "close")]
            await self._send(_response(status, headers))
            await self._send(h11.Data(data=f"{status} {HTTPStatus(status).phrase}".encode()))
            await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            async with asyncio.timeout(WRITE_S):
                await self._writer.drain()


def _response(status: int, headers: list[tuple[str, str]]) -> h11.Response:
    reason = HTTPStatus(status).phrase.encode()
    return h11.Response(status_code=status, reason=reason, headers=headers)
