"""The HTTP shell, over real sockets: any bytes get an answer or are closed."""

import asyncio
import contextlib
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import binary, lists, sampled_from

from isthmus.monitor import http
from isthmus.monitor.answer import JSON, TEXT, Answer
from isthmus.monitor.conversation import BODY_BYTES_MAX, HEADER_BYTES_MAX
from isthmus.monitor.http import MonitorServer

pytestmark = pytest.mark.real

DOCUMENT = b'{"status":"ok"}'


ENDLESS = []


def long_body():
    for number in range(100):
        yield b"%d," % number * 1000


def half_body():
    yield from long_body()
    raise RuntimeError("half way")


def endless_body():
    while True:
        ENDLESS.append(1)
        yield bytes(10_000)


BODIES = {"/long": long_body, "/half": half_body, "/endless": endless_body}


def answer(target):
    if target in BODIES:
        return Answer(status=200, content_type=JSON, body=BODIES[target]())
    if target == "/boom":
        raise RuntimeError("a document failed")
    if target == "/nope":
        return Answer(status=404, content_type=TEXT, body=b"404 page not found\n")
    return Answer(status=200, content_type=JSON, body=DOCUMENT)


def talk(*chunks, idle_s=5.0, half_close=True, errors=None):
    """What comes back for these bytes until the server closes."""

    async def main():
        server = MonitorServer(
            answer, idle_s=idle_s, on_error=None if errors is None else errors.append
        )
        await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
            if half_close:
                writer.write_eof()
        data = b""
        with contextlib.suppress(ConnectionError):
            data = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await server.stop()
        return data

    return asyncio.run(main())


def get(target="/healthz", method="GET", headers="Host: x\r\n"):
    return f"{method} {target} HTTP/1.1\r\n{headers}\r\n".encode()


def test_a_document():
    head, _, body = talk(get()).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"Access-Control-Allow-Origin: *" in lines
    assert b"Content-Type: application/json" in lines
    assert b"Content-Length: 15" in lines
    assert body == DOCUMENT


def unchunk(body):
    """What a chunked body says; it must be whole."""
    out = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        if not int(size, 16):
            assert rest == b"\r\n"
            return out
        out, body = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


def test_a_long_body_goes_out_as_it_is_made():
    head, _, body = talk(get("/long"), get()).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    body, _, another = body.partition(b"HTTP/1.1 200")
    assert unchunk(body) == b"".join(long_body())
    assert another.endswith(DOCUMENT)  # and the connection goes on


def test_a_long_body_is_made_no_faster_than_it_is_taken():
    async def main():
        server = MonitorServer(answer)
        await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4096)
        writer.write(get("/endless"))
        await reader.readuntil(b"\r\n\r\n")
        ENDLESS.clear()
        while len(ENDLESS) < 100:
            await reader.readexactly(4096)
        made = -1
        while made != len(ENDLESS):  # nobody reads: it comes to a stop
            made = len(ENDLESS)
            await asyncio.sleep(0.05)
        writer.close()
        await server.stop()

    asyncio.run(main())


