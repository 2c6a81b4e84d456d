"""Part 7's ephemerals, advisories and closing jsz, and the short facts of part 10, on both servers.

What those parts say besides stands in `test_transcripts_archives`, `test_transcripts_consumers`,
`test_jetstream_pull`, `test_jetstream_publish` and `test_consumer_events`.
"""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

LONG = b'{"batch":3,"expires":20000000000}'
SECOND_NS = 1_000_000_000


@pytest.fixture(params=["isthmus", "real"])
def server(request, tmp_path) -> Iterator[ServerProcess]:
    """One for each test: the real server may be asked twice, and must not know it from before."""
    flags = ("-js", "-sd", str(tmp_path / "store"), "-m", "-1")
    with ServerProcess(request.param, tmp_path, *flags) as made:
        yield made


@pytest.fixture
def client(server) -> Iterator[RawClient]:
    with RawClient(server.port) as made:
        yield made


def stream(client: RawClient, name: str, **config: object) -> None:
    answer = api(client, f"STREAM.CREATE.{name}", name=name, subjects=[f"{name}.>"], **config)
    assert "error" not in answer, answer


def consumer(client: RawClient, stream: str, name: str = "c", **config: object) -> dict:
    config = {"ack_policy": "explicit", **config}
    verb = f"CONSUMER.CREATE.{stream}" + (f".{name}" if name else "")
    answer = api(client, verb, stream_name=stream, config=config)
    assert "error" not in answer, answer
    return answer


def api(client: RawClient, verb: str, **body: object) -> dict:
    return json.loads(client.api(verb, body or b""))


def pull(client: RawClient, stream: str, to: str, body: bytes = LONG) -> None:
    client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.c", body, reply=to)
    client.settle()


def test_a_pull_goes_with_its_socket_and_what_comes_then_is_not_delivered(server, client):
    stream(client, "GONE")
    consumer(client, "GONE", durable_name="c")
    with RawClient(server.port) as other:
        other.send(b"SUB others 2\r\n")
        pull(other, "GONE", "others")
        wait_for(lambda: api(client, "CONSUMER.INFO.GONE.c")["num_waiting"] == 1)
    wait_for(lambda: api(client, "CONSUMER.INFO.GONE.c")["num_waiting"] == 0)
    client.request("GONE.1", b"hi")
    # the real server counts a message for its consumers behind the publisher's answer
    wait_for(lambda: api(client, "CONSUMER.INFO.GONE.c")["num_pending"] == 1)
    info = api(client, "CONSUMER.INFO.GONE.c")
    assert info["delivered"] == {"consumer_seq": 0, "stream_seq": 0}
    assert info["num_ack_pending"] == 0
    pull(client, "GONE", "_INBOX.mine")
    message = client.message()
    assert message.payload == b"hi"
    assert message.reply.startswith("$JS.ACK.GONE.c.1.1.1."), "delivered for the first time"


def test_two_who_pull_get_messages_in_turn(server, client):
    stream(client, "TURNS")
    consumer(client, "TURNS", durable_name="c")
    with RawClient(server.port) as one, RawClient(server.port) as other:
        for puller, to in ((one, "one"), (other, "other")):
            puller.send(b"UNSUB 1\r\nSUB %s 2\r\n" % to.encode())
            pull(puller, "TURNS", to)
        wait_for(lambda: api(client, "CONSUMER.INFO.TURNS.c")["num_waiting"] == 2)
        for number in range(4):
            client.publish(f"TURNS.{number}", b"%d" % number)
        assert [one.message().payload for _ in range(2)] == [b"0", b"2"]
        assert [other.message().payload for _ in range(2)] == [b"1", b"3"]


def test_what_was_purged_is_still_a_duplicate(client):
    stream(client, "AGAIN")
    header = b"NATS/1.0\r\nNats-Msg-Id: one\r\n\r\n"
    first = client.request("AGAIN.a", b"x", header=header)
    assert first.payload == b'{"stream":"AGAIN","seq":1}'
    assert api(client, "STREAM.PURGE.AGAIN")["purged"] == 1
    again = client.request("AGAIN.a", b"x", header=header)
    assert again.payload == b'{"stream":"AGAIN","seq":1,"duplicate": true}'
    assert api(client, "STREAM.INFO.AGAIN")["state"]["messages"] == 0


