"""Part 7's ephemerals and the short facts of part 10, on both servers.

What those parts say besides stands in `test_transcripts_archives`, `test_transcripts_consumers`,
`test_jetstream_pull`, `test_jetstream_publish` and `test_consumer_events`.
"""

import json
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
    with ServerProcess(request.param, tmp_path, "-js", "-sd", str(tmp_path / "store")) as made:
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
