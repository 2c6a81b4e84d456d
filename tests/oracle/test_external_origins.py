"""Mirrors and sources of another account's stream, through the grants between the two."""

import base64
import json

import pytest

from isthmus.jetstream.acks import account_hash
from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

CONFIG = """
jetstream { store_dir: "%s" }
accounts {
  A {
    jetstream: enabled
    users = [ {user: a, password: a} ]
    exports = [
      {service: "$JS.API.CONSUMER.CREATE.>"}
      {service: "$JS.FC.>"}
      {stream: "to.b.>"}
    ]
  }
  B {
    jetstream: enabled
    users = [ {user: b, password: b} ]
    imports = [
      {service: {account: A, subject: "$JS.API.CONSUMER.CREATE.>"}, to: "A.API.CONSUMER.CREATE.>"}
      {service: {account: A, subject: "$JS.FC.>"}}
      {stream: {account: A, subject: "to.b.>"}}
    ]
  }
}
"""
EXTERNAL = {"api": "A.API", "deliver": "to.b"}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, config=CONFIG % (folder / "store")) as server:
        yield server


def login(server, user):
    return RawClient(server.port, user=user, **{"pass": user})


@pytest.fixture
def owner(server):
    """Account A, with a stream O."""
    with login(server, "a") as owner:
        owner.api("STREAM.DELETE.O")
        create(owner, "O", subjects=["o.>"])
        yield owner


@pytest.fixture
def borrower(server, owner):
    """Account B, with no stream."""
    with login(server, "b") as borrower:
        for name in json.loads(borrower.api("STREAM.NAMES"))["streams"] or []:
            borrower.api(f"STREAM.DELETE.{name}")
        yield borrower


def create(client, name, **config):
    answer = json.loads(client.api(f"STREAM.CREATE.{name}", {"name": name, **config}))
    assert "error" not in answer, answer
    return answer


def info(client, name):
    return json.loads(client.api(f"STREAM.INFO.{name}"))


def wait_for_messages(client, name, count):
    wait_for(lambda: info(client, name)["state"]["messages"] == count)


def message(client, name, seq):
    found = json.loads(client.api(f"STREAM.MSG.GET.{name}", {"seq": seq}))["message"]
    return {key: found.get(key) for key in ("subject", "data", "time")}


def header(client, name, seq):
    found = json.loads(client.api(f"STREAM.MSG.GET.{name}", {"seq": seq}))["message"]
    return base64.b64decode(found["hdrs"])


def test_a_mirror_across_a_border_holds_what_its_origin_holds(owner, borrower):
    owner.request("o.a", b"before")
    create(borrower, "M", mirror={"name": "O", "external": EXTERNAL})
    wait_for_messages(borrower, "M", 1)
    owner.request("o.b", b"after")
    wait_for_messages(borrower, "M", 2)
    for seq in (1, 2):
        assert message(borrower, "M", seq) == message(owner, "O", seq)
    shown = info(borrower, "M")["mirror"]
    assert shown.pop("active") >= 0
    assert shown == {"name": "O", "external": EXTERNAL, "lag": 0}


def test_sources_across_a_border_name_account_and_stream(owner, borrower):
    create(borrower, "P", subjects=["p.>"])
    borrower.request("p.1", b"of its own")
    for number in range(6):
        owner.request(f"o.{number % 2}", b"%d" % number)
    sources = [{"name": "O", "external": EXTERNAL, "filter_subject": "o.1"}, {"name": "P"}]
    create(borrower, "S", sources=sources)
    wait_for_messages(borrower, "S", 4)
    found = sorted(message(borrower, "S", seq)["subject"] for seq in range(1, 5))
    assert found == ["o.1", "o.1", "o.1", "p.1"]
    labels = [header(borrower, "S", seq) for seq in range(1, 5)]
    place = f"Nats-Stream-Source: O:{account_hash('A.API')} 2 o.1 > o.1 ".encode()
    assert sum(place in one for one in labels) == 1
    shown = {one["name"]: one for one in info(borrower, "S")["sources"]}
    assert shown["O"]["external"] == EXTERNAL
    assert (shown["O"]["seq"], shown["P"]["seq"]) == (6, 1)


def test_much_comes_across_a_border_by_flow_control(owner, borrower):
    payload = bytes(60_000)
    create(borrower, "LONG", mirror={"name": "O", "external": EXTERNAL}, storage="memory")
    for _ in range(120):
        owner.request("o.a", payload)
    wait_for_messages(borrower, "LONG", 120)
    assert info(borrower, "LONG")["state"]["last_seq"] == 120


def test_an_origin_that_is_not_there_is_named_across_a_border(borrower):
    create(borrower, "LOST", mirror={"name": "NONE", "external": EXTERNAL})
    error = {"code": 404, "err_code": 10059, "description": "stream not found"}
    wait_for(lambda: info(borrower, "LOST")["mirror"].get("error") == error)


def test_who_may_not_ask_copies_nothing(owner, borrower):
    owner.request("o.a", b"kept")
    create(borrower, "N", mirror={"name": "O", "external": {"api": "X.API", "deliver": "to.b"}})
    create(borrower, "OWN", sources=[{"name": "O"}])
    wait_for(lambda: "error" in info(borrower, "OWN")["sources"][0])
    assert info(borrower, "N")["state"]["messages"] == 0
    assert info(borrower, "N")["mirror"]["active"] == -1
