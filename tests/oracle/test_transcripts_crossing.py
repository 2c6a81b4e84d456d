"""Services and streams across accounts, byte for byte, on both servers.

The transcripts, 10.3 to 10.6, were captured on the real server. A exports, private things with
activation tokens; B imports. `Amon` and `Bmon` listen to what passes in their account. What differs
in every run is masked.
"""

import time
from collections.abc import Iterator

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import Activation, Export, Import, ServiceLatency, make_activation
from isthmus.identity.nkeys import Kind
from support.operator_mode import account_token, config, user_token
from support.servers import ServerProcess
from support.tokens import key
from support.transcript import Line

pytestmark = [pytest.mark.oracle]

NOW_NS = int(time.time()) * NS_PER_S
A, B = key(Kind.ACCOUNT, "selling"), key(Kind.ACCOUNT, "buying")
USER_A, USER_B = key(Kind.USER, "seller"), key(Kind.USER, "buyer")
NAMES = {
    A.public_key: "A_A",
    B.public_key: "A_B",
    USER_A.public_key: "U_A",
    USER_B.public_key: "U_B",
}
THRESHOLD_NS = 1_500_000_000
PAYMENT, CART = "retail.v1.payment.>", "retail.v1.cart.>"


def tokens() -> dict[str, str]:
    """The account tokens of A and B."""
    exports = (
        Export(name="pay", subject=PAYMENT, type="service", token_required=True),
        Export(name="cart", subject=CART, type="stream", token_required=True),
        Export(name="ps", subject="ps.*.*", type="stream"),
        Export(name="share", subject="svc.share", type="service"),
        Export(name="w", subject="w.*.y.*", type="service"),
        Export(name="priv", subject="priv.*.data", type="service", account_token_position=2),
        Export(
            name="lat",
            subject="svc.lat",
            type="service",
            service_latency=ServiceLatency(sampling=100, results="lat.results"),
        ),
        Export(name="stream", subject="svc.stream", type="service", response_type="Stream"),
        Export(name="chunk", subject="svc.chunk", type="service", response_type="Chunked"),
        Export(name="single", subject="svc.single", type="service", threshold_ns=THRESHOLD_NS),
    )
    imports = (
        take(PAYMENT, "service", activated=True),
        take(CART, "stream", activated=True),
        take("ps.*.*", "stream", "got.$2.$1"),
        take("svc.share", "service", share=True),
        take("w.*.y.*", "service", "q.$2.$1"),
        take(f"priv.{B.public_key}.data", "service", "priv.data"),
        take("svc.lat", "service", "my.lat"),
        take("svc.stream", "service"),
        take("svc.chunk", "service"),
        take("svc.single", "service"),
    )
    return {
        A.public_key: account_token(A, name="A", now_ns=NOW_NS, exports=exports),
        B.public_key: account_token(B, name="B", now_ns=NOW_NS, imports=imports),
    }


def take(subject: str, kind: str, local: str = "", *, activated=False, share=False) -> Import:
    token = ""
    if activated:
        body = Activation(subject=subject, kind=kind)
        token = jwt.encode(make_activation(B.public_key, subject, body), A, NOW_NS)
    return Import(
        name=subject,
        subject=subject,
        account=A.public_key,
        token=token,
        local_subject=local or subject,
        type=kind,
        share=share,
    )


