"""Events of JetStream and of servers, as they are shown."""

import json

import pytest

from isthmus.cli.nats.event_view import cloud_event, long_event, short_event

CONNECT = {
    "type": "io.nats.server.advisory.v1.client_connect",
    "id": "E1",
    "timestamp": "2026-11-23T08:30:36.1Z",
    "server": {"name": "one"},
    "client": {"id": 5, "acc": "A", "user": "u", "lang": "go", "ver": "1.2", "host": "h"},
}
DISCONNECT = CONNECT | {
    "type": "io.nats.server.advisory.v1.client_disconnect",
    "reason": "Client Closed",
    "sent": {"msgs": 1, "bytes": 2},
    "received": {"msgs": 1000, "bytes": 2048},
}
ACTION = {
    "type": "io.nats.jetstream.advisory.v1.consumer_action",
    "id": "E2",
    "timestamp": "2026-11-23T08:30:36.1Z",
    "stream": "S",
    "consumer": "C",
    "action": "create",
}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (CONNECT, "[Connection] user: u cid: 5 in account A"),
        (DISCONNECT, "[Disconnection] user: u cid: 5 in account A: Client Closed"),
        (ACTION, "[Consumer Create] S > C"),
        ({"type": "io.nats.x.v1.strange", "stream": "S", "time": ""}, "[strange] S"),
    ],
)
def test_one_line_for_each(event, line):
    assert short_event(event | {"timestamp": "2026-11-23T08:30:36.1Z"})[9:] == line


def test_a_block_for_each():
    lines = long_event(DISCONNECT).splitlines()
    assert lines[0].endswith("] [E1] Client Disconnection")
    rows = [line.strip() for line in lines if line]
    assert rows[1:5] == ["Reason: Client Closed", "Server: one", "Client:", "ID: 5"]
    assert "Library Version: 1.2  Language: go" in rows
    assert "Client Published: 1,000 messages (2.0 KiB)" in rows
    assert "Consumer Create Action" in long_event(ACTION)


def test_the_envelope_of_cloud_events():
    found = cloud_event(ACTION)
    assert found["source"] == "urn:nats:jetstream"
    assert found["subject"] == "advisory"
    assert found["dataschema"].endswith("/jetstream/advisory/v1/consumer_action.json")
    assert found["data"] == ACTION


@pytest.fixture
def advisories(nats):
    """Start `nats events` for a number of JetStream's stream and consumer actions."""

    def start(*flags: str, count: int = 3):
        line = ("events", "--js-advisory", "--no-srv-advisory", "--filter", "_action")
        running = nats.later(*line, "--count", str(count), *flags)
        running.wait_until("ADVISORY" if "--json" not in flags else "")
        return running

    return start


def act(nats) -> None:
    nats.ok("stream", "add", "S", "--subjects", "s", "--defaults")
    nats.ok("consumer", "add", "S", "C", "--pull", "--defaults")
    nats.ok("consumer", "rm", "S", "C", "-f")


def test_what_jetstream_does_is_shown(nats, advisories):
    running = advisories("--short")
    nats.ok("rtt")
    act(nats)
    done = running.done()
    assert done.code == 0
    head, *lines = done.out.splitlines()
    assert head == "Listening for Advisories on $JS.EVENT.ADVISORY.>"
    shown = [line[9:] for line in lines]
    assert shown == ["[Stream Create] S", "[Consumer Create] S > C", "[Consumer Delete] S > C"]


def test_own_subjects_and_json(nats):
    line = ("events", "--no-srv-advisory", "--subjects", "own.>", "--filter", "hi")
    running = nats.later(*line, "--count", "1")
    running.wait_until("Listening for Custom events on own.>")
    nats.ok("rtt")
    nats.ok("pub", "own.x", "no JSON, but it says hi")
    assert "Event error: JSON is malformed" in running.done().out
    again = nats.later(*line, "--count", "1", "--json")
    for _ in range(200):
        if "no responders" not in nats("req", "own.x", "probe", "--timeout", "50ms").err:
            break
    nats.ok("pub", "own.x", '{"hi": 1}')
    assert json.loads(again.done().out) == {"hi": 1}


def test_bad_flags_are_refused(tool):
    assert "--filter (" in tool.fails("events", "--filter", "(", code=2)
