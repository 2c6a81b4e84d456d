"""Which stream an origin is, told and asked by `Nats-Stream-Identity`, on both servers.

The identity stands for the moment at which a stream was made. Who copies a stream is told it with
its consumer and asks with it from then on: another stream of that name refuses (10225). Below, a
raw client plays each side.
"""

import base64
import hashlib
import json
import string

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle, pytest.mark.real]

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
HEADER = "Nats-Stream-Identity"
PUSH = {"ack_policy": "none", "deliver_subject": "to.copies"}
COPY = {**PUSH, "flow_control": True, "idle_heartbeat": 1_000_000_000, "direct": True}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store")).start() as one:
        yield one


@pytest.fixture
def client(server):
    with RawClient(server.port) as connected:
        yield connected


def make(client, name, **config):
    """A stream with a message; the identity that its moment of creation gives it."""
    answer = json.loads(client.api(f"STREAM.CREATE.{name}", {"name": name, **config}))
    assert "error" not in answer, answer
    digest = hashlib.sha256(answer["created"].encode()).digest()[:8]
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest)


def lines(header):
    """The lines of a header block."""
    found = [line.partition(": ") for line in header.decode().split("\r\n")[1:] if line]
    return {name: value for name, _, value in found}


def consume(client, stream, name, config, identity=None):
    """A consumer asked for by who expects `identity`: headers and body of the answer."""
    block = b"" if identity is None else f"NATS/1.0\r\n{HEADER}: {identity}\r\n\r\n".encode()
    body = json.dumps({"stream_name": stream, "config": {"name": name, **config}}).encode()
    answer = client.request(f"$JS.API.CONSUMER.CREATE.{stream}.{name}", body, header=block)
    return lines(answer.header), json.loads(answer.payload)


def test_who_copies_is_told_which_stream_it_is(client):
    identity = make(client, "TOLD", subjects=["told"])
    headers, made = consume(client, "TOLD", "A", COPY)
    assert "error" not in made
    assert headers == {HEADER: identity}
    headers, made = consume(client, "TOLD", "B", COPY, identity)
    assert "error" not in made
    assert headers == {HEADER: identity}


def test_nobody_else_is_told(client):
    make(client, "PLAIN", subjects=["plain"])
    for expected in (None, "AAAAAAAA"):
        headers, made = consume(client, "PLAIN", "C", PUSH, expected)
        assert "error" not in made, "it is not asked for either"
        assert headers == {}


def test_a_copy_of_another_stream_is_refused_and_nothing_is_made(client):
    identity = make(client, "OTHER", subjects=["other"])
    headers, answer = consume(client, "OTHER", "D", COPY, "AAAAAAAA")
    assert headers == {}
    assert answer == {
        "type": "io.nats.jetstream.api.v1.consumer_create_response",
        "error": {
            "code": 400,
            "err_code": 10225,
            "description": f"consumer's stream identity does not match: {identity}",
        },
    }
    missing = json.loads(client.api("CONSUMER.INFO.OTHER.D"))
    assert missing["error"]["err_code"] == 10014


def test_a_stream_that_was_made_anew_is_another(client):
    before = make(client, "ANEW", subjects=["anew"])
    client.api("STREAM.UPDATE.ANEW", {"name": "ANEW", "subjects": ["anew", "more"]})
    headers, _ = consume(client, "ANEW", "E", COPY, before)
    assert headers == {HEADER: before}, "an update changes nothing in it"
    client.api("STREAM.DELETE.ANEW")
    after = make(client, "ANEW", subjects=["anew"])
    assert after != before
    _, answer = consume(client, "ANEW", "E", COPY, before)
    assert answer["error"]["err_code"] == 10225


def label(client, source):
    """What the first copy of a message says of where it comes from."""
    make(client, "COPY", sources=[source])
    wait_for(lambda: json.loads(client.api("STREAM.INFO.COPY"))["state"]["messages"] == 1)
    found = json.loads(client.api("STREAM.MSG.GET.COPY", {"seq": 1}))["message"]
    client.api("STREAM.DELETE.COPY")
    return lines(base64.b64decode(found["hdrs"]))["Nats-Stream-Source"].split(" ")


def test_each_copied_message_names_it(client):
    identity = make(client, "FROM", subjects=["from"])
    client.request("from", b"x")
    assert label(client, {"name": "FROM"}) == ["FROM", "1", ">", ">", "from", identity]


