"""STREAM.SNAPSHOT and STREAM.RESTORE on both servers: what they say, and how the chunks go.

The archives themselves differ. What must not: answers, errors, who waits for whom, how it ends,
advisories, and that a stream comes back as it was.
"""

import json
import random
import re

import pytest

from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle, pytest.mark.real]

KINDS = ("isthmus", "real")
STATE = ("messages", "bytes", "first_seq", "first_ts", "last_seq", "last_ts", "num_subjects")


@pytest.fixture(params=KINDS, scope="module")
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def server(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp(kind)
    with ServerProcess(kind, folder, "-js", "-sd", str(folder / "store")).start() as running:
        yield running


@pytest.fixture
def client(server):
    with RawClient(server.port) as connected:
        yield connected


def make_stream(client, name, messages=8, size=700, **config):
    """A stream whose content does not compress, with a consumer that is in the middle."""
    body = {"name": name, "subjects": [f"{name}.>"], **config}
    assert b'"error"' not in client.api(f"STREAM.CREATE.{name}", body)
    chance = random.Random(name)
    for number in range(messages):
        assert client.request(f"{name}.{number}", chance.randbytes(size)) is not None
    consumer = {"durable_name": "C", "ack_policy": "explicit"}
    client.api(f"CONSUMER.CREATE.{name}.C", {"stream_name": name, "config": consumer})


def snapshot(client, name, *, acknowledge=10_000, **how):
    """The answer; sizes and replies of the chunks; the archive; the header of its end.

    The answer may come behind the first chunks.
    """
    inbox = f"to.{random.randrange(1 << 40)}"
    client.send(f"SUB {inbox}.data 7\r\nSUB {inbox}.answer 8\r\n".encode())
    body = json.dumps({"deliver_subject": f"{inbox}.data", **how}).encode()
    client.publish(f"$JS.API.STREAM.SNAPSHOT.{name}", body, reply=f"{inbox}.answer")
    answer, shown, data, end = None, [], b"", None
    while answer is None or end is None:
        message = client.message(8)
        assert message is not None, (answer, shown)
        if message.subject == f"{inbox}.answer":
            answer = json.loads(message.payload)
            assert "error" not in answer, answer
        elif message.subject == f"{inbox}.data" and not message.payload:
            end = message.header
        elif message.subject == f"{inbox}.data":
            data += message.payload
            reply = re.sub(r"[A-Za-z0-9]{22}", "<id>", message.reply)
            shown.append((len(message.payload), reply))
            if message.reply and acknowledge:
                acknowledge -= 1
                client.publish(message.reply)
    client.send(b"UNSUB 7\r\nUNSUB 8\r\n")
    return answer, shown, data, end


def restore(client, name, data, chunk=1000, **config):
    """The answers to the chunks but the last, and to the last."""
    body = {"config": {"name": name, "subjects": [f"{name}.>"], **config}, "state": {}}
    answer = json.loads(client.api(f"STREAM.RESTORE.{name}", body))
    subject = answer["deliver_subject"]
    assert re.fullmatch(rf"\$JS\.SNAPSHOT\.RESTORE\.{name}\.[A-Za-z0-9]{{22}}", subject)
    parts = [data[at : at + chunk] for at in range(0, len(data), chunk)]
    answers = [client.request(subject, part).payload for part in parts]
    return answers, json.loads(client.request(subject, b"").payload)


def plain(answer):
    text = re.sub(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"', '"<time>"', json.dumps(answer))
    return json.loads(text)


def test_requests_that_are_refused(client):
    make_stream(client, "REF", 1)
    client.api("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["other"]})

    def refusal(verb, body):
        answer = json.loads(client.api(verb, body))
        error = answer["error"]
        return answer["type"].split(".")[-1], error["err_code"], error["description"]

    saved, made = "stream_snapshot_response", "stream_restore_response"
    cases = [
        ("STREAM.SNAPSHOT.REF", b"", saved, 10003, "bad request"),
        ("STREAM.SNAPSHOT.REF", {}, saved, 10003, "bad request"),
        ("STREAM.SNAPSHOT.NOPE", {"deliver_subject": "d"}, saved, 10059, "stream not found"),
        ("STREAM.SNAPSHOT.NOPE", {"foo": 1}, saved, 10059, "stream not found"),
        ("STREAM.SNAPSHOT.NOPE", b"", saved, 10003, "bad request"),
        (
            *("STREAM.SNAPSHOT.REF", {"foo": 1}, saved, 10025),
            'invalid JSON: json: unknown field "foo"',
        ),
        *(
            ("STREAM.SNAPSHOT.REF", body, saved, 10015, "deliver subject not valid")
            for body in (
                {"deliver_subject": ""},
                {"deliver_subject": "a.*"},
                {"deliver_subject": "a b"},
                {"chunk_size": 5},
            )
        ),
        ("STREAM.RESTORE.REF", b"", made, 10003, "bad request"),
        (
            *("STREAM.RESTORE.REF", {"config": {"name": "T"}}, made, 10056),
            "stream name in subject does not match request",
        ),
        (
            *("STREAM.RESTORE.REF", {"config": {"name": "REF"}}, made, 10130),
            "stream name already in use, cannot restore",
        ),
        (
            *("STREAM.RESTORE.T/x", {"config": {"subjects": ["t"]}}, made, 10128),
            "Stream name can not contain path separators",
        ),
        (
            *("STREAM.RESTORE.T", {"config": {"name": "T", "subjects": ["s..>"]}}, made, 10052),
            "invalid subject",
        ),
        (
            "STREAM.RESTORE.T",
            {"config": {"name": "T", "subjects": ["t"]}, "state": {"messages": "x"}},
            *(made, 10025),
            (
                "invalid JSON: json: cannot unmarshal string into Go struct field "
                "JSApiStreamRestoreRequest.state.messages of type uint64"
            ),
        ),
        (
            *("STREAM.RESTORE.T", {"foo": 1}, made, 10025),
            'invalid JSON: json: unknown field "foo"',
        ),
    ]
    for verb, body, *expected in cases:
        assert refusal(verb, body) == tuple(expected), (verb, body)
    assert json.loads(client.api("STREAM.RESTORE.REF"))["deliver_subject"] == ""


def test_chunks_come_in_order_and_the_last_one_asks_for_nothing(client):
    make_stream(client, "FLOW")
    answer, chunks, _data, end = snapshot(client, "FLOW", chunk_size=1024)
    assert plain(answer)["state"] == plain(
        {key: json.loads(client.api("STREAM.INFO.FLOW"))["state"][key] for key in answer["state"]}
    )
    assert list(answer) == ["type", "config", "state"]
    assert "_nats.ver" not in answer["config"]["metadata"]
    for index, (size, reply) in enumerate(chunks[:-1], 1):
        assert (size, reply) == (1024, f"$JS.SNAPSHOT.ACK.FLOW.<id>.1024.{index}")
    assert chunks[-1][0] < 1024
    assert chunks[-1][1] == ""
    assert end == b"NATS/1.0 204\r\n\r\n"


def test_an_archive_of_one_chunk_ends_without_a_word(client):
    make_stream(client, "ONE", 1)
    _, chunks, _, end = snapshot(client, "ONE")
    assert [reply for _, reply in chunks] == [""]
    assert end == b""


def test_who_has_a_wildcard_for_all_answers_subscribes_when_the_archive_is_announced(client):
    make_stream(client, "MUX", 1)
    to = "_INBOX.for-the-archive"  # the client listens to _INBOX.> already
    client.api("STREAM.SNAPSHOT.MUX", {"deliver_subject": to})
    client.settle()
    client.send(b"SUB %b 7\r\n" % to.encode())
    heard = []
    while [payload for payload in heard if not payload] != [b"", b""]:
        message = client.message(8)
        assert message is not None, heard
        if message.subject == to:
            heard.append(message.payload)
    client.send(b"UNSUB 7\r\n")
    assert len(heard) == 4


def test_sizes_below_the_least_are_the_least(client):
    make_stream(client, "LEAST")
    _, chunks, _, _ = snapshot(client, "LEAST", chunk_size=10, window_size=10)
    assert {size for size, _ in chunks[:-1]} == {1024}


@pytest.mark.slow
@pytest.mark.parametrize(("acknowledge", "come"), [(0, 2), (1, 3)])
def test_who_does_not_acknowledge_gets_no_more_than_the_window(client, acknowledge, come):
    name = f"SLOW{acknowledge}"
    make_stream(client, name)
    how = {"chunk_size": 1024, "window_size": 2048, "acknowledge": acknowledge}
    _, chunks, _, end = snapshot(client, name, **how)
    assert len(chunks) == come
    assert end == b"NATS/1.0 408 No Flow Response\r\n\r\n"


def test_a_stream_comes_back_as_it_was(client):
    make_stream(client, "BACK")
    client.publish("$JS.API.CONSUMER.MSG.NEXT.BACK.C", b"3", reply="_INBOX.pulled")
    delivered = [client.message() for _ in range(3)]
    client.publish(delivered[0].reply)
    client.settle()
    client.api("STREAM.MSG.DELETE.BACK", {"seq": 5})
    before = json.loads(client.api("STREAM.INFO.BACK"))
    consumer = json.loads(client.api("CONSUMER.INFO.BACK.C"))
    messages = [client.api("STREAM.MSG.GET.BACK", {"seq": seq}) for seq in range(1, 9)]
    _, _, data, _ = snapshot(client, "BACK", chunk_size=1024)
    client.api("STREAM.DELETE.BACK")
    answers, end = restore(client, "BACK", data)
    assert set(answers) == {b""}
    assert list(end) == ["type", "config", "created", "state", "ts"]
    assert end["type"] == "io.nats.jetstream.api.v1.stream_create_response"
    assert end["created"] > before["created"]
    after = json.loads(client.api("STREAM.INFO.BACK"))
    assert [after["state"][key] for key in STATE] == [before["state"][key] for key in STATE]
    assert messages == [client.api("STREAM.MSG.GET.BACK", {"seq": seq}) for seq in range(1, 9)]
    now = json.loads(client.api("CONSUMER.INFO.BACK.C"))
    for field in ("num_ack_pending", "num_redelivered", "num_pending", "config"):
        assert now[field] == consumer[field], field
    for field in ("delivered", "ack_floor"):
        for place in ("consumer_seq", "stream_seq"):
            assert now[field][place] == consumer[field][place]
    assert json.loads(client.request("BACK.x", b"goes on").payload) == {"stream": "BACK", "seq": 9}


@pytest.mark.parametrize("storage", ["file", "memory"])
def test_the_request_says_what_the_stream_will_be(client, storage):
    name = f"AS{storage}"
    make_stream(client, name)
    _, _, data, _ = snapshot(client, name)
    _, end = restore(client, f"{name}2", data, storage=storage, max_msgs=3)
    assert end["config"]["storage"] == storage
    state = json.loads(client.api(f"STREAM.INFO.{name}2"))["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (3, 6, 8)
    assert json.loads(client.api(f"CONSUMER.NAMES.{name}2"))["consumers"] == ["C"]


def test_a_memory_stream_can_be_saved(client):
    make_stream(client, "MEM", storage="memory")
    _, _, data, _ = snapshot(client, "MEM", chunk_size=1024)
    client.api("STREAM.DELETE.MEM")
    _, end = restore(client, "MEM", data, storage="memory")
    assert end["state"]["messages"] == 8


def test_without_consumers(client):
    make_stream(client, "BARE")
    _, _, data, _ = snapshot(client, "BARE", no_consumers=True)
    restore(client, "BARE2", data)
    assert json.loads(client.api("CONSUMER.NAMES.BARE2"))["consumers"] == []


def test_what_was_wrong_is_said_at_the_end(client):
    make_stream(client, "BAD")
    _, _, data, _ = snapshot(client, "BAD")

    def refusal(name, data, **config):
        answers, end = restore(client, name, data, **config)
        assert set(answers) <= {b""}
        assert end["type"] == "io.nats.jetstream.api.v1.stream_create_response"
        return end["error"]["code"], end["error"]["err_code"], end["error"]["description"]

    for broken in (b"garbage" * 100, b"", data[:-40]):
        code, err_code, text = refusal("BADX", broken)
        assert (code, err_code) == (500, 10062)
        assert text.startswith("restore failed: ")
    assert refusal("BADX", data, subjects=["BAD.>"]) == (
        *(500, 10062),
        "restore failed: error adding stream: subjects overlap with an existing stream (10065)",
    )
    assert refusal("BADX", data, num_replicas=3) == (
        *(500, 10062),
        (
            "restore failed: error adding stream: replicas > 1 not supported in non-clustered mode "
            "(10074)"
        ),
    )
    assert b"stream not found" in client.api("STREAM.INFO.BADX")


def test_a_sealed_stream_comes_back_sealed(client):
    make_stream(client, "SEAL")
    _, _, data, _ = snapshot(client, "SEAL")
    _, end = restore(client, "SEAL2", data, sealed=True)
    assert end["config"]["sealed"] is True
    assert end["state"]["messages"] == 8


def test_a_name_that_was_taken_meanwhile(client):
    make_stream(client, "TAKEN")
    _, _, data, _ = snapshot(client, "TAKEN")
    config = {"name": "TAKEN2", "subjects": ["taken2"]}
    started = json.loads(client.api("STREAM.RESTORE.TAKEN2", {"config": config, "state": {}}))
    client.api("STREAM.CREATE.TAKEN2", config)
    assert client.request(started["deliver_subject"], data).payload == b""
    end = json.loads(client.request(started["deliver_subject"], b"").payload)
    assert end["error"]["err_code"] == 10130


def test_a_chunk_that_asks_for_no_answer_ends_it(client):
    config = {"name": "MUTE", "subjects": ["mute"]}
    started = json.loads(client.api("STREAM.RESTORE.MUTE", {"config": config, "state": {}}))
    client.publish(started["deliver_subject"], b"x")
    client.settle()
    message = client.request(started["deliver_subject"], b"x")
    assert message.header.startswith(b"NATS/1.0 503")


@pytest.mark.slow
def test_who_sends_nothing_is_given_up(client):
    config = {"name": "SILENT", "subjects": ["silent"]}
    started = json.loads(client.api("STREAM.RESTORE.SILENT", {"config": config, "state": {}}))
    assert client.message(6.5) is None
    message = client.request(started["deliver_subject"], b"x")
    assert message.header.startswith(b"NATS/1.0 503")


def test_advisories(client, server):
    make_stream(client, "TOLD")
    with RawClient(server.port) as listener:
        listener.send(b"UNSUB 1\r\n")
        verbs = ("SNAPSHOT_CREATE", "SNAPSHOT_COMPLETE", "RESTORE_CREATE", "RESTORE_COMPLETE")
        for sid, verb in enumerate(verbs, 2):
            listener.send(f"SUB $JS.EVENT.ADVISORY.STREAM.{verb}.> {sid}\r\n".encode())
        listener.settle()
        _, _, data, _ = snapshot(client, "TOLD", chunk_size=1024)
        restore(client, "TOLD2", data)
        told = [listener.message() for _ in range(4)]
    bodies = [json.loads(message.payload) for message in told]
    base = ["type", "id", "timestamp", "stream"]
    assert [list(body) for body in bodies] == [
        [*base, "state", "client"],
        [*base, "start", "end", "client"],
        [*base, "client"],
        [*base, "start", "end", "bytes", "client"],
    ]
    assert [body["type"].split(".")[-1] for body in bodies] == [
        *("snapshot_create", "snapshot_complete", "restore_create", "restore_complete")
    ]
    assert [body["stream"] for body in bodies] == ["TOLD", "TOLD", "TOLD2", "TOLD2"]
    assert bodies[0]["state"]["messages"] == 8
    assert bodies[3]["bytes"] == len(data)
    assert list(bodies[0]["client"]) == [
        *("start", "host", "id", "acc", "rtt", "server", "kind", "client_type")
    ]