class World:
    """Both accounts, four connections."""

    def __init__(self, port: int) -> None:
        token_a = user_token(USER_A, A, now_ns=NOW_NS, name="uA")
        token_b = user_token(USER_B, B, now_ns=NOW_NS, name="uB")
        signed_a = {"token": token_a, "signer": USER_A, "names": NAMES, "name": "A"}
        signed_b = {"token": token_b, "signer": USER_B, "names": NAMES, "name": "B"}
        self.a, self.amon = Line(port, **signed_a), Line(port, **signed_a)
        self.b, self.bmon = Line(port, **signed_b), Line(port, **signed_b)
        self.lines = (self.a, self.amon, self.b, self.bmon)
        self.b.say("SUB _INBOX.b.* 1")
        self.bmon.say("SUB _INBOX.> 1")
        for sid, subject in enumerate(("_R_.>", "_INBOX.>", "lat.results"), 1):
            self.amon.say(f"SUB {subject} {sid}")
        for line in self.lines:
            line.settle()

    def request(self, subject: str, reply: str, payload: str) -> None:
        self.b.say(f"PUB {subject} {reply} {len(payload)}".replace("  ", " "), payload)

    def answer(self, payload: str, reply: str = "") -> None:
        """A answers the last request it got."""
        self.a.say(f"PUB {self.a.reply} {reply} {len(payload)}".replace("  ", " "), payload)

    def quiet(self) -> None:
        """Nobody got anything that was not expected."""
        for line in self.lines:
            line.expect()

    def close(self) -> None:
        for line in self.lines:
            line.close()


@pytest.fixture(scope="module", params=["isthmus", "real"])
def port(request, tmp_path_factory) -> Iterator[int]:
    """One server for all transcripts."""
    folder = tmp_path_factory.mktemp("crossing")
    server = ServerProcess(request.param, folder, config=config(tokens())).start()
    yield server.port
    server.stop()


@pytest.fixture
def world(port) -> Iterator[World]:
    world = World(port)
    yield world
    world.close()


REQUEST_INFO = '{"acc":"A_B","rtt":R}'


def crossed(subject: str, sid: int, reply: str, payload: str, header: str = "") -> str:
    """What A sees of a request of B."""
    names = f"{subject} {sid} {reply + ' ' if reply else ''}N N"
    return f"HMSG {names}\nNATS/1.0\r\n{header}Nats-Request-Info: {REQUEST_INFO}\r\n\r\n{payload}"


def msg(names: str, payload: str) -> str:
    return f"MSG {names} {len(payload)}\n{payload}"


def test_10_3_a_service_that_needs_a_token(world):
    a, amon, b, bmon = world.lines
    tender, please = "retail.v1.payment.tender", "Tender my payment please!"

    # nobody answers
    world.request(tender, "_INBOX.b.r1", please)
    b.expect(
        "HMSG _INBOX.b.r1 1 56 56\nNATS/1.0 503\r\nNats-Subject: retail.v1.payment.tender\r\n\r\n"
    )

    # A answers
    a.say(f"SUB {tender} payment-responder 1")
    a.settle()
    world.request(tender, "_INBOX.b.r2", please)
    a.expect(crossed(tender, 1, "_R_", please))
    world.answer("Payment tendered!")
    b.expect(msg("_INBOX.b.r2 1", "Payment tendered!"))
    amon.expect(msg("_R_ 1", "Payment tendered!"))
    bmon.expect(msg("_INBOX.b.r2 1", "Payment tendered!"))

    # there is one answer
    world.answer("again")
    amon.expect(msg("_R_ 1", "again"))
    world.quiet()

    # headers both ways
    b.say(f"HPUB {tender} _INBOX.b.r3 18 20", "NATS/1.0\r\nX: 1\r\n\r\nhi")
    a.expect(crossed(tender, 1, "_R_", "hi", "X: 1\r\n"))
    a.say(f"HPUB {a.reply} 18 20", "NATS/1.0\r\nY: 2\r\n\r\nyo")
    b.expect("HMSG _INBOX.b.r3 1 18 20\nNATS/1.0\r\nY: 2\r\n\r\nyo")
    amon.expect("HMSG _R_ 1 18 20\nNATS/1.0\r\nY: 2\r\n\r\nyo")
    bmon.expect("HMSG _INBOX.b.r3 1 18 20\nNATS/1.0\r\nY: 2\r\n\r\nyo")

    # an answer that wants an answer
    world.request(tender, "_INBOX.b.r4", "hi")
    a.expect(crossed(tender, 1, "_R_", "hi"))
    world.answer("resp", "a.reply.to")
    b.expect(msg("_INBOX.b.r4 1 _R_", "resp"))
    amon.expect(msg("_R_ 1 a.reply.to", "resp"))
    bmon.expect(msg("_INBOX.b.r4 1 _R_", "resp"))

    # no reply, nobody there; then somebody
    b.say("PUB retail.v1.payment.x 4", "fire")
    b.settle()
    a.say("SUB retail.v1.payment.x 2")
    a.settle()
    b.say("PUB retail.v1.payment.x 4", "fire")
    a.expect(crossed("retail.v1.payment.x", 2, "", "fire"))
    world.quiet()


