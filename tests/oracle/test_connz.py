"""Connections, subscriptions, traffic: both servers tell the same, and report the same events."""

import json
import urllib.error
import urllib.request

import pytest

from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = [pytest.mark.real, pytest.mark.oracle]

CONFIG = """
    server_name: one
    jetstream { store_dir: "FOLDER" }
    accounts {
      A: { jetstream: enabled, users: [{user: a, password: p}] }
      B: { users: [{user: b, password: p}] }
      SYS: { users: [{user: s, password: p}] }
    }
    system_account: SYS
"""
# what two servers do not have in common: identities, moments, what a server subscribes to itself
VARYING = {
    *("server_id", "now", "cid", "port", "start", "last_activity", "rtt", "uptime", "idle"),
    *("pending_bytes", "num_subscriptions", "num_inserts", "num_removes", "num_matches"),
    *("num_cache", "cache_hit_rate", "max_fanout", "avg_fanout"),
}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    config = CONFIG.replace("FOLDER", str(folder / "store"))
    with ServerProcess(request.param, folder, "-m", "-1", config=config) as running:
        yield running


def connect(server, who, **options):
    return RawClient(server.port, user=who, **{"pass": "p"}, **options)


@pytest.fixture(scope="module")
def system(server):
    with connect(server, "s") as client:
        yield client


@pytest.fixture(scope="module")
def peer(server, system):
    """Somebody in A, who subscribed to `x.*` and `y` and got 3 bytes of the 5 that it sent."""
    with connect(server, "a", name="peer", lang="py", version="1", echo=True) as client:
        client.send(b"SUB x.* 7\r\nSUB y q 8\r\n")
        client.publish("x.1", b"123")
        client.publish("nobody", b"45")
        client.settle()
        yield client


def ask(client, subject, body=None):
    payload = b"" if body is None else json.dumps(body).encode()
    message = client.request(f"$SYS.REQ.{subject}", payload, timeout_s=1)
    return None if message is None else json.loads(message.payload)


def get(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def steady(found):
    """Without what differs."""
    if isinstance(found, dict):
        return {name: steady(value) for name, value in found.items() if name not in VARYING}
    return [steady(one) for one in found] if isinstance(found, list) else found


CONNECTION = {
    "kind": "Client", "type": "nats", "ip": "127.0.0.1", "in_msgs": 2, "out_msgs": 1,
    "in_bytes": 5, "out_bytes": 3, "subscriptions": 3, "name": "peer", "lang": "py",
    "version": "1",
}  # fmt: skip


def test_a_connection(system, peer):
    answer = ask(system, "SERVER.PING.CONNZ", {"acc": "A"})
    assert list(answer) == ["server", "data"]
    page = {"num_connections": 1, "total": 1, "offset": 0, "limit": 1024}
    assert steady(answer["data"]) == page | {"connections": [CONNECTION]}
    (one,) = answer["data"]["connections"]
    assert list(one) == [
        *("cid", "kind", "type", "ip", "port", "start", "last_activity", "rtt", "uptime", "idle"),
        *("pending_bytes", "in_msgs", "out_msgs", "in_bytes", "out_bytes", "subscriptions"),
        *("name", "lang", "version"),
    ]
    again = ask(system, "ACCOUNT.A.CONNZ")["data"]["connections"]
    assert [steady(each) for each in again] == [CONNECTION]


def test_who_it_is_and_what_it_subscribed_to(system, peer):
    def first(**asked):
        answer = ask(system, "SERVER.PING.CONNZ", {"acc": "A", **asked})
        return answer["data"]["connections"][0]

    who = {"authorized_user": "a", "account": "A", "name_tag": "A"}
    assert steady(first(auth=True)) == CONNECTION | who
    assert sorted(first(subscriptions=True)["subscriptions_list"]) == ["_INBOX.>", "x.*", "y"]
    listed = first(subscriptions_detail=True)["subscriptions_list_detail"]
    assert sorted(map(steady, listed), key=lambda one: one["subject"]) == [
        {"subject": "_INBOX.>", "sid": "1", "msgs": 0},
        {"subject": "x.*", "sid": "7", "msgs": 1},
        {"subject": "y", "qgroup": "q", "sid": "8", "msgs": 0},
    ]


@pytest.mark.parametrize(
    ("asked", "shown", "total"),
    [
        ({"user": "a"}, 1, 2),
        ({"user": "nobody"}, 0, 2),
        ({"cid": 99_999}, 0, 2),
        ({"limit": 1}, 1, 2),
        ({"limit": 1, "offset": 1}, 1, 2),
        ({"offset": 9}, 0, 2),
        ({"acc": "A", "filter_subject": "x.5"}, 1, 1),
        ({"acc": "A", "filter_subject": "x.>"}, 1, 1),
        ({"acc": "A", "filter_subject": "z"}, 0, 1),
    ],
)
def test_which_are_shown(system, peer, asked, shown, total):
    data = ask(system, "SERVER.PING.CONNZ", asked)["data"]
    assert (data["num_connections"], len(data["connections"]), data["total"]) == (
        shown,
        shown,
        total,
    )
    assert data["offset"] == asked.get("offset", 0)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"sort": "zzz"}, "invalid sorting option: zzz"),
        ({"sort": "stop"}, "sort by stop only valid on closed connections"),
        ({"sort": "reason"}, "sort by reason only valid on closed connections"),
        ({"filter_subject": "x"}, "filter by subject only valid with account filtering"),
    ],
)
def test_what_makes_no_sense(system, asked, error):
    answer = ask(system, "SERVER.PING.CONNZ", asked)
    assert (answer["data"], answer["error"]) == (None, {"code": 500, "description": error})


