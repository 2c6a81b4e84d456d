"""Pull requests of somebody who is gone: they take no message, in one account and across two."""

import json
from collections.abc import Iterator

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
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
      {service: "$JS.API.CONSUMER.MSG.NEXT.>", response: stream}
      {service: "$JS.ACK.>"}
    ]
  }
  B {
    users = [ {user: b, password: b} ]
    imports = [
      {service: {account: A, subject: "$JS.API.CONSUMER.MSG.NEXT.>"}, to: "A.NEXT.>"}
      {service: {account: A, subject: "$JS.ACK.>"}}
    ]
  }
}
"""
NEXT = {"a": "$JS.API.CONSUMER.MSG.NEXT.S.C", "b": "A.NEXT.S.C"}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def port(request, tmp_path_factory) -> Iterator[int]:
    """One server for all tests."""
    folder = tmp_path_factory.mktemp("interest")
    server = ServerProcess(request.param, folder, config=CONFIG % (folder / "store"))
    yield server.start().port
    server.stop()


class Puller(RawClient):
    """A client of account `user` that pulls to an inbox of its own."""

    def __init__(self, port: int, user: str, inbox: str) -> None:
        super().__init__(port, user=user, **{"pass": user})
        self.user, self.inbox = user, inbox
        self.send(f"UNSUB 1\r\nSUB {inbox} 2\r\n".encode())
        self.settle()

    def pull(self, **body: object) -> None:
        self.publish(NEXT[self.user], json.dumps(body).encode(), reply=self.inbox)

    def leave(self) -> None:
        self.send(b"UNSUB 2\r\n")
        self.settle()


@pytest.fixture
def owner(port):
    with RawClient(port, user="a", **{"pass": "a"}) as owner:
        owner.api("STREAM.DELETE.S")
        owner.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        body = {"stream_name": "S", "config": {"durable_name": "C", "ack_policy": "explicit"}}
        owner.api("CONSUMER.CREATE.S.C", body)
        yield owner


def counted(owner):
    found = json.loads(owner.api("CONSUMER.INFO.S.C"))
    return found["num_waiting"], found["delivered"]["consumer_seq"], found["num_pending"]


@pytest.mark.parametrize("user", ["a", "b"])
@pytest.mark.parametrize("how", ["unsubscribed", "disconnected"])
def test_a_lost_subscriber_takes_no_message(port, owner, user, how):
    with Puller(port, user, "here.lost") as lost:
        lost.pull(batch=5, expires=20_000 * MS)
        wait_for(lambda: counted(owner)[0] == 1)
        if how == "unsubscribed":
            lost.leave()
            wait_for(lambda: counted(owner)[0] == 0)
    wait_for(lambda: counted(owner)[0] == 0)
    owner.request("s.a", b"one")
    wait_for(lambda: counted(owner) == (0, 0, 1))


@pytest.mark.parametrize("user", ["a", "b"])
def test_the_next_in_line_gets_what_the_lost_one_would_have(port, owner, user):
    with Puller(port, user, "here.lost") as lost, Puller(port, user, "here.next") as following:
        lost.pull(batch=1, expires=20_000 * MS)
        wait_for(lambda: counted(owner)[0] == 1)
        following.pull(batch=1, expires=20_000 * MS)
        wait_for(lambda: counted(owner)[0] == 2)
        lost.leave()
        # no look at the consumer in between: the delivery itself finds out
        owner.request("s.a", b"one")
        message = following.message(5)
        assert message.payload == b"one"
        assert message.reply.startswith("$JS.ACK.S.C.1.1.1.")
        wait_for(lambda: counted(owner) == (0, 1, 0))


def test_who_subscribes_again_asks_again(port, owner):
    with Puller(port, "a", "here.lost") as lost:
        lost.pull(batch=1, expires=20_000 * MS)
        wait_for(lambda: counted(owner)[0] == 1)
        lost.leave()
        wait_for(lambda: counted(owner)[0] == 0)
        lost.send(b"SUB here.lost 3\r\n")
        lost.settle()
        owner.request("s.a", b"one")
        assert lost.message(0.2) is None
        lost.pull(batch=1, expires=20_000 * MS)
        assert lost.message(5).payload == b"one"


def test_who_hears_all_answers_is_not_who_asked(port, owner):
    """An eavesdropper in the exporting account sees the request end, and takes no message."""
    with RawClient(port, user="a", **{"pass": "a"}) as tap, Puller(port, "b", "here.lost") as lost:
        tap.send(b"UNSUB 1\r\nSUB _R_.> 2\r\n")
        tap.settle()
        lost.pull(batch=7, expires=20_000 * MS)
        wait_for(lambda: counted(owner)[0] == 1)
        lost.leave()
        owner.request("s.a", b"one")
        told = tap.message(5)
        assert told.header == (
            b"NATS/1.0 408 Interest Expired\r\n"
            b"Nats-Pending-Messages: 7\r\nNats-Pending-Bytes: 0\r\n\r\n"
        )
        wait_for(lambda: counted(owner) == (0, 0, 1))
        assert tap.message(0.1) is None


def test_an_eavesdropper_is_no_interest(port, owner):
    with RawClient(port, user="a", **{"pass": "a"}) as tap, Puller(port, "b", "here.lost") as lost:
        tap.send(b"UNSUB 1\r\nSUB _R_.> 2\r\n")
        tap.settle()
        lost.pull(batch=7, expires=20_000 * MS)
        wait_for(lambda: counted(owner)[0] == 1)
        lost.leave()
        wait_for(lambda: counted(owner)[0] == 0)
        assert tap.message(0.1) is None
