"""One GET: whatever the other side says, it is a document or one line of what was wrong."""

import asyncio

import pytest

from isthmus.server.http_get import (
    AT_ONCE,
    DOCUMENT_BYTES_MAX,
    INTERIM_MAX,
    FetchError,
    fetch,
)

OK = b"HTTP/1.1 200 OK\r\n"


def answered(*answers: bytes) -> tuple[object, list[bytes]]:
    """What `fetch` makes of a server that says these one after the other, and what it was asked."""
    asked: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        answer = left.pop(0)
        writer.write(answer.replace(b"@", str(port).encode()))
        writer.close()

    async def main() -> object:
        nonlocal port
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            try:
                return await asyncio.wait_for(fetch(f"http://127.0.0.1:{port}/a/b?c"), 10)
            except FetchError as error:
                return str(error).partition(">: ")[2]

    port = 0
    return asyncio.run(main()), asked


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        OK + b"\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
    ],
)
def test_a_document(answer):
    found, asked = answered(answer)
    assert found == b"hello"
    assert asked[0].startswith(b"GET /a/b?c HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"),
        (b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n", "299"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "302 Found"),
        (b"SSH-2.0\r\n\r\n", "no HTTP answer"),
        (OK + b"Content-Length: 5\r\n\r\nhe", "no HTTP answer"),
        (OK + b"A: " + b"x" * 100_000, "no HTTP answer"),
        (b"", "no HTTP answer"),
        (OK + b"\r\n" + b"x" * (DOCUMENT_BYTES_MAX + 1), "longer than"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * (INTERIM_MAX + 1), "more than 64 interim answers"),
        (b"HTTP/1.1 302 Found\r\nLocation: ftp://a/\r\nContent-Length: 0\r\n\r\n", "not an http"),
    ],
)
def test_what_is_no_document(answer, text):
    found, _ = answered(answer)
    assert found.startswith(text)


def test_others_have_their_turns_while_an_answer_of_small_pieces_is_read():
    """All of it comes in one read; a turn for others is counted by who asks for one again."""
    pieces = 2000
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * pieces + b"0\r\n\r\n"
    turns = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            counting = asyncio.create_task(count())
            try:
                return await fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            finally:
                counting.cancel()

    assert asyncio.run(main()) == b"x" * pieces
    assert turns >= pieces // AT_ONCE


def test_redirections_are_followed_a_few_times():
    there = b"HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:@/%d\r\nContent-Length: 0\r\n\r\n"
    found, asked = answered(*(there % n for n in range(3)), OK + b"Content-Length: 1\r\n\r\nx")
    assert found == b"x"
    assert [line.split()[1] for line in asked] == [b"/a/b?c", b"/0", b"/1", b"/2"]
    assert answered(*[there % 0] * 9)[0] == "redirected more than 5 times"


@pytest.mark.parametrize("url", ["", "x", "http://", "http://a:99999/", "ftp://a/", "http://[x/"])
def test_what_is_no_url(url):
    with pytest.raises(FetchError):
        asyncio.run(fetch(url))


def test_nobody_listens():
    with pytest.raises(FetchError, match="Connect"):
        asyncio.run(fetch("http://127.0.0.1:1/"))
