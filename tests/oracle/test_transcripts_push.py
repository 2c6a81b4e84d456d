"""Pushing across accounts, and pulling through a whole imported API, on both servers.

The transcripts, 10.7, 10.9 and 10.10, were captured on the real server. A has the streams and
exports where it delivers, acknowledgements, flow control and its API; B imports them.
"""

import json
import re
import time
from collections.abc import Iterator

import pytest

from support.servers import ServerProcess
from support.transcript import WAIT_S, Line
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle]

MS = 1_000_000
CONFIG = """
jetstream { store_dir: "%s" }
accounts {
  A {
    jetstream: enabled
    users = [ {user: a, password: a} ]
    exports = [
      {stream: "deliver.>"}
      {service: "$JS.ACK.>"}
      {service: "$JS.FC.>"}
      {service: "$JS.API.>", response: stream}
    ]
  }
  B {
    users = [ {user: b, password: b} ]
    imports = [
      {stream: {account: A, subject: "deliver.>"}, to: "in.>"}
      {
        stream: {account: A, subject: "deliver.retail.v1.order.events"}
        to: "retail.v1.order.events"
      }
      {service: {account: A, subject: "$JS.ACK.>"}}
      {service: {account: A, subject: "$JS.FC.>"}}
      {service: {account: A, subject: "$JS.API.>"}, to: "JSA.API.>"}
      {service: {account: A, subject: "$JS.API.CONSUMER.INFO.>"}, to: "ACCTA.API.CONSUMER.INFO.>"}
    ]
  }
}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def port(request, tmp_path_factory) -> Iterator[int]:
    """One server for all transcripts."""
    folder = tmp_path_factory.mktemp("push")
    server = ServerProcess(request.param, folder, config=CONFIG % (folder / "store"))
    yield server.start().port
    server.stop()


class Party(Line):
    """A connection that may ask, and keeps heartbeats apart."""

    def __init__(self, port: int, user: str) -> None:
        super().__init__(port, user=user, **{"pass": user})
        self.beats: list[str] = []
        self.raw: list[str] = []

    def _keep(self, head: str, body: str) -> None:
        self.raw.append(head)
        if "100 Idle Heartbeat" in body:
            self.beats.append(f"{head}\n{body}")
        else:
            super()._keep(re.sub(r"(ACK\.\S+)\.\d{19}\.(\d+)", r"\1.T.\2", head), body)

    def ask(self, subject: str, body: object = None) -> dict[str, object]:
        """The answer to an API request of A."""
        payload = "" if body is None else json.dumps(body)
        self.say("SUB _INBOX.ask 99")
        self.say(f"PUB $JS.API.{subject} _INBOX.ask {len(payload)}", payload)
        [frame] = self.take()
        self.say("UNSUB 99")
        return json.loads(frame.partition("\n")[2])

    def heard_beat(self, wanted: str) -> None:
        """Wait for a heartbeat that says this."""
        ends = time.monotonic() + WAIT_S
        while wanted not in self.beats:
            assert time.monotonic() < ends, self.beats
            self.settle()


@pytest.fixture
def party(port):
    parties: list[Party] = []

    def party(user: str) -> Party:
        parties.append(Party(port, user))
        return parties[-1]

    yield party
    for one in parties:
        one.close()


def make(a: Party, stream: str, subject: str, **config: object) -> None:
    a.ask(f"STREAM.DELETE.{stream}")
    assert "error" not in a.ask(f"STREAM.CREATE.{stream}", {"name": stream, "subjects": [subject]})
    name = config["durable_name"]
    body = {"stream_name": stream, "config": config}
    answer = a.ask(f"CONSUMER.DURABLE.CREATE.{stream}.{name}", body)
    assert "error" not in answer, answer


def subscribe(line: Line, *subscriptions: str) -> None:
    for subscription in subscriptions:
        line.say(f"SUB {subscription}")
    line.settle()


def msg(names: str, payload: str) -> str:
    return f"MSG {names} {len(payload)}\n{payload}"


def beat(names: str, consumer_seq: int, stream_seq: int, stalled: str = "") -> str:
    rest = f"\r\nNats-Consumer-Stalled: {stalled}" if stalled else ""
    body = (
        f"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: {consumer_seq}\r\n"
        f"Nats-Last-Stream: {stream_seq}{rest}\r\n\r\n"
    )
    return f"HMSG {names} {len(body)} {len(body)}\n{body}"


def test_10_7_a_push_consumer_with_a_deliver_group_exported_as_a_stream(party):
    a, amon, b = party("a"), party("a"), party("b")
    make(
        a,
        "ORDEREVENTS",
        "retail.v1.order.captured",
        durable_name="ORDEREVENTS-C1",
        deliver_subject="deliver.retail.v1.order.events",
        deliver_group="order-processor",
        ack_policy="explicit",
        max_ack_pending=100,
    )
    captured, order = "retail.v1.order.captured", "Captured order 1234!"
    ack = "$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.1.1.1.T.0"
    subscribe(a, "_INBOX.a.js 40")
    subscribe(amon, "$JS.ACK.> 70", "deliver.> 71", "$JS.API.> 72", "_INBOX.a.js 2")
    subscribe(b, "retail.v1.order.events order-processor 60", "_INBOX.b.ci 1")
    a.say(f"PUB {captured} _INBOX.a.js {len(order)}", order)
    stored = '{"stream":"ORDEREVENTS","seq":1}'
    b.expect(msg(f"{captured} 60 {ack}", order))
    a.expect(msg("_INBOX.a.js 40", stored))
    amon.expect(msg("_INBOX.a.js 2", stored), msg(f"{captured} 71 {ack}", order))

    # the acknowledgement goes back through its service import; its body may be empty
    reply = b.raw[-1].split()[3]
    b.say(f"PUB {reply} 0")
    [seen] = amon.take()
    assert seen.startswith(f"HMSG {ack} 70 N N\nNATS/1.0\r\nNats-Request-Info: ")
    b.say("PUB ACCTA.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1 _INBOX.b.ci 0")
    [answer] = b.take()
    found = json.loads(answer.partition("\n")[2])
    assert found["config"]["deliver_subject"] == "deliver.retail.v1.order.events"
    assert found["config"]["deliver_group"] == "order-processor"
    assert found["push_bound"] is True
    for key in ("delivered", "ack_floor"):
        assert (found[key]["consumer_seq"], found[key]["stream_seq"]) == (1, 1)
    assert found["num_ack_pending"] == found["num_pending"] == 0

    # delivery stops with the last member in B, and goes on with the next
    b.say("UNSUB 60")
    b.settle()
    a.say(f"PUB {captured} {len(order)}", order)
    a.settle()
    b.expect()
    other = party("b")
    subscribe(other, "retail.v1.order.events order-processor 61")
    other.expect(msg(f"{captured} 61 {ack.replace('1.1.1.T', '1.2.2.T')}", order))


def test_10_9_several_importing_subscriptions_heartbeats_and_flow_control(party):
    a, b = party("a"), party("b")
    subscribe(b, "in.p 21", "in.> 22", "in.* 24")
    subscribe(a, "deliver.p 23")
    make(
        a,
        "S",
        "s.*",
        durable_name="P",
        deliver_subject="deliver.p",
        ack_policy="explicit",
        flow_control=True,
        idle_heartbeat=300 * MS,
    )
    a.heard_beat(beat("deliver.p 23", 0, 0))
    for sid in (21, 22, 24):
        b.heard_beat(beat(f"in.p {sid}", 0, 0))
    ack = "$JS.ACK.S.P.1.1.1.T.0"
    a.say("PUB s.one 2", "m1")
    # the original shows the message's own subject to whom it serves first, the imported one to
    # the others, A's own subscriber among them; reply and payload are the same for all
    got = [*a.take(1), *b.take(3)]
    assert {frame.split()[1] for frame in got} <= {"s.one", "in.p"}
    assert sorted(frame.split(maxsplit=2)[2] for frame in got) == [
        f"{sid} {ack} 2\nm1" for sid in (21, 22, 23, 24)
    ]

    # flow control: the request goes to everybody; B's answer comes back by its import
    big = "x" * 65_536
    for _ in range(17):
        a.say(f"PUB s.one {len(big)}", big)
    wait_for(lambda: a.settle() or any("$JS.FC" in head for head in a.raw))
    wait_for(lambda: b.settle() or any("$JS.FC" in head for head in b.raw))
    request = next(head.split()[3] for head in b.raw if "$JS.FC" in head)
    assert re.fullmatch(r"\$JS\.FC\.S\.P\.[0-9A-Za-z]{4}", request)
    assert {f"HMSG in.p {sid} {request} 36 36" for sid in (21, 22, 24)} <= set(b.raw)
    assert f"HMSG deliver.p 23 {request} 36 36" in a.raw
    b.heard_beat(beat("in.p 21", 18, 18, request))
    b.say(f"PUB {request} 0")
    b.beats.clear()
    b.heard_beat(beat("in.p 21", 18, 18))


def test_10_10_a_pull_through_the_whole_imported_api(party):
    a, b = party("a"), party("b")
    make(a, "S", "s.*", durable_name="Q", ack_policy="explicit")
    a.say("PUB s.one 2", "m1")
    a.settle()
    subscribe(b, "_INBOX.pull 31")
    body = '{"batch":2,"expires":1000000000,"idle_heartbeat":300000000}'
    b.say(f"PUB JSA.API.CONSUMER.MSG.NEXT.S.Q _INBOX.pull {len(body)}", body)
    end = (
        "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\nNats-Pending-Bytes: 0\r\n\r\n"
    )
    b.expect(
        msg("s.one 31 $JS.ACK.S.Q.1.1.1.T.0", "m1"),
        f"HMSG _INBOX.pull 31 {len(end)} {len(end)}\n{end}",
    )
    assert b.beats == [beat("_INBOX.pull 31", 1, 1)] * 3