def client_info(account: str, name: str) -> str:
    """All that an exporter is told of a client of `account`, masked."""
    return (
        f'{{"start":"T","host":"127.0.0.1","id":I,"acc":"A_{account}","user":"U_{account}",'
        f'"name":"{account}","lang":"py","ver":"0","rtt":R,"server":"S","jwt":"J",'
        f'"issuer_key":"A_{account}","name_tag":"{name}","kind":"Client","client_type":"nats"}}'
    )


def metric(status: str, responder: str, times: str) -> str:
    return (
        'MSG lat.results 3 N\n{"type":"io.nats.server.metric.v1.service_latency","id":"I",'
        f'"timestamp":"T","status":{status},"requestor":{REQUEST_INFO},{responder}"start":"T",{times}}}'
    )


MEASURED = '"service":D,"system":D,"total":D'
UNMEASURED = '"service":0,"system":0,"total":0'


def test_10_4_what_is_shared_rewritten_and_measured(world):
    a, amon, b, bmon = world.lines
    for sid, subject in enumerate(("svc.share", "w.*.y.*", "priv.*.data", "svc.lat"), 3):
        a.say(f"SUB {subject} {sid}")
    a.settle()

    world.request("svc.share", "_INBOX.b.sh", "q")
    a.expect(
        "HMSG svc.share 3 _R_ N N\nNATS/1.0\r\nNats-Request-Info: "
        f"{client_info('B', 'uB')}\r\n\r\nq"
    )
    world.request("q.two.one", "_INBOX.b.w", "q")
    a.expect(crossed("w.one.y.two", 4, "_R_", "q"))
    world.request("priv.data", "_INBOX.b.t", "q")
    a.expect(crossed("priv.A_B.data", 5, "_R_", "q"))

    world.request("my.lat", "_INBOX.b.lat", "q")
    a.expect(crossed("svc.lat", 6, "_R_.T", "q"))
    world.answer("ok")
    b.expect(msg("_INBOX.b.lat 1", "ok"))
    responder = f'"responder":{client_info("A", "uA")},'
    amon.expect(msg("_R_.T 1", "ok"), metric("200", responder, MEASURED))
    bmon.expect(msg("_INBOX.b.lat 1", "ok"))
    world.quiet()


@pytest.mark.parametrize(("kind", "sid"), [("stream", 7), ("chunk", 8)])
def test_10_5_answers_until_an_empty_one(world, kind, sid):
    a, amon, b, bmon = world.lines
    a.say(f"SUB svc.{kind} {sid}")
    a.settle()
    world.request(f"svc.{kind}", "_INBOX.b.st", "q")
    a.expect(crossed(f"svc.{kind}", sid, "_R_", "q"))
    for payload in ("r0", "r1", "r2"):
        world.answer(payload)
    a.say(f"HPUB {a.reply} 18 18", "NATS/1.0\r\nE: 1\r\n\r\n")  # a header: not the end
    world.answer("")
    replies = {b: "_INBOX.b.st 1", amon: "_R_ 1", bmon: "_INBOX.b.st 1"}
    for line, names in replies.items():
        line.expect(
            *(msg(names, payload) for payload in ("r0", "r1", "r2", "")),
            f"HMSG {names} 18 18\nNATS/1.0\r\nE: 1\r\n\r\n",
        )
    world.answer("after-eof")
    amon.expect(msg("_R_ 1", "after-eof"))
    world.quiet()


