"""The life of streams and consumers by $JS.API: two servers hear the same and say the same.

Each step is sent to our server and to the real one; the answers are compared whole, after times and
ids of the moment were replaced. What is stored survives a restart on both.
"""

import json
import re

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle, pytest.mark.real]

KINDS = ("isthmus", "real")
TIME = re.compile(rb'"\d{4}-\d\d-\d\dT[\d:.]+Z"')
STREAM = {"name": "S", "subjects": ["s.>"], "duplicate_window": 60_000_000_000}
EXPLICIT = {"ack_policy": "explicit"}


def stream(**config):
    return {**STREAM, **config}


def consumer(stream_name="S", **config):
    return {"stream_name": stream_name, "config": {**EXPLICIT, **config}}


class Pair:
    """Our server and the real one, each with one client."""

    def __init__(self, folder):
        self.folder = folder
        self.servers = [
            ServerProcess(kind, folder / kind, "-js", "-sd", str(folder / kind / "store"))
            for kind in KINDS
        ]
        self.clients = []

    def start(self):
        for server in self.servers:
            server.start()
        self.clients = [RawClient(server.port) for server in self.servers]

    def stop(self):
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.stop()

    def restart(self):
        self.stop()
        self.start()

    def api(self, verb, body=b""):
        """Both answers, normalised; ours first."""
        return [normal(client.api(verb, body)) for client in self.clients]

    def request(self, subject, payload=b"", header=b""):
        answers = [client.request(subject, payload, header=header) for client in self.clients]
        return [(a.header, normal(a.payload)) for a in answers]


def normal(payload):
    """The answer as text, keys in their order, without what belongs to the moment."""
    text = TIME.sub(b'"TIME"', payload)
    if not text.startswith(b"{"):
        return text
    value = json.loads(text)
    for holder in (value, *listed(value, "streams"), *listed(value, "consumers")):
        holder.pop("cluster", None)  # an id of the process
    return json.dumps(value)


def listed(value, name):
    found = value.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


@pytest.fixture
def pair(tmp_path):
    made = Pair(tmp_path)
    made.start()
    yield made
    made.stop()


STEPS = [
    ("INFO", b""),
    ("STREAM.NAMES", b""),
    ("STREAM.LIST", b""),
    ("STREAM.INFO.S", b""),
    ("STREAM.CREATE.S", stream()),
    ("STREAM.CREATE.S", stream()),
    ("STREAM.CREATE.S", stream(max_msgs=5)),
    ("STREAM.CREATE.T", stream(name="T")),
    ("STREAM.CREATE.T", stream(name="T", subjects=["t.*"], storage="memory", max_msgs=3)),
    ("STREAM.CREATE.X", stream(name="Y", subjects=["y"])),
    ("STREAM.CREATE.X", stream(name="X", subjects=["$JS.API.>"])),
    ("STREAM.NAMES", b""),
    ("STREAM.NAMES", {"subject": "s.a"}),
    ("STREAM.NAMES", {"subject": "t.>"}),
    ("STREAM.NAMES", {"offset": 1}),
    ("STREAM.LIST", {"subject": "t.x"}),
    ("STREAM.INFO.S", b""),
    ("STREAM.INFO.S", {"subjects_filter": ">"}),
    ("STREAM.UPDATE.S", stream(max_msgs=100, description="changed")),
    ("STREAM.UPDATE.S", stream(storage="memory")),
    ("STREAM.UPDATE.NONE", stream(name="NONE", subjects=["none"])),
    ("CONSUMER.NAMES.S", b""),
    ("CONSUMER.LIST.S", b""),
    ("CONSUMER.LIST.NONE", b""),
    ("CONSUMER.DURABLE.CREATE.S.OLD", consumer(durable_name="OLD")),
    ("CONSUMER.CREATE.S.NEW", consumer(durable_name="NEW", name="NEW")),
    ("CONSUMER.CREATE.S.F.s.a", consumer(durable_name="F", name="F", filter_subject="s.a")),
    ("CONSUMER.CREATE.S.F.s.b", consumer(durable_name="F", name="F", filter_subject="s.a")),
    ("CONSUMER.CREATE.S.NEW", consumer(durable_name="NEW", name="NEW", ack_wait=5_000_000_000)),
    ("CONSUMER.CREATE.S.NEW", consumer(durable_name="NEW", name="NEW", ack_policy="none")),
    ("CONSUMER.DURABLE.CREATE.S.OLD", consumer(durable_name="OTHER")),
    ("CONSUMER.DURABLE.CREATE.NONE.OLD", consumer("NONE", durable_name="OLD")),
    ("CONSUMER.CREATE.S.LIM", consumer(durable_name="LIM", name="LIM", max_ack_pending=2)),
    ("CONSUMER.NAMES.S", b""),
    ("CONSUMER.NAMES.S", {"offset": 2}),
    ("CONSUMER.LIST.S", b""),
    ("CONSUMER.INFO.S.NEW", b""),
    ("CONSUMER.INFO.S.NONE", b""),
    ("CONSUMER.INFO.NONE.NONE", b""),
    ("CONSUMER.DELETE.S.LIM", b""),
    ("CONSUMER.DELETE.S.LIM", b""),
    ("STREAM.MSG.GET.S", {"seq": 1}),
    ("STREAM.PURGE.S", b""),
    ("STREAM.PURGE.NONE", b""),
    ("STREAM.DELETE.T", b""),
    ("STREAM.DELETE.T", b""),
    ("INFO", b""),
]