def test_an_account_that_does_not_exist(system):
    answer = ask(system, "ACCOUNT.ZZ.CONNZ")["data"]
    assert (answer["server_id"], answer["connections"]) == ("", None)
    answer = ask(system, "ACCOUNT.ZZ.SUBSZ")["data"]
    assert (answer["num_subscriptions"], answer["total"]) == (0, 0)
    error = {"code": 500, "description": 'account "ZZ" not found'}
    assert ask(system, "ACCOUNT.ZZ.JSZ")["error"] == error
    assert ask(system, "ACCOUNT.ZZ.STATZ") is None


def test_jetstream_of_one_account(system):
    detail = ask(system, "ACCOUNT.A.JSZ")["data"]
    assert (detail["name"], detail["id"]) == ("A", "A")
    error = {"code": 500, "description": 'account "B" not jetstream enabled'}
    assert ask(system, "ACCOUNT.B.JSZ")["error"] == error


def test_subscriptions(system, peer):
    counts = ask(system, "SERVER.PING.SUBSZ")["data"]
    assert "subscriptions_list" not in counts
    assert (counts["total"], counts["offset"], counts["limit"]) == (0, 0, 1024)
    listed = ask(system, "ACCOUNT.A.SUBSZ")["data"]["subscriptions_list"]
    of_peer = [steady(one) for one in listed if one["subject"] in {"x.*", "y"}]
    common = {"account": "A", "account_tag": "A"}
    assert sorted(of_peer, key=lambda one: one["subject"]) == [
        common | {"subject": "x.*", "sid": "7", "msgs": 1},
        common | {"subject": "y", "qgroup": "q", "sid": "8", "msgs": 0},
    ]
    heard = ask(system, "SERVER.PING.SUBSZ", {"subscriptions": True, "test": "x.9"})["data"]
    assert [one["subject"] for one in heard["subscriptions_list"]] == ["x.*"]
    wrong = ask(system, "SERVER.PING.SUBSZ", {"test": "a..b"})["error"]
    text = "invalid test subject, must be valid publish subject: a..b"
    assert wrong == {"code": 500, "description": text}


def test_what_went_through_an_account(system, peer):
    answer = ask(system, "ACCOUNT.A.STATZ")["data"]
    none = {"msgs": 0, "bytes": 0}
    rest = {"gateways": none, "routes": none, "leafs": none}
    (one,) = answer["account_statz"]
    assert steady(one) == {
        "acc": "A",
        "name": "A",
        "conns": 1,
        "leafnodes": 0,
        "total_conns": 1,
        "sent": {"msgs": 1, "bytes": 3} | rest,
        "received": {"msgs": 2, "bytes": 5} | rest,
        "slow_consumers": 0,
    }
    used = ask(system, "ACCOUNT.PING.STATZ")["data"]["account_statz"]
    assert {one["acc"] for one in used} == {"A", "SYS"}
    everyone = ask(system, "ACCOUNT.PING.STATZ", {"include_unused": True})["data"]["account_statz"]
    assert {one["acc"] for one in everyone} == {"A", "B", "SYS", "$G"}


