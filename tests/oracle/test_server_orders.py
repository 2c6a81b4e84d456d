"""What the system account orders a server to do, and its sign of life: both servers."""

import json

import pytest

from support.raw import RawClient
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle, pytest.mark.real]

CONFIG = """
    server_name: one
    accounts {
      A: { users: [{user: a, password: a}] }
      SYS: { users: [{user: sys, password: sys}] }
    }
    system_account: SYS
"""


class World:
    """A server, the system account's client, and one of A."""

    def __init__(self, server) -> None:
        self.server = server
        self.system = self.connect_as("sys")
        answer = self.system.request("$SYS.REQ.SERVER.PING.IDZ")
        self.id = json.loads(answer.payload)["id"]

    def connect(self, **more: object) -> tuple[RawClient, int]:
        """A client of A, and its number."""
        before = self._numbers()
        client = self.connect_as("a", **more)
        [number] = self._numbers() - before
        return client, number

    def order(self, name: str, body: object = b"", **waiting: float) -> object:
        """The answer but for its server; None for silence, 503 if nobody takes such orders."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.system.request(f"$SYS.REQ.SERVER.{name}", payload, **waiting)
        if answer is None:
            return None
        if answer.header:
            return 503
        document = json.loads(answer.payload)
        assert document.pop("server")["name"] == "one"
        return document

    def connect_as(self, user: str, **more: object) -> RawClient:
        return RawClient(self.server.port, user=user, **{"pass": user}, **more)

    def _numbers(self) -> set[int]:
        answer = self.system.request("$SYS.REQ.SERVER.PING.CONNZ")
        return {one["cid"] for one in json.loads(answer.payload)["data"]["connections"]}


@pytest.fixture
def world(kind, start_server):
    return World(start_server(kind, config=CONFIG))


def refused(text: str) -> dict[str, object]:
    return {"error": {"code": 500, "description": text}}


def test_a_connection_is_kicked(world):
    client, number = world.connect()
    other, _ = world.connect()
    listener = world.connect_as("sys")
    listener.send(b"SUB $SYS.ACCOUNT.A.DISCONNECT 7\r\n")
    listener.settle()
    assert world.order(f"{world.id}.KICK", {"cid": number}) == {}
    with pytest.raises(ConnectionError):
        client.message()
    other.settle()
    while (told := listener.message()).subject != "$SYS.ACCOUNT.A.DISCONNECT":
        assert told.subject.startswith("_INBOX.")
    assert json.loads(told.payload)["reason"] == "Kicked"


def test_a_client_is_told_to_go_elsewhere(world):
    client, number = world.connect(protocol=1)
    assert world.order(f"{world.id}.LDM", {"cid": number}) == {}
    heard: list[bytes] = []
    client._aside = heard.append
    wait_for(lambda: client.settle() or any(b'"ldm":true' in line for line in heard))
    old, number = world.connect()
    assert world.order(f"{world.id}.LDM", {"cid": number}) == refused(
        "client does not support Lame Duck Mode or is not ready to receive the notification"
    )
    old.settle()


@pytest.mark.parametrize(
    ("name", "text"),
    [("KICK", "no such client or leafnode id"), ("LDM", "no such client id")],
)
def test_who_is_not_there_is_said_and_what_is_no_order_is_not_answered(world, name, text):
    for body in ({"cid": 4711}, {}):
        assert world.order(f"{world.id}.{name}", body) == refused(text)
    for body in (b"", b"x", {"cid": "1"}, {"cid": -1}):
        assert world.order(f"{world.id}.{name}", body, timeout_s=0.1) is None
    assert world.order(f"PING.{name}", {"cid": 1}) == 503


def test_the_configuration_is_read_again(world):
    path = world.server.folder / "server.conf"
    assert world.order(f"{world.id}.RELOAD") == {}
    path.write_text(CONFIG + "max_connections: 1\n")
    assert world.order(f"{world.id}.RELOAD") == {}
    with pytest.raises(AssertionError, match="maximum connections exceeded"):
        world.connect()
    path.write_text(CONFIG + "no_such_option: 1\n")
    answer = world.order(f"{world.id}.RELOAD")
    assert 'unknown field "no_such_option"' in answer["error"]["description"]


def test_a_server_gives_signs_of_life_more_often_at_first(world):
    world.system.send(b"SUB $SYS.SERVER.*.STATSZ 7\r\n")
    for _ in range(2):
        message = world.system.message(5)
        assert message.subject == f"$SYS.SERVER.{world.id}.STATSZ"
        document = json.loads(message.payload)
        assert list(document) == ["server", "statsz"]
        assert document["statsz"]["connections"] == 1
