import asyncio
import re
import threading

import nats as client
import pytest

from isthmus.cli.nats.connect import read_by_server


class Responder:
    """Answers every request on a subject, from an own loop, until it is stopped."""

    def __init__(self, url: str, subject: str, *answers: bytes, headers=None) -> None:
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete,
            args=(self._run(url, subject, answers, headers),),
            daemon=True,
        )
        self._thread.start()
        assert self._ready.wait(10)

    async def _run(self, url, subject, answers, headers) -> None:
        self._stop = asyncio.Event()
        connection = await client.connect(url)

        async def answer(message) -> None:
            for data in answers:
                await connection.publish(message.reply, data or message.data, headers=headers)

        await connection.subscribe(subject, cb=answer)
        await read_by_server(connection, 5)
        self._ready.set()
        await self._stop.wait()
        await connection.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.fixture
def responder(server):
    made = []

    def start(subject: str, *answers: bytes, headers=None) -> None:
        made.append(Responder(server.url, subject, *answers, headers=headers))

    yield start
    for one in made:
        one.stop()


def test_a_stream_answers_with_its_bytes_unchanged(restock):
    done = restock("request", "retail.item", "Restock for item 5678 pronto!")
    assert done.code == 0
    assert done.out == '{"stream":"RESTOCK","seq":4}\n\n\n'
    first, second = done.err.splitlines()
    assert first.endswith(' Sending request on "retail.item"')
    assert re.search(r"Received with rtt [0-9.]+(µs|ms|s)$", second)


def test_req_is_an_alias(restock):
    assert '"seq":4' in restock.ok("req", "retail.item", "x")


def test_raw_shows_the_body_alone(restock):
    done = restock("request", "retail.item", "x", "--raw")
    assert done.out == '{"stream":"RESTOCK","seq":4}\n\n\n'
    assert done.err == ""


def test_several_requests_are_sent_one_after_the_other(restock):
    out = restock.ok("request", "retail.item", "x", "--count", "3", "--raw")
    assert re.findall(r'"seq":(\d+)', out) == ["4", "5", "6"]


def test_headers_of_the_reply_are_logged(nats, responder):
    responder("ask", b"", headers={"A": "1"})
    done = nats("request", "ask", "echo me")
    assert done.out == "echo me\n\n\n"
    assert " A: 1\n" in done.err


def test_several_replies_are_shown(nats, responder):
    responder("ask", b"one", b"two", b"three")
    assert nats.ok("request", "ask", "x", "--replies", "2", "--raw") == "one\n\n\ntwo\n\n\n"


def test_fewer_replies_than_wanted_are_fine(nats, responder):
    responder("ask", b"one", b"two")
    out = nats.ok("request", "ask", "x", "--replies", "5", "--reply-timeout", "50ms", "--raw")
    assert out == "one\n\n\ntwo\n\n\n"


def test_all_replies_within_the_timeout(nats, responder):
    responder("ask", b"one", b"two")
    out = nats.ok("request", "ask", "x", "--replies", "0", "--timeout", "300ms", "--raw")
    assert out == "one\n\n\ntwo\n\n\n"


def test_the_input_is_the_body(nats, responder):
    responder("ask", b"")
    assert nats.ok("request", "ask", "--raw", stdin="from input") == "from input\n\n\n"


def test_nobody_there_is_an_error(nats):
    done = nats("request", "nobody", "x")
    assert done.code == 1
    assert "No responders are available" in done.err
    assert done.err.endswith('nats: error: nats: no responders available for request on "nobody"\n')


def test_no_answer_is_an_error(nats):
    listening = nats.later("sub", "silent", "--count", "1")
    listening.wait_until("Subscribing")
    nats.ok("rtt")
    assert nats.fails("request", "silent", "x", "--timeout", "200ms") == "nats: timeout"
    assert listening.done().code == 0


def test_a_malformed_subject_is_refused(nats):
    assert nats.fails("request", "a..b", "x") == "nats: invalid subject"


def test_the_inbox_has_the_prefix_of_the_run(nats):
    listening = nats.later("sub", "ask", "--count", "1")
    listening.wait_until("Subscribing")
    nats.ok("rtt")
    nats("request", "ask", "x", "--inbox-prefix", "_MINE", "--timeout", "200ms")
    assert 'with reply "_MINE.' in listening.done().out


def test_a_reply_goes_through_a_program(nats):
    replying = nats.later("reply", "svc", "hello", "--count", "1")
    replying.wait_until("Listening")
    assert nats("request", "svc", "x", "--translate", "tr a-z A-Z").out == "HELLO\n\n\n"
    assert replying.done().code == 0