def test_every_request_is_answered_alike(pair):
    for number, (verb, body) in enumerate(STEPS):
        ours, theirs = pair.api(verb, body)
        assert ours == theirs, f"step {number}: {verb} {body}"


def test_messages_duplicates_and_gets(pair):
    pair.api("STREAM.CREATE.S", stream(max_msgs_per_subject=3, max_bytes=100_000))
    for number in range(5):
        ours, theirs = pair.request("s.a", b"m%d" % number)
        assert ours == theirs
    for name in (b"one", b"one", b"two"):
        header = b"NATS/1.0\r\nNats-Msg-Id: %b\r\nOther: x\r\n\r\n" % name
        ours, theirs = pair.request("s.b", b"same", header)
        assert ours == theirs
    for verb, body in [
        ("STREAM.INFO.S", {"subjects_filter": "s.*"}),
        ("STREAM.MSG.GET.S", {"seq": 1}),
        ("STREAM.MSG.GET.S", {"seq": 4}),
        ("STREAM.MSG.GET.S", {"seq": 6}),
        ("STREAM.MSG.GET.S", {"seq": 99}),
        ("STREAM.MSG.GET.S", b""),
        ("STREAM.PURGE.S", {"filter": "s.a", "keep": 1}),
        ("STREAM.PURGE.S", {"filter": "s.a", "keep": 1, "seq": 3}),
        ("STREAM.MSG.DELETE.S", {"seq": 6}),
        ("STREAM.MSG.DELETE.S", {"seq": 6}),
        ("STREAM.INFO.S", {"deleted_details": True}),
        ("STREAM.PURGE.S", b""),
        ("STREAM.INFO.S", b""),
    ]:
        ours, theirs = pair.api(verb, body)
        assert ours == theirs, f"{verb} {body}"


def counted(pair: Pair) -> list[int]:
    return [json.loads(text)["num_pending"] for text in pair.api("CONSUMER.INFO.S.C")]


def test_what_is_stored_is_there_after_a_restart(pair):
    pair.api("STREAM.CREATE.S", stream())
    pair.api("STREAM.CREATE.T", stream(name="T", subjects=["t"], storage="memory"))
    pair.api("CONSUMER.CREATE.S.C", consumer(durable_name="C", name="C"))
    for number in range(6):
        pair.request("s.a", b"m%d" % number, b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % number)
    for client in pair.clients:
        client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", b'{"batch":4}', reply="_INBOX.pull")
        taken = [client.message() for _ in range(4)]
        assert client.request(taken[0].reply, b"+ACK") is not None
        assert client.request(taken[2].reply, b"+ACK") is not None
    before = pair.api("CONSUMER.INFO.S.C")
    assert before[0] == before[1]
    pair.restart()
    for verb, body in [
        ("STREAM.NAMES", b""),
        ("STREAM.INFO.S", b""),
        ("STREAM.MSG.GET.S", {"seq": 5}),
    ]:
        ours, theirs = pair.api(verb, body)
        assert ours == theirs, f"{verb} {body}"
    for header in (b"5", b"new"):
        full = b"NATS/1.0\r\nNats-Msg-Id: %b\r\n\r\n" % header
        ours, theirs = pair.request("s.a", b"again", full)
        assert ours == theirs
    wait_for(lambda: counted(pair) == [3, 3])  # the new one too: the original counts it later
    states = [json.loads(text) for text in pair.api("CONSUMER.INFO.S.C")]
    for state in states:  # when it last delivered is known after a restart to ours alone
        for pair_of_numbers in (state["delivered"], state["ack_floor"]):
            pair_of_numbers.pop("last_active", None)
    for key in ("delivered", "ack_floor", "num_ack_pending", "num_pending", "config"):
        assert states[0][key] == states[1][key], key