def test_over_a_thousand_consumers_are_created_and_listed_in_pages(client):
    stream(client, "MANY", storage="memory")
    body = {"stream_name": "MANY", "config": {"inactive_threshold": 1000 * SECOND_NS}}
    for number in range(1000):
        client.publish("$JS.API.CONSUMER.CREATE.MANY", json.dumps(body).encode(), reply="_INBOX.c")
        if number % 100 == 99:
            assert not any(b'"error"' in client.message().payload for _ in range(100))
    page = api(client, "CONSUMER.LIST.MANY")
    assert (page["total"], page["offset"], page["limit"]) == (1000, 0, 256)
    assert len(page["consumers"]) == 256
    page = api(client, "CONSUMER.LIST.MANY", offset=900)
    assert (page["total"], page["offset"], page["limit"]) == (1000, 900, 256)
    assert len(page["consumers"]) == 100
    refused = api(client, "CONSUMER.CREATE.MANY", **body)["error"]
    assert (refused["code"], refused["err_code"]) == (400, 10026)
    config = api(client, "STREAM.INFO.MANY")["config"] | {"max_consumers": 2000}
    assert "error" not in api(client, "STREAM.UPDATE.MANY", **config)
    assert "error" not in api(client, "CONSUMER.CREATE.MANY", **body)
    api(client, "STREAM.DELETE.MANY")


def test_ephemerals_that_nobody_uses_go_and_that_is_told(client):
    stream(client, "EPH")
    client.send(b"SUB $JS.EVENT.ADVISORY.CONSUMER.DELETED.EPH.> 7\r\n")
    consumer(client, "EPH", "eph", inactive_threshold=SECOND_NS)
    pushed = consumer(client, "EPH", "", deliver_subject="nobody.listens")
    assert pushed["config"]["inactive_threshold"] == 5 * SECOND_NS, "unless it says otherwise"
    assert "push_bound" not in pushed
    told = [client.message(10) for _ in range(2)]
    names = [json.loads(one.payload)["consumer"] for one in told]
    assert names == ["eph", pushed["name"]]
    assert {json.loads(one.payload)["action"] for one in told} == {"delete"}
    wait_for(lambda: api(client, "CONSUMER.NAMES.EPH")["consumers"] == [])  # told before it is gone


def told_of_the_end(server, client, name):
    """Subjects and bodies of what is heard when a stream with three consumers is deleted."""
    stream(client, name)
    for one in ("pin", "ov", "pr"):
        consumer(client, name, one, durable_name=one)
    with RawClient(server.port) as listener:
        place = f"$JS.EVENT.ADVISORY.*.DELETED.{name}"
        listener.send(f"UNSUB 1\r\nSUB {place}.> 2\r\nSUB {place} 3\r\n".encode())
        listener.settle()
        assert api(client, f"STREAM.DELETE.{name}")["success"]
        told = [listener.message(1) for _ in range(4)]
    return [(one.subject.split(".")[3], json.loads(one.payload)) for one in told if one is not None]


def test_who_goes_with_a_stream_is_told_before_it(server, client):
    told = told_of_the_end(server, client, "G0")
    for again in range(1, 10):
        if len(told) == 4 or server.kind == "isthmus":
            break
        told = told_of_the_end(server, client, f"G{again}")  # what it still had to send went too
    kinds, bodies = [kind for kind, _ in told], [body for _, body in told]
    assert kinds == ["CONSUMER"] * 3 + ["STREAM"]
    assert sorted(body["consumer"] for body in bodies[:3]) == ["ov", "pin", "pr"]
    for kind, body in told:
        names = ["consumer"] if kind == "CONSUMER" else []
        assert list(body) == ["type", "id", "timestamp", "stream", *names, "action"]
        assert body["type"] == f"io.nats.jetstream.advisory.v1.{kind.lower()}_action"
        assert body["action"] == "delete"
    assert len({body["stream"] for body in bodies}) == 1


def test_an_open_pull_is_told_that_the_server_stops(server, client):
    stream(client, "STOPS")
    consumer(client, "STOPS", durable_name="c")
    client.request("STOPS.a", b"one")
    client.send(b"SUB open 7\r\n")
    pull(client, "STOPS", "open", b'{"batch":7,"expires":20000000000}')
    assert client.message().payload == b"one"
    server.process.terminate()
    assert client.message().header == (
        b"NATS/1.0 409 Server Shutdown\r\nNats-Pending-Messages: 6\r\nNats-Pending-Bytes: 0\r\n\r\n"
    )


# --- the closing jsz of part 7 ---

UNBOUND = 2**64 - 1
TIMES = {"now", "created", "first_ts", "last_ts", "last_active", "ts"}

