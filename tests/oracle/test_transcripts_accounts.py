"""Accounts of a configuration file: chains, queue groups, streams; byte for byte, on both servers.

The transcript, 10.8, was captured on the real server. B imports `svc.a` from A as `svc.b` and
exports that; C imports it as `svc.c`.
"""

from collections.abc import Iterator

import pytest

from support.servers import ServerProcess
from support.transcript import Line

pytestmark = [pytest.mark.oracle]

CONFIG = """
accounts {
  A {
    users = [ {user: a, password: a} ]
    exports = [
      {service: "svc.a"}, {service: "q.svc"}, {stream: "ev.*.>"}, {stream: "pre.*"}
      {service: "lat", latency: {subject: "measured", sampling: headers}}
    ]
  }
  B {
    users = [ {user: b, password: b} ]
    exports = [ {service: "svc.b"}, {stream: "my.>"} ]
    imports = [
      {service: {account: A, subject: "svc.a"}, to: "svc.b", share: true}
      {service: {account: A, subject: "q.svc"}}
      {service: {account: A, subject: "lat"}}
      {stream: {account: A, subject: "ev.*.>"}, to: "my.$1.>"}
      {stream: {account: A, subject: "pre.*"}, prefix: "from.a"}
    ]
  }
  C {
    users = [ {user: c, password: c} ]
    imports = [
      {service: {account: B, subject: "svc.b"}, to: "svc.c"}
      {stream: {account: A, subject: "ev.*.>"}}
      {stream: {account: B, subject: "my.>"}, to: "far.>"}
    ]
  }
}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def port(request, tmp_path_factory) -> Iterator[int]:
    """One server for all tests."""
    server = ServerProcess(request.param, tmp_path_factory.mktemp("accounts"), config=CONFIG)
    yield server.start().port
    server.stop()


@pytest.fixture
def connect(port):
    """`connect("a")`: a connection of that user, closed after the test."""
    lines = []

    def connect(user: str) -> Line:
        lines.append(Line(port, user=user, **{"pass": user}))
        return lines[-1]

    yield connect
    for line in lines:
        line.close()


def say(line: Line, *commands: str) -> None:
    """Commands without payload, taken in by the server."""
    for command in commands:
        line.say(command)
    line.settle()


def crossed(names: str, info: str, payload: str) -> str:
    return f"HMSG {names} N N\nNATS/1.0\r\nNats-Request-Info: {info}\r\n\r\n{payload}"


def test_10_8_a_chain_and_the_end_of_it(connect):
    a, amon, bmon, c = connect("a"), connect("a"), connect("b"), connect("c")
    say(bmon, "SUB > 1")
    say(amon, "SUB _R_.> 1")
    say(a, "SUB svc.a 1")
    say(c, "SUB _INBOX.c 1")
    c.say("PUB svc.c _INBOX.c 1", "q")
    a.expect(crossed("svc.a 1 _R_", '{"acc":"C","svc":"B","rtt":R,"server":"S"}', "q"))
    a.say(f"PUB {a.reply} 4", "resp")
    c.expect("MSG _INBOX.c 1 4\nresp")
    bmon.expect(crossed("svc.b 1 _R_", '{"acc":"C","rtt":R}', "q"), "MSG _R_ 1 4\nresp")
    amon.expect("MSG _R_ 1 4\nresp")

    # nobody there: the requester is told, by the name it knows
    say(a, "UNSUB 1")
    say(bmon, "UNSUB 1")
    c.say("PUB svc.c _INBOX.c 1", "q")
    c.expect("HMSG _INBOX.c 1 37 37\nNATS/1.0 503\r\nNats-Subject: svc.c\r\n\r\n")
    for line in (a, amon, bmon):
        line.expect()


def test_10_8_each_queue_group_of_the_exporter_gets_one(connect):
    a, a2, b = connect("a"), connect("a"), connect("b")
    say(a, "SUB q.svc g1 11")
    say(a2, "SUB q.svc g1 12", "SUB q.svc g2 13", "SUB q.svc 14")
    info = '{"acc":"B","rtt":R}'
    counts = {11: 0, 12: 0}
    for number in range(40):
        if number == 20:
            say(b, "SUB q.svc 15")  # the importer's own subscriber is another one
        b.say("PUB q.svc 3", "one")
        b.expect(*["MSG q.svc 15 3\none"] * (number >= 20))
        a.settle()
        a2.settle()
        taken = [frame for line in (a, a2) for frame in line.frames]
        a.frames, a2.frames = [], []
        for sid in counts:
            counts[sid] += crossed(f"q.svc {sid}", info, "one") in taken
        rest = [frame for frame in taken if "q.svc 11 " not in frame and "q.svc 12 " not in frame]
        assert sorted(rest) == [crossed(f"q.svc {sid}", info, "one") for sid in (13, 14)]
        assert len(taken) == 3
    assert min(counts.values()) > 0
    assert sum(counts.values()) == 40


def test_10_8_a_stream_under_another_name(connect):
    a, b = connect("a"), connect("b")
    say(b, "SUB my.x.> 16", "SUB my.*.z 17", "SUB from.a.> 18", "SUB pre.x 19")
    a.say("PUB ev.x.y.z 1", "1")
    a.say("PUB ev.q.z 1", "2")
    a.say("PUB pre.x 1", "3")
    b.expect("MSG my.x.y.z 16 1\n1", "MSG my.q.z 17 1\n2", "MSG from.a.pre.x 18 1\n3")


def test_a_queue_name_is_one_group_over_all_accounts_that_import(connect):
    a, b, c = connect("a"), connect("b"), connect("c")
    say(a, "SUB ev.> work 1")
    say(b, "SUB my.> work 1")
    say(c, "SUB ev.x.> work 1")
    for _ in range(60):
        a.say("PUB ev.x.y 1", "x")
    a.settle()
    for line in (b, c):
        line.settle()
    shown = {
        "MSG ev.x.y 1 1\nx": len(a.frames) + len(c.frames),
        "MSG my.x.y 1 1\nx": len(b.frames),
    }
    got = [*a.frames, *b.frames, *c.frames]
    assert len(got) == 60
    assert {frame: got.count(frame) for frame in set(got)} == shown
    assert min(len(line.frames) for line in (a, b, c)) > 0


def test_a_stream_does_not_leave_by_the_export_of_who_imports_it(connect):
    """C imports what B imports; what A publishes reaches C once, by C's own import."""
    a, b, c = connect("a"), connect("b"), connect("c")
    say(b, "SUB my.> 1")
    say(c, "SUB > 2")
    a.say("PUB ev.x.y 1", "x")
    c.expect("MSG ev.x.y 2 1\nx")
    b.expect("MSG my.x.y 1 1\nx")
    b.say("PUB my.x.z 1", "x")
    b.expect("MSG my.x.z 1 1\nx")
    c.expect("MSG far.x.z 2 1\nx")


