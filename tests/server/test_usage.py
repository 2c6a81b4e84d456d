"""What grants were used for, exactly: told to the account that takes and the one that gives."""

import json
import urllib.request

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = pytest.mark.real

NEXT, ACK = "$JS.API.CONSUMER.MSG.NEXT.S.{}", "$JS.ACK.S.{}.>"


def shared(consumer, account):
    return f"""
      {{ service: "{NEXT.format(consumer)}", response_type: stream, accounts: [{account}] }},
      {{ service: "{ACK.format(consumer)}", accounts: [{account}] }}"""


def taken(consumer):
    return f"""
      {{ service: {{ account: A, subject: "{NEXT.format(consumer)}" }}, to: "next" }},
      {{ service: {{ account: A, subject: "{ACK.format(consumer)}" }} }}"""


CONFIG = """
    jetstream { store_dir: "FOLDER" }
    accounts {
      A: { jetstream: enabled, users: [{user: a, password: p}], exports: [
        SHARED, { stream: "out" }, { stream: "feed.>" } ] }
      B: { users: [{user: b, password: p}], imports: [
        TAKEN1, { stream: { account: A, subject: "feed.>" } } ] }
      C: { users: [{user: c, password: p}], imports: [
        TAKEN2, { stream: { account: A, subject: "out" } } ] }
      SYS: { users: [{user: s, password: p}] }
    }
    system_account: SYS
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usage")
    words = {
        "FOLDER": str(folder / "store"),
        "SHARED": shared("C1", "B") + "," + shared("C2", "C"),
        "TAKEN1": taken("C1"),
        "TAKEN2": taken("C2"),
    }
    config = CONFIG
    for word, text in words.items():
        config = config.replace(word, text)
    with ServerProcess("isthmus", folder, "-m", "-1", config=config) as running:
        yield running


@pytest.fixture(scope="module")
def giver(server):
    """A stream with ten messages, consumers C1 and C2, and P, which delivers to `out`."""
    with RawClient(server.port, user="a", **{"pass": "p"}) as client:
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
        for _ in range(10):
            client.request("s", b"12345")
        for name, fields in (("C1", {}), ("C2", {}), ("P", {"deliver_subject": "out"})):
            config = {"durable_name": name, "ack_policy": "explicit", **fields}
            body = {"stream_name": "S", "config": config}
            assert b"error" not in client.api(f"CONSUMER.DURABLE.CREATE.S.{name}", body)
        yield client


def detail(server, account):
    url = f"http://127.0.0.1:{server.http_port}/accountz?acc={account}"
    with urllib.request.urlopen(url) as answer:
        return json.loads(answer.read())["account_detail"]


def usage(server, account, local):
    (found,) = (one for one in detail(server, account)["imports"] if one["local_subject"] == local)
    return found["usage"]


def without_times(found):
    return {key: value for key, value in found.items() if not key.startswith("last_")}


def pull(client, batch):
    """The ack subjects of what a pull brings, until the status that ends it."""
    client.publish("next", b'{"batch":%d,"no_wait":true}' % batch, reply="_INBOX.pull")
    replies = []
    for _ in range(batch):
        message = client.message()
        assert message is not None
        if message.header.startswith(b"NATS/1.0 4"):
            break
        replies.append(message.reply)
    return replies


def test_pulls_acks_and_what_is_not_acknowledged(server, giver):
    """Three pulls and two acks of B, one pull of C that nobody acknowledges."""
    with (
        RawClient(server.port, user="b", **{"pass": "p"}) as first,
        RawClient(server.port, user="c", **{"pass": "p"}) as second,
    ):
        assert usage(server, "B", "next") == {
            "messages": 0, "bytes": 0, "stream": "S", "consumer": "C1", "unacknowledged": 0,
        }  # fmt: skip
        replies = [reply for size in (1, 2, 4) for reply in pull(first, size)]
        for reply in replies[:2]:
            first.request(reply, b"+ACK")
        assert len(pull(second, 3)) == 3
        found = usage(server, "B", "next")
        assert without_times(found) == {
            "messages": 3,
            "bytes": 3 * len('{"batch":1,"no_wait":true}'),
            "answers": 7,
            "answer_bytes": 35,
            "deliveries": 7,
            "stream": "S",
            "consumer": "C1",
            "unacknowledged": 5,
        }
        assert found["last_acknowledged"] >= found["last_used"]
        acks = usage(server, "B", ACK.format("C1"))
        assert without_times(acks) == {"messages": 2, "bytes": 8, "answers": 2}
        assert acks["last_used"] >= found["last_used"]
        other = usage(server, "C", "next")
        assert (other["messages"], other["deliveries"], other["unacknowledged"]) == (1, 3, 3)
        assert "last_acknowledged" not in other


def test_an_empty_answer_is_an_answer_and_no_delivery(server, giver):
    with RawClient(server.port, user="c", **{"pass": "p"}) as client:
        before = usage(server, "C", "next")
        left = len(pull(client, 10))
        after = usage(server, "C", "next")
        assert after["deliveries"] - before["deliveries"] == left == 7
        assert after["answers"] - before["answers"] == left + 1  # 404: nothing more


def test_who_gives_sees_who_takes(server, giver):
    found = detail(server, "A")
    assert found["taking_accounts"] == 2
    takers = {(one["account"], one["local_subject"]): one for one in found["takers"]}
    mine = takers["B", "next"]
    assert mine["export"] == mine["subject"] == NEXT.format("C1")
    assert mine["usage"] == usage(server, "B", "next")
    assert not mine["invalid"]


def test_messages_of_a_stream_import(server, giver):
    """One for each subscription that got it."""
    with RawClient(server.port, user="b", **{"pass": "p"}) as client:
        assert without_times(usage(server, "B", "feed.>")) == {"messages": 0, "bytes": 0}
        client.send(b"SUB feed.x 7\r\nSUB feed.* 8\r\n")
        client.settle()
        giver.publish("feed.x", b"123")
        giver.settle()
        assert without_times(usage(server, "B", "feed.>")) == {"messages": 2, "bytes": 6}


def test_what_a_consumer_pushes(server, giver):
    with RawClient(server.port, user="c", **{"pass": "p"}) as client:
        client.send(b"SUB out 7\r\n")
        wait_for(lambda: usage(server, "C", "out")["messages"] == 10)
        found = usage(server, "C", "out")
        assert (found["consumer"], found["unacknowledged"]) == ("P", 10)