def test_10_5_an_answer_after_the_threshold_goes_nowhere(world):
    a, amon, _, _ = world.lines
    a.say("SUB svc.single 9")
    a.settle()
    world.request("svc.single", "_INBOX.b.sg", "q")
    a.expect(crossed("svc.single", 9, "_R_", "q"))
    time.sleep(2)  # the threshold is the server's to measure: 1.5 s
    world.answer("late", "_INBOX.a.late")
    amon.expect(msg("_R_ 1 _INBOX.a.late", "late"))
    a.say("SUB _INBOX.a.late 10")
    world.answer("late", "_INBOX.a.late")  # nor is the responder told
    amon.expect(msg("_R_ 1 _INBOX.a.late", "late"))
    world.quiet()


def test_10_5_a_requester_that_stops_listening_ends_the_wait(world):
    a, amon, b, bmon = world.lines
    a.say("SUB svc.lat 6")
    a.settle()
    b.say("SUB _INBOX.z 50")
    world.request("my.lat", "_INBOX.z", "q")
    a.expect(crossed("svc.lat", 6, "_R_.T", "q"))
    b.say("UNSUB 50")
    bmon.say("UNSUB 1")
    b.say("UNSUB 1")
    amon.expect(metric('408,"description":"Request Timeout"', "", UNMEASURED))
    world.answer("late")
    amon.expect(msg("_R_.T 1", "late"))
    world.quiet()


def test_a_requester_that_is_gone_ends_the_wait(world):
    a, amon, b, bmon = world.lines
    a.say("SUB svc.lat 6")
    a.settle()
    bmon.say("UNSUB 1")
    bmon.settle()
    world.request("my.lat", "_INBOX.b.x", "q")
    a.expect(crossed("svc.lat", 6, "_R_.T", "q"))
    b.close()
    amon.expect(metric('408,"description":"Request Timeout"', "", UNMEASURED))


def test_a_request_that_nobody_can_answer_is_reported(world):
    a, amon, b, _ = world.lines
    world.request("my.lat", "_INBOX.b.x", "q")
    b.expect("HMSG _INBOX.b.x 1 38 38\nNATS/1.0 503\r\nNats-Subject: my.lat\r\n\r\n")
    amon.expect(metric('503,"description":"Service Unavailable"', "", UNMEASURED))
    a.say("SUB svc.lat 6")
    a.settle()
    world.request("my.lat", "", "q")
    a.expect(crossed("svc.lat", 6, "", "q"))
    amon.expect(metric('400,"description":"Bad Request"', "", UNMEASURED))


def test_10_6_streams_with_and_without_a_token(world):
    a, _, b, bmon = world.lines
    started, abandoned = "retail.v1.cart.started", "retail.v1.cart.abandoned"
    b.say(f"SUB {CART} cart-processor 20")
    b.settle()
    a.say(f"PUB {started} 29", "Customer initiated Cart 1234!")
    b.expect(msg(f"{started} 20", "Customer initiated Cart 1234!"))

    # the reply passes as it is, and leads nowhere
    a.say("SUB _INBOX.a.rep 30")
    a.say(f"PUB {started} _INBOX.a.rep 10", "with reply")
    b.expect(msg(f"{started} 20 _INBOX.a.rep", "with reply"))
    b.say("PUB _INBOX.a.rep 7", "from b?")
    bmon.expect(msg("_INBOX.a.rep 1", "from b?"))

    # narrower and wider subscriptions
    b.say(f"SUB {abandoned} 21")
    b.say("SUB > 22")
    b.settle()
    a.say(f"PUB {abandoned} 1", "x")
    b.expect(*(msg(f"{abandoned} {sid}", "x") for sid in (22, 21, 20)))
    b.say("UNSUB 22")
    b.say("UNSUB 21")

    # what B publishes there stays in B
    b.say(f"PUB {started} 10", "local to B")
    b.expect(msg(f"{started} 20", "local to B"))

    # ps.*.* to got.$2.$1
    for sid, subject in enumerate(("got.*.*", "got.B.>", "got.b.a"), 23):
        b.say(f"SUB {subject} {sid}")
    b.settle()
    a.say("PUB ps.a.b 1", "x")
    b.expect(msg("got.b.a 23", "x"), msg("got.b.a 25", "x"))
    world.quiet()
