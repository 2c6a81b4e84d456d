"""Mirrors and sources that read through a consumer which somebody made, on both servers."""

import json

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle, pytest.mark.real]


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store")).start() as one:
        yield one


@pytest.fixture
def client(server):
    with RawClient(server.port) as connected:
        yield connected


def origin(client, name, policy="flow_control"):
    """A stream with five messages, and a consumer of it that pushes."""
    client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]})
    for number in range(5):
        client.request(f"{name}.{number}", b"%d" % number)
    config = {
        "durable_name": "D",
        "ack_policy": policy,
        "deliver_subject": f"to.{name}",
        "flow_control": True,
        "idle_heartbeat": 1_000_000_000,
    }
    made = client.api(f"CONSUMER.CREATE.{name}.D", {"stream_name": name, "config": config})
    assert b'"error"' not in made
    return {"name": name, "consumer": {"name": "D", "deliver_subject": f"to.{name}"}}


def info(client, name):
    return json.loads(client.api(f"STREAM.INFO.{name}"))


def held(client, name):
    return info(client, name)["state"]["messages"]


def test_a_mirror_reads_through_it(client):
    source = origin(client, "MO")
    made = json.loads(client.api("STREAM.CREATE.MC", {"name": "MC", "mirror": source}))
    assert made["config"]["mirror"] == source
    wait_for(lambda: held(client, "MC") == 5)
    client.request("MO.new", b"new")
    wait_for(lambda: held(client, "MC") == 6)
    assert json.loads(client.api("CONSUMER.NAMES.MO"))["consumers"] == ["D"]
    client.api("STREAM.DELETE.MC")
    assert json.loads(client.api("CONSUMER.NAMES.MO"))["consumers"] == ["D"], "it is not theirs"


def test_a_source_reads_through_it_and_says_so(client):
    source = origin(client, "SO")
    client.api("STREAM.CREATE.SC", {"name": "SC", "sources": [source]})
    wait_for(lambda: held(client, "SC") == 5)
    client.request("SO.new", b"new")
    wait_for(lambda: held(client, "SC") == 6)
    [told] = info(client, "SC")["sources"]
    assert (told["name"], told["lag"], told["seq"]) == ("SO", 0, 6)


@pytest.mark.parametrize(
    ("kind", "code", "what"), [("mirror", 10214, "mirror"), ("sources", 10217, "source")]
)
def test_it_must_be_acknowledged_by_flow_control(client, kind, code, what):
    name = f"N{what}"
    source = origin(client, name, policy="none")
    origins = source if kind == "mirror" else [source]
    client.api(f"STREAM.CREATE.{name}C", {"name": f"{name}C", kind: origins})

    def error():
        told = info(client, f"{name}C")[kind]
        return (told if kind == "mirror" else told[0]).get("error")

    wait_for(lambda: error() is not None)
    assert error() == {
        "code": 400,
        "err_code": code,
        "description": f"stream {what} consumer requires flow control ack policy",
    }
    assert held(client, f"{name}C") == 0


def test_the_answer_says_which_stream_it_is_to_who_asks(client):
    origin(client, "WHO")
    asked = ((b"", False), (b": ", True), (b": another", True))
    for value, expected in asked:
        header = b"NATS/1.0\r\nNats-Stream-Identity" + value + b"\r\n\r\n" if value else b""
        answer = client.request("$JS.API.CONSUMER.RESET.WHO.D", b'{"seq":3}', header=header)
        assert json.loads(answer.payload)["reset_seq"] == 3
        assert (b"Nats-Stream-Identity: " in answer.header) is expected
