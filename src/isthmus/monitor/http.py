"""The HTTP shell of monitoring: h11 over asyncio's streams.

Owns sockets, time-outs and bounds; what is answered is `routes.py`'s. Whatever bytes come in, the
connection gets an answer or is closed, and keeps at most `HEADER_BYTES_MAX` of them.

    idle ── bytes ──► request complete ──► answer ──► idle (keep-alive) or closed
     └── IDLE_S without a whole request: closed
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus

import h11

from isthmus.monitor.routes import JSON, TEXT, Answer
from isthmus.monitor.slices import Sliced

HEADER_BYTES_MAX = 16 * 1024  # request line and headers
BODY_BYTES_MAX = 16 * 1024  # of a request; nothing here takes one
CONNECTIONS_MAX = 128  # more are closed at once
IDLE_S = 30.0  # for a whole request to arrive, and between requests
WRITE_S = 10.0  # for an answer to be taken
_READ_BYTES = 4096


async def work_off_alone(work: Sliced[Answer]) -> Answer:
    """A slice each time the loop comes round."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Answer = end.value
            return found
        await asyncio.sleep(0)


class MonitorServer:
    """A listener that answers GET and HEAD with what `answer` says for the target.

    `work_off` carries out answers made in slices, beside everything else.
    """

    def __init__(
        self,
        answer: Callable[[str], Answer | Sliced[Answer]],
        *,
        idle_s: float = IDLE_S,
        work_off: Callable[[Sliced[Answer]], Awaitable[Answer]] = work_off_alone,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self._answer = answer
        self._work_off = work_off
        self._idle_s = idle_s
        self._on_error = on_error
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` is what was bound afterwards. Raises `OSError`."""
        self._server = await asyncio.start_server(
            self._serve, host, max(port, 0), limit=HEADER_BYTES_MAX
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
            await _Conversation(reader, writer, self._answer_safely, self._idle_s).run()
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

    def _failed(self, error: Exception) -> Answer:
        if self._on_error is not None:
            self._on_error(error)
        return Answer(status=500, content_type=TEXT, body=b"500 Internal Server Error")


class _Conversation:
    """One connection: requests and answers in turn."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Callable[[str], Awaitable[Answer]],
        idle_s: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
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
            ("Content-Length", str(len(answer.body))),
        ]
        if answer.content_type == JSON:
            headers.insert(0, ("Access-Control-Allow-Origin", "*"))
        if answer.status == 405:
            headers.append(("Allow", "GET, HEAD"))
        await self._send(_response(answer.status, headers))
        if not head:
            await self._send(h11.Data(data=answer.body))
        await self._send(h11.EndOfMessage())

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