STREAM = {
    "name": "BIG", "subjects": ["BIG.>"], "retention": "limits", "max_consumers": -1,
    "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msgs_per_subject": -1, "max_msg_size": -1,
    "discard": "old", "storage": "file", "num_replicas": 1, "duplicate_window": 120000000000,
    "compression": "none", "allow_direct": False, "mirror_direct": False, "sealed": False,
    "deny_delete": False, "deny_purge": False, "allow_rollup_hdrs": False, "consumer_limits": {},
    "allow_msg_ttl": False, "metadata": {"_nats.req.level": "0"},
}  # fmt: skip
CONSUMER = {
    "stream_name": "BIG", "name": "bc", "created": "T", "config": {
        "durable_name": "bc", "name": "bc", "deliver_policy": "all", "ack_policy": "explicit",
        "ack_wait": 30000000000, "max_deliver": -1, "replay_policy": "instant", "max_waiting": 512,
        "max_ack_pending": 1000, "num_replicas": 0, "metadata": {"_nats.req.level": "0"},
    },
    "delivered": {"consumer_seq": 2, "stream_seq": 2, "last_active": "T"},
    "ack_floor": {"consumer_seq": 0, "stream_seq": 0}, "num_ack_pending": 2, "num_redelivered": 0,
    "num_waiting": 0, "num_pending": 8, "ts": "T",
}  # fmt: skip
STATE = {
    "messages": 10, "bytes": 9354, "first_seq": 1, "first_ts": "T", "last_seq": 10, "last_ts": "T",
    "num_subjects": 7, "consumer_count": 1,
}  # fmt: skip
ACCOUNT = {
    "name": "$G", "id": "$G", "memory": 0, "storage": 9354, "reserved_memory": UNBOUND,
    "reserved_storage": UNBOUND, "accounts": 0, "ha_assets": 0,
    "api": {"level": 0, "total": 3, "errors": 1},
    "stream_detail": [{
        "name": "BIG", "created": "T", "cluster": {"leader": "ID"}, "config": STREAM,
        "state": STATE, "consumer_detail": [CONSUMER],
    }],
}  # fmt: skip
JSZ = {
    "memory": 0, "storage": 9354, "reserved_memory": 0, "reserved_storage": 0, "accounts": 1,
    "ha_assets": 0, "api": {"level": 5, "total": 3, "errors": 1}, "server_id": "ID", "now": "T",
    "config": {}, "limits": {"default_max_consumers": 1000}, "streams": 1, "consumers": 1,
    "messages": 10, "bytes": 9354, "account_details": [ACCOUNT], "total": 1,
}  # fmt: skip


def jsz(server: ServerProcess) -> dict:
    """With T for each time and ID for the server."""
    where = f"http://127.0.0.1:{server.http_port}/jsz?accounts=1&streams=1&consumers=1&config=1"
    with urllib.request.urlopen(where, timeout=10) as answer:
        text = answer.read().decode()
    text = text.replace(json.loads(text)["server_id"], "ID")

    def named(pairs: list[tuple[str, object]]) -> dict:
        return {name: "T" if name in TIMES else value for name, value in pairs}

    return json.loads(text, object_pairs_hook=named)


def test_jsz_as_captured(server, client):
    stream(client, "BIG")
    for number in range(6):
        client.request(f"BIG.{number}", bytes(1500))
    for _ in range(4):
        client.request("BIG.6", b"x")
    consumer(client, "BIG", "bc", durable_name="bc")
    assert api(client, "STREAM.INFO.NONE")["error"]["code"] == 404
    client.publish("$JS.API.CONSUMER.MSG.NEXT.BIG.bc", b"2", reply="_INBOX.pulled")
    assert [client.message().subject for _ in range(2)] == ["BIG.0", "BIG.1"]
    wait_for(lambda: api(client, "CONSUMER.INFO.BIG.bc")["num_ack_pending"] == 2)
    found = jsz(server)
    config, found["config"] = found["config"], {}
    calls = found["api"]["total"]  # so many looks did it take until both were counted
    for counts in (found["api"], found["account_details"][0]["api"]):
        assert counts["total"] == calls
        counts["total"] = 3
    assert json.dumps(found, indent=1) == json.dumps(JSZ, indent=1), "in this order"
    ours = ["sync_always"] if server.kind == "isthmus" else []  # design D5: unless it is set
    assert list(config) == [
        *("max_memory", "max_storage", "store_dir", "sync_interval"), *ours, "strict",
    ]  # fmt: skip
    assert config["sync_interval"] == 120 * SECOND_NS
    assert config["strict"] is True
    assert config.get("sync_always", True) is True