def test_the_latency_of_a_service_is_measured_when_the_headers_ask(connect):
    a, amon, b = connect("a"), connect("a"), connect("b")
    say(a, "SUB lat 1")
    say(amon, "SUB measured 2")
    say(b, "SUB _INBOX.b 3")
    info = '{"acc":"B","rtt":R}'
    for header, measured in (("X: 1\r\n", False), ("Uber-Trace-Id: 1:2:3:1\r\n", True)):
        block = f"NATS/1.0\r\n{header}\r\n"
        b.say(f"HPUB lat _INBOX.b {len(block)} {len(block) + 1}", f"{block}q")
        reply = "_R_.T" if measured else "_R_"
        a.expect(f"HMSG lat 1 {reply} N N\nNATS/1.0\r\n{header}Nats-Request-Info: {info}\r\n\r\nq")
        a.say(f"PUB {a.reply} 1", "k")
        b.expect("MSG _INBOX.b 3 1\nk")
    responder = (
        '{"start":"T","host":"127.0.0.1","id":I,"acc":"A","user":"a","lang":"py","ver":"0",'
        '"rtt":R,"server":"S","kind":"Client","client_type":"nats"}'
    )
    amon.expect(
        'MSG measured 2 N\n{"type":"io.nats.server.metric.v1.service_latency","id":"I",'
        f'"timestamp":"T","status":200,"requestor":{info},"responder":{responder},'
        '"header":{"Uber-Trace-Id":["1:2:3:1"]},"start":"T","service":D,"system":D,"total":D}'
    )
