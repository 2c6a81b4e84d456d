"""kill -9 of the real process in the middle of a restore: the stream is whole, or was never there.

The archive has some megabytes and comes over the socket. The process ends at a random moment: while
chunks come, or around the end. `make soak` kills at more moments.
"""

import json
import random
import re

import pytest

from support.raw import RawClient
from support.soak import examples

KILLS = examples(6, 150)
MESSAGES = 3500
SIZE = 1000  # so that the archive has some megabytes
CHUNK = 64 << 10
AT_ONCE = 500
SOON_S = 0.1  # a commit takes some of that

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.soak]


def fill(client):
    """A stream of which every message is another."""
    config = {"name": "KEPT", "subjects": ["kept.>"], "allow_direct": True}
    assert b'"error"' not in client.api("STREAM.CREATE.KEPT", config)
    chance = random.Random(1)
    for number in range(MESSAGES):
        client.publish(f"kept.{number % 7}", b"%d " % number + chance.randbytes(SIZE))
    client.settle()
    # answered when it is durable, as is all before it
    assert json.loads(client.api("STREAM.MSG.DELETE.KEPT", {"seq": 5, "no_erase": True}))["success"]


def contents(client, stream):
    """All messages of a stream by sequence: subject and payload."""
    found, seq = {}, 1
    client.send(b"SUB got 5\r\n")
    while seq:
        body = json.dumps({"seq": seq, "batch": AT_ONCE}).encode()
        client.publish(f"$JS.API.DIRECT.GET.{stream}", body, reply="got")
        seq = 0
        while True:
            message = client.message()
            assert message is not None
            if re.match(rb"NATS/1.0 \d", message.header):
                break
            fields = dict(re.findall(r"(Nats-[\w-]+): (.*)\r\n", message.header.decode()))
            number = int(fields["Nats-Sequence"])
            found[number] = (fields["Nats-Subject"], message.payload)
            seq = number + 1 if int(fields["Nats-Num-Pending"]) else 0
    client.send(b"UNSUB 5\r\n")
    return found


def archive(client, stream):
    """What STREAM.SNAPSHOT sends."""
    client.send(b"SUB saved 6\r\n")
    body, data = b'{"deliver_subject":"saved"}', b""
    client.publish(f"$JS.API.STREAM.SNAPSHOT.{stream}", body, reply="_INBOX.answer")
    while (message := client.message()) is not None and message.payload:
        if message.subject == "saved":
            data += message.payload
        if message.reply:
            client.publish(message.reply)
    assert message is not None
    assert message.header == b"NATS/1.0 204\r\n\r\n"
    client.send(b"UNSUB 6\r\n")
    return data


def begin(client):
    """Where the chunks of a restore go."""
    config = {"name": "BACK", "subjects": ["back.>"], "allow_direct": True}
    answer = json.loads(client.api("STREAM.RESTORE.BACK", {"config": config, "state": {}}))
    return answer["deliver_subject"]


def restore(client, data):
    """All of it; what was said at the end."""
    subject = begin(client)
    for at in range(0, len(data), CHUNK):
        assert client.request(subject, data[at : at + CHUNK]).payload == b""
    return json.loads(client.request(subject).payload)


def folders(server):
    """Folders of streams."""
    return sorted(path.name for path in server.folder.rglob("streams/*"))


def cut_while_chunks_come(server, client, data, chance):
    """The end was never sent."""
    subject = begin(client)
    parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    taken = chance.randrange(len(parts))
    for part in parts[:taken]:
        assert client.request(subject, part) is not None
    client.publish(subject, parts[taken], reply="_INBOX.taken")
    client.message(chance.random() * SOON_S / 4)
    server.kill()
    return False, False


def cut_around_the_end(server, client, data, chance):
    """The end was sent; perhaps it was answered."""
    subject = begin(client)
    for at in range(0, len(data), CHUNK):
        assert client.request(subject, data[at : at + CHUNK]) is not None
    client.publish(subject, reply="_INBOX.end")
    said = client.message(chance.random() * SOON_S)
    server.kill()
    return True, said is not None


@pytest.mark.timeout(1800)
def test_a_restore_that_is_killed_leaves_all_or_nothing_and_can_be_done_again(
    start_server, request
):
    chance = random.Random(int(request.config.getoption("--hypothesis-seed")))
    server = start_server("isthmus", "-js", "-sd", "store")
    with RawClient(server.port) as client:
        fill(client)
        expected, data = contents(client, "KEPT"), archive(client, "KEPT")
    assert len(expected) == MESSAGES - 1
    assert len(data) > 2 << 20
    [kept] = folders(server)
    outcomes = []
    for number in range(KILLS):
        cut = (cut_while_chunks_come, cut_around_the_end)[number % 2]
        with RawClient(server.port) as client:
            ended, said = cut(server, client, data, chance)
        server.start()
        with RawClient(server.port) as client:
            names = json.loads(client.api("STREAM.NAMES"))["streams"]
            there = "BACK" in names
            outcomes.append((ended, said, there))
            assert there or not said, "it was told that the stream is there"
            assert ended or not there, "nobody said that this was all"
            assert len(folders(server)) == len(names), outcomes
            if not there:
                made = restore(client, data)
                assert made["state"]["messages"] == MESSAGES - 1
            assert contents(client, "BACK") == expected
            assert contents(client, "KEPT") == expected
            assert json.loads(client.api("STREAM.DELETE.BACK"))["success"]
    server.stop()
    assert folders(server) == [kept]
    print(f"{len(data)} bytes; end sent, answered, there: {sorted(outcomes)}")
    assert " is damaged" not in server.log_text
    assert " is lost" not in server.log_text
