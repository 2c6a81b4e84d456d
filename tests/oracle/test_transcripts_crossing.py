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
from isthmus.identity.claims import Activation, Export, Import, make_activation
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
PAYMENT, CART = "retail.v1.payment.>", "retail.v1.cart.>"


def tokens() -> dict[str, str]:
    """The account tokens of A and B."""
    exports = (
        Export(name="pay", subject=PAYMENT, type="service", token_required=True),
        Export(name="cart", subject=CART, type="stream", token_required=True),
        Export(name="ps", subject="ps.*.*", type="stream"),
    )
    imports = (
        take(PAYMENT, "service", activated=True),
        take(CART, "stream", activated=True),
        take("ps.*.*", "stream", "got.$2.$1"),
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