def test_an_account_asks_about_itself_only(server, system, peer):
    with connect(server, "b", name="other") as client:
        for subject in ("ACCOUNT.PING.CONNZ", "SERVER.PING.CONNZ"):
            for asked in (None, {"acc": "A"}):
                found = ask(client, subject, asked)["data"]["connections"]
                assert [one["name"] for one in found] == ["other"]
        for asked in (None, {"accounts": ["A"]}):
            found = ask(client, "ACCOUNT.PING.STATZ", asked)["data"]["account_statz"]
            assert [one["acc"] for one in found] == ["B"]
        message = client.request("$SYS.REQ.ACCOUNT.A.CONNZ")
        assert message.header.startswith(b"NATS/1.0 503")


_PATHS = (
    *("/connz?sort=x", "/connz?state=zz", "/connz?limit=x", "/connz?auth=x", "/connz?cid=x"),
    *("/connz?subs=x", "/connz?sort=stop", "/subsz?test=a..b", "/subsz?subs=x"),
    "/accstatz?unused=x",
)


def test_wrong_parameters(start_server, tmp_path):
    said = []
    for kind in ("real", "isthmus"):
        config = CONFIG.replace("FOLDER", str(tmp_path / kind))
        running = start_server(kind, "-m", "-1", config=config)
        said.append({path: get(running, path) for path in _PATHS})
    assert said[0] == said[1]


def test_documents_by_http(server, peer):
    for path, field in (
        ("/connz?acc=A&subs=detail&auth=1", "connections"),
        ("/subsz?acc=A&subs=1", "subscriptions_list"),
        ("/subscriptionsz", "limit"),
        ("/accstatz?unused=1", "account_statz"),
    ):
        status, body = get(server, path)
        assert status == 200
        assert body.startswith('{\n  "server_id"')
        assert field in json.loads(body)


# --- events ---


def events(client, count):
    """Type and fields of the next events, in any order, by subject."""
    found = {}
    while len(found) < count:
        message = client.message()
        assert message is not None, found
        event = json.loads(message.payload)
        if event.get("type", "").startswith("io.nats.server.advisory"):
            found[message.subject] = event
    return found


def test_who_comes_and_goes(server):
    with connect(server, "s") as listener:
        listener.send(b"SUB $SYS.ACCOUNT.B.> 5\r\nSUB $SYS.SERVER.ACCOUNT.B.> 6\r\n")
        listener.settle()
        client = connect(server, "b", name="guest", lang="py", version="2")
        came = events(listener, 3)
        event = came["$SYS.ACCOUNT.B.CONNECT"]
        assert list(event) == ["type", "id", "timestamp", "server", "client"]
        assert event["type"].endswith(".client_connect")
        who = {
            "host": "127.0.0.1", "acc": "B", "user": "b", "name": "guest", "lang": "py",
            "ver": "2", "name_tag": "B", "kind": "Client", "client_type": "nats",
        }  # fmt: skip
        assert {name: event["client"][name] for name in who} == who
        for subject in ("$SYS.ACCOUNT.B.SERVER.CONNS", "$SYS.SERVER.ACCOUNT.B.CONNS"):
            assert came[subject]["type"].endswith(".account_connections")
            assert (came[subject]["acc"], came[subject]["conns"]) == ("B", 1)
        client.publish("x", b"12345")
        client.settle()
        client.close()
        gone = events(listener, 3)
        event = gone["$SYS.ACCOUNT.B.DISCONNECT"]
        assert list(event)[-4:] == ["client", "sent", "received", "reason"]
        assert event["reason"] == "Client Closed"
        assert event["sent"] == {"msgs": 1, "bytes": 5}
        assert event["received"] == {"msgs": 0, "bytes": 0}
        assert event["client"]["stop"] >= event["client"]["start"]
        assert gone["$SYS.SERVER.ACCOUNT.B.CONNS"]["conns"] == 0


def test_who_was_not_who_it_said(server):
    with connect(server, "s") as listener:
        listener.send(b"SUB $SYS.SERVER.*.CLIENT.AUTH.ERR 5\r\nSUB $SYS.ACCOUNT.$G.> 6\r\n")
        listener.settle()
        with pytest.raises(AssertionError, match="Authorization Violation"):
            RawClient(server.port, user="nobody", **{"pass": "p"})
        found = events(listener, 2)
        assert {subject.rpartition(".")[2] for subject in found} == {"ERR", "DISCONNECT"}
        for event in found.values():
            assert event["reason"] == "Authentication Failure"
            assert (event["client"]["acc"], event["client"]["user"]) == ("$G", "nobody")
