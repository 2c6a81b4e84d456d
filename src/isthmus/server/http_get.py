"""One GET of a small document from an account server: h11 over asyncio's streams.

Owns the bounds: DOCUMENT_BYTES_MAX of the body, HEADER_BYTES_MAX of the head, REDIRECTS_MAX, and
INTERIM_MAX of 100 Continue and the like. Knows no token. How long it may take is the caller's
time-out: a call that is cancelled closes its socket. Only status 200 is an answer. Invariant: an
answer in however many small pieces keeps the loop for AT_ONCE of them at a time.
"""

import asyncio
import ssl
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from isthmus.base.errors import NatsError

DOCUMENT_BYTES_MAX = 1024 * 1024  # the longest token there is
HEADER_BYTES_MAX = 16 * 1024
REDIRECTS_MAX = 5
INTERIM_MAX = 64
AT_ONCE = 32  # pieces of an answer: about a millisecond
_READ_BYTES = 65536
_PORTS = {"http": 80, "https": 443}


class FetchError(NatsError):
    """The document did not come: one line says which and why."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f'could not fetch <"{url}">: {why}')


class _Answer(NamedTuple):
    status: int
    location: str
    body: bytes


async def fetch(url: str) -> bytes:
    """The document at `url`. Raises `FetchError`."""
    target = url
    for _ in range(REDIRECTS_MAX + 1):
        parts = _parse(url, target)
        try:
            answer = await _ask(url, parts)
        except OSError as error:
            raise FetchError(url, error.strerror or str(error)) from None
        except (h11.ProtocolError, UnicodeError) as error:
            raise FetchError(url, f"no HTTP answer: {error}") from None
        if not 300 <= answer.status < 400 or not answer.location:
            break
        target = urljoin(target, answer.location)
        if parts.scheme == "https" and not target.startswith("https:"):
            raise FetchError(url, "redirected from https to another protocol")
    else:
        raise FetchError(url, f"redirected more than {REDIRECTS_MAX} times")
    if answer.status != HTTPStatus.OK:
        raise FetchError(url, _said(answer.status))
    return answer.body


def _parse(url: str, target: str) -> SplitResult:
    try:
        parts = urlsplit(target)
        named = parts.scheme in _PORTS and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named:
        raise FetchError(url, "not an http:// or https:// URL with a host")
    return parts


async def _ask(url: str, parts: SplitResult) -> _Answer:
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or _PORTS[parts.scheme], ssl=secure
    )
    try:
        writer.write(_request(connection := _begin(), parts))
        await writer.drain()
        return await _read(url, connection, reader)
    finally:
        writer.close()


def _begin() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_BYTES_MAX)


def _request(connection: h11.Connection, parts: SplitResult) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = [("Host", parts.netloc.rpartition("@")[2]), ("User-Agent", "isthmus")]
    request = h11.Request(method="GET", target=target, headers=[*headers, ("Connection", "close")])
    return (connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b"")


async def _read(url: str, connection: h11.Connection, reader: asyncio.StreamReader) -> _Answer:
    status, location, body = 0, "", bytearray()
    pieces = interim = 0
    while True:
        pieces += 1
        if pieces % AT_ONCE == 0:
            await asyncio.sleep(0)  # a read may hold thousands of them
        event = connection.next_event()
        match event:
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(_READ_BYTES))
            case h11.InformationalResponse():
                interim += 1
                if interim > INTERIM_MAX:
                    raise FetchError(url, f"more than {INTERIM_MAX} interim answers")
            case h11.Response():
                status = event.status_code
                named = dict(event.headers).get(b"location", b"")
                location = named.decode("ascii", "replace")
            case h11.Data():
                body += event.data
                if len(body) > DOCUMENT_BYTES_MAX:
                    raise FetchError(url, f"longer than {DOCUMENT_BYTES_MAX} bytes")
            case h11.EndOfMessage():
                return _Answer(status, location, bytes(body))
            case h11.ConnectionClosed():
                raise FetchError(url, "the server closed the connection without an answer")


def _said(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