def test_old_clients_get_a_long_body_until_the_connection_ends():
    head, _, body = talk(b"GET /long HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"".join(long_body())


def test_a_body_that_fails_half_way_is_not_taken_for_whole():
    errors = []
    data = talk(get("/half"), errors=errors)
    assert data.startswith(b"HTTP/1.1 200")
    assert not data.endswith(b"0\r\n\r\n")
    assert str(errors[0]) == "half way"


def test_head_has_the_length_and_no_body():
    head, _, body = talk(get(method="HEAD")).partition(b"\r\n\r\n")
    assert b"Content-Length: 15" in head
    assert body == b""


def test_only_documents_may_be_read_by_other_sites():
    head = talk(get("/nope"))
    assert head.startswith(b"HTTP/1.1 404")
    assert b"Access-Control-Allow-Origin" not in head


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_other_methods_are_refused(method):
    data = talk(get(method=method))
    assert data.startswith(b"HTTP/1.1 405")
    assert b"Allow: GET, HEAD" in data


def test_a_connection_is_kept_for_the_next_request():
    data = talk(get(), get(), get())
    assert data.count(b"HTTP/1.1 200") == 3


def test_requests_may_come_together():
    assert talk(get() * 20).count(b"HTTP/1.1 200") == 20


def test_a_request_may_come_byte_by_byte():
    data = talk(*[bytes((byte,)) for byte in get()])
    assert data.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_a_connection_is_closed_when_asked_to(version):
    line = b"GET / %b\r\nHost: x\r\nConnection: close\r\n\r\n" % version
    assert talk(line, half_close=False).startswith(b"HTTP/1.1 200")


def test_a_body_is_read_and_ignored():
    line = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    assert talk(line + get()).count(b"HTTP/1.1 200") == 2


def test_a_body_that_is_too_long_is_refused():
    size = BODY_BYTES_MAX + 1
    line = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    assert talk(line, size * b"x").startswith(b"HTTP/1.1 413")


def test_a_client_that_waits_for_leave_gets_it():
    line = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"
    assert b"HTTP/1.1 200" in talk(line)


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\xff" * 100 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_once_and_closed(data):
    found = talk(data, half_close=False)
    assert found.startswith(b"HTTP/1.1 4")
    assert b"Connection: close" in found


def test_another_version_is_refused():
    found = talk(b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", half_close=False)
    assert found.startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")


def test_headers_have_a_bound():
    found = talk(
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + 2 * HEADER_BYTES_MAX * b"x", half_close=False
    )
    assert found == b"" or found.startswith(b"HTTP/1.1 431")


def test_an_endless_header_takes_no_memory():
    tracemalloc.start()
    talk(b"GET / HTTP/1.1\r\nX: ", *(64 * [65_536 * b"x"]), half_close=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * 1024 * 1024  # of 4 MiB sent; the test's own chunk is 64 KiB


def test_silence_is_closed():
    assert talk(idle_s=0.05, half_close=False) == b""
    assert talk(b"GET / HTTP/1.1\r\n", idle_s=0.05, half_close=False) == b""


def test_a_document_that_fails_is_500_and_the_server_lives_on():
    errors = []
    data = talk(get("/boom"), get(), errors=errors)
    assert data.startswith(b"HTTP/1.1 500")
    assert b"a document failed" not in data
    assert b"HTTP/1.1 200" in data
    assert [str(error) for error in errors] == ["a document failed"]


def test_connections_have_a_bound(monkeypatch):
    monkeypatch.setattr(http, "CONNECTIONS_MAX", 2)

    async def main():
        server = MonitorServer(answer)
        await server.start("127.0.0.1", 0)
        open_ones = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(get())
            with contextlib.suppress(ConnectionError):
                open_ones.append((await reader.read(12), writer))
        await server.stop()
        for _, writer in open_ones:
            writer.close()
        return [data for data, _ in open_ones if data]

    assert asyncio.run(main()) == [b"HTTP/1.1 200"] * 2


def test_a_stop_closes_what_is_open():
    async def main():
        server = MonitorServer(answer)
        await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get())
        await reader.readuntil(DOCUMENT)
        await server.stop()
        rest = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", server.port)
        return rest

    assert asyncio.run(main()) == b""


pieces = sampled_from(
    [
        b"GET ", b"POST ", b"/varz", b"/?a=%ff", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n",
        b"Host: x\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n", b"\x00",
        b"Connection: upgrade\r\n", b"Expect: 100-continue\r\n", b" ",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(lists(pieces | binary(max_size=20), max_size=12))
def test_any_bytes_get_an_answer_or_are_closed(parts):
    problems = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: problems.append(context)
        )
        server = MonitorServer(answer)
        await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            writer.write(b"".join(parts))
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(len(DOCUMENT))
        writer.close()
        await server.stop()
        return head, body

    head, body = asyncio.run(main())
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body) == {"status": "ok"}
    assert problems == []