def test_so_does_one_that_came_through_a_chosen_consumer(client):
    identity = make(client, "CHOSEN", subjects=["chosen"])
    client.request("chosen", b"x")
    config = {**COPY, "ack_policy": "flow_control", "direct": False, "durable_name": "G"}
    _, made = consume(client, "CHOSEN", "G", config)
    assert "error" not in made
    through = {"name": "G", "deliver_subject": config["deliver_subject"]}
    name, *fields = label(client, {"name": "CHOSEN", "consumer": through})
    assert name.startswith("CHOSEN:C=")
    assert fields == ["1", ">", ">", "chosen", identity]


class Origin:
    """A client that answers what is asked below `prefix`, as the server of a stream would."""

    def __init__(self, client, prefix):
        self.client = client
        self.asked = 0
        client.send(f"SUB {prefix}.> 77\r\n".encode())
        client.settle()

    def request(self):
        """The next request for a consumer: headers, its configuration, where the answer goes."""
        while (message := self.client.message(15)) is not None:
            if ".CONSUMER.CREATE." in message.subject:
                self.asked += 1
                config = json.loads(message.payload)["config"]
                return lines(message.header), config, message.reply
        raise AssertionError(f"no request came after {self.asked}")

    def give(self, config, reply, passed_seq, identity):
        """There is your consumer; it begins behind `passed_seq`."""
        place = {"consumer_seq": 0, "stream_seq": passed_seq}
        body = {
            "type": "io.nats.jetstream.api.v1.consumer_create_response",
            "stream_name": "FAR",
            "name": f"{config.get('name', 'C')}-{self.asked}",
            "config": config,
            "delivered": place,
            "ack_floor": {"consumer_seq": 0, "stream_seq": 0},
        }
        header = f"NATS/1.0\r\n{HEADER}: {identity}\r\n\r\n".encode()
        self.client.publish(reply, json.dumps(body).encode(), header=header)

    def refuse(self, reply, identity):
        """You mean another stream."""
        text = f"consumer's stream identity does not match: {identity}"
        error = {"code": 400, "err_code": 10225, "description": text}
        body = {"type": "io.nats.jetstream.api.v1.consumer_create_response", "error": error}
        self.client.publish(reply, json.dumps(body).encode())

    def lose(self, config):
        """A heartbeat that tells of deliveries which never came: it will ask again."""
        beat = b"Nats-Last-Consumer: 4\r\nNats-Last-Stream: 12"
        header = b"NATS/1.0 100 Idle Heartbeat\r\n" + beat + b"\r\n\r\n"
        self.client.publish(config["deliver_subject"], header=header)


@pytest.mark.slow
def test_a_source_asks_for_the_stream_it_knows_and_begins_anew_with_another(client, server):
    far = {"name": "FAR", "external": {"api": "far.api", "deliver": "far.to"}}
    with RawClient(server.port) as other:
        origin = Origin(other, "far.api")
        make(client, "NEAR", sources=[far])
        headers, first, reply = origin.request()
        assert headers[HEADER] == "", "it knows none yet"
        assert "opt_start_seq" not in first
        origin.give(first, reply, 7, "AAAAAAAA")
        other.settle()
        origin.lose(first)
        headers, second, reply = origin.request()
        assert headers[HEADER] == "AAAAAAAA"
        assert second["opt_start_seq"] == 8
        origin.refuse(reply, "BBBBBBBB")
        headers, third, reply = origin.request()
        assert headers[HEADER] == ""
        assert "opt_start_seq" not in third
        client.api("STREAM.DELETE.NEAR")


def test_a_mirror_expects_no_stream_in_particular(client, server):
    far = {"name": "FAR", "external": {"api": "mirrored.api", "deliver": "mirrored.to"}}
    with RawClient(server.port) as other:
        origin = Origin(other, "mirrored.api")
        make(client, "SAME", mirror=far)
        headers, _, _ = origin.request()
        assert headers == {"Nats-Required-Api-Level": "4"}
        client.api("STREAM.DELETE.SAME")


def test_who_is_alone_lists_everything(client):
    """Incomplete results (10004) are of clusters, as is a list of what is missing in them."""
    make(client, "LISTED", subjects=["listed"])
    consume(client, "LISTED", "F", PUSH)
    bodies = (b"", {}, {"offset": 1}, {"offset": 10_000})
    for verb in ("STREAM.LIST", "STREAM.NAMES", "CONSUMER.LIST.LISTED", "CONSUMER.NAMES.LISTED"):
        for body in bodies:
            answer = json.loads(client.api(verb, body))
            assert {"error", "missing", "offline"}.isdisjoint(answer), (verb, body)
            assert answer["total"] >= 1
