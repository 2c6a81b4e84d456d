"""Publishing into a stream: the same bytes from both servers."""

import json

import pytest

from support.raw import RawClient

pytestmark = pytest.mark.oracle


@pytest.fixture
def client(kind, start_server, tmp_path):
    server = start_server(kind, "-js", "-sd", str(tmp_path / "store"))
    with RawClient(server.port) as client:
        yield client


def header(*lines):
    return b"\r\n".join((b"NATS/1.0", *lines)) + b"\r\n\r\n"


def create(client, name="S", **config):
    answer = json.loads(client.api(f"STREAM.CREATE.{name}", {"name": name, **config}))
    assert "error" not in answer, answer


def answer(client, subject, payload=b"x", lines=()):
    message = client.request(subject, payload, header=header(*lines) if lines else b"")
    return None if message is None else message.payload


REFUSED = (
    ((b"Nats-Expected-Last-Sequence: 99",), 10071, "wrong last sequence: 3"),
    ((b"Nats-Expected-Last-Sequence: abc",), 10071, "wrong last sequence: 3"),
    ((b"Nats-Expected-Last-Subject-Sequence: 99",), 10071, "wrong last sequence: 3"),
    ((b"Nats-Expected-Stream: OTHER",), 10060, "expected stream does not match"),
    ((b"Nats-Expected-Last-Msg-Id: idX",), 10070, "wrong last msg ID: id3"),
    (
        (b"Nats-Expected-Last-Subject-Sequence-Subject: s.a",),
        10193,
        "missing sequence for expected last sequence per subject",
    ),
    ((b"Nats-TTL: 1m",), 10166, "per-message TTL is disabled"),
    ((b"Nats-Rollup: sub",), 10111, "rollup not permitted"),
    ((b"Nats-Incr: 1",), 10168, "message counters is disabled"),
    ((b"Nats-Batch-Id: b1", b"Nats-Batch-Sequence: 1"), 10174, "atomic publish is disabled"),
    ((b"Nats-Stream-Source: X 1",), 10227, "message stream source header is not allowed"),
    ((b"Nats-Scheduler: s.t",), 10212, "message schedules invalid scheduler"),
    (
        (b"Nats-Schedule-Next: purge", b"Nats-Scheduler: s.t"),
        10188,
        "message schedules is disabled",
    ),
)


def test_refusals_by_header(client):
    create(client, subjects=["s.>"])
    for number in (1, 2, 3):
        answer(client, "s.a", lines=(b"Nats-Msg-Id: id%d" % number,))
    for lines, err_code, text in REFUSED:
        code = 500 if err_code == 10111 else 400
        assert answer(client, "s.a", lines=lines) == (
            b'{"error":{"code":%d,"err_code":%d,"description":"%s"},"stream":"S","seq":0}'
            % (code, err_code, text.encode())
        ), lines


def test_accepted_headers(client):
    create(client, subjects=["s.>"])
    assert answer(client, "s.a") == b'{"stream":"S","seq":1}'
    for lines, seq in (
        ((b"Nats-Expected-Last-Sequence: 1",), 2),
        ((b"Nats-Expected-Last-Subject-Sequence: 2",), 3),
        ((b"Nats-Expected-Stream: S",), 4),
        ((b"nats-msg-id: ignored",), 5),
        ((b"Nats-Msg-Id: a", b"Nats-Msg-Id: b"), 6),
        ((b"Nats-Expected-Last-Msg-Id: a",), 7),
    ):
        assert answer(client, "s.a", lines=lines) == b'{"stream":"S","seq":%d}' % seq, lines
    assert answer(client, "s.b", lines=(b"Nats-Msg-Id: b",)) == b'{"stream":"S","seq":8}'
    assert answer(client, "s.b", lines=(b"Nats-Msg-Id: b",)) == (
        b'{"stream":"S","seq":8,"duplicate": true}'
    )


def test_a_wildcard_may_be_expected(client):
    create(client, subjects=["s.>"])
    answer(client, "s.a.1")
    answer(client, "s.b.1")
    lines = (
        b"Nats-Expected-Last-Subject-Sequence: 2",
        b"Nats-Expected-Last-Subject-Sequence-Subject: s.*.1",
    )
    assert answer(client, "s.c.1", lines=lines) == b'{"stream":"S","seq":3}'
    assert b"wrong last sequence: 3" in answer(client, "s.c.1", lines=lines)


def test_limits_with_discard_new(client):
    create(client, "DN", subjects=["dn.>"], max_msgs=2, discard="new")
    create(client, "DB", subjects=["db.>"], max_bytes=60, discard="new")
    create(
        client,
        "DP",
        subjects=["dp.>"],
        max_msgs_per_subject=1,
        discard="new",
        discard_new_per_subject=True,
    )
    for name, text in (
        ("DN", b"maximum messages exceeded"),
        ("DB", b"maximum bytes exceeded"),
        ("DP", b"maximum messages per subject exceeded"),
    ):
        subject = f"{name.lower()}.1"
        got = [answer(client, subject, b"1") for _ in range(3)]
        assert got[-1] == (
            b'{"error":{"code":503,"err_code":10077,"description":"%s"},"stream":"%s","seq":0}'
            % (text, name.encode())
        )


def test_the_oldest_gives_way(client):
    create(client, subjects=["s.>"], max_msgs=3, max_msgs_per_subject=2)
    for subject in ("s.a", "s.a", "s.a", "s.b", "s.c"):
        answer(client, subject)
    state = json.loads(client.api("STREAM.INFO.S"))["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (3, 3, 5)
    assert state["bytes"] == 3 * (30 + 3 + 1)


def test_sizes(client):
    create(client, "MS", subjects=["ms.>"], max_msg_size=10)
    assert answer(client, "ms.1", b"1" * 10) == b'{"stream":"MS","seq":1}'
    for payload, lines in ((b"1" * 11, ()), (b"", (b"A: b",))):
        assert b'"err_code":10054' in answer(client, "ms.1", payload, lines)


def test_without_acks_nothing_is_answered(client):
    create(client, "NA", subjects=["na.>"], no_ack=True)
    assert client.request("na.1", b"x", timeout_s=0.3) is None
    assert json.loads(client.api("STREAM.INFO.NA"))["state"]["messages"] == 1


def test_a_status_on_the_first_line_is_not_stored(client):
    create(client, subjects=["s.>"])
    client.request("s.a", b"x", header=b"NATS/1.0 100 Idle\r\nA: b\r\n\r\n")
    message = json.loads(client.api("STREAM.MSG.GET.S", {"seq": 1}))["message"]
    assert message["hdrs"] == "TkFUUy8xLjANCkE6IGINCg0K"


def test_purge_variants(client):
    create(client, subjects=["s.>"])
    for _ in range(6):
        answer(client, "s.p")
    for body, purged in (
        ({"filter": "s.p", "keep": 4}, 2),
        ({"seq": 4}, 1),
        ({"filter": "s.none"}, 0),
        ({"keep": 2}, 1),
        ({"filter": "s.p"}, 2),
        ({}, 0),
    ):
        got = json.loads(client.api("STREAM.PURGE.S", body))
        assert (got["success"], got["purged"]) == (True, purged), body
    client.api("STREAM.PURGE.S", {"seq": 1000})
    assert answer(client, "s.z") == b'{"stream":"S","seq":1000}'


def test_single_messages(client):
    create(client, subjects=["s.>"])
    for number in range(6):
        answer(client, f"s.{number % 2}", b"%d" % number)
    for body, seq in (
        ({"seq": 3}, 3),
        ({"last_by_subj": "s.0"}, 5),
        ({"last_by_subj": "s.*"}, 6),
        ({"next_by_subj": "s.1", "seq": 3}, 4),
        ({"next_by_subj": "s.1"}, 2),
    ):
        assert json.loads(client.api("STREAM.MSG.GET.S", body))["message"]["seq"] == seq, body
    for seq, err_code, text in (
        (3, 0, ""),
        (3, 10043, "sequence 3 not found"),
        (0, 10057, "no message found"),
        (99, 10057, "stream store EOF"),
    ):
        got = json.loads(client.api("STREAM.MSG.DELETE.S", {"seq": seq}))
        error = got.get("error", {})
        assert (error.get("err_code", 0), error.get("description", "")) == (err_code, text), seq
    assert json.loads(client.api("STREAM.MSG.GET.S", {"seq": 3}))["error"]["err_code"] == 10037
    state = json.loads(client.api("STREAM.INFO.S", {"deleted_details": True}))["state"]
    assert (state["num_deleted"], state["deleted"]) == (1, [3])


def test_ages(client):
    create(client, subjects=["s.>"], max_age=500_000_000)
    answer(client, "s.a")
    assert client.message(1.0) is None
    state = json.loads(client.api("STREAM.INFO.S"))["state"]
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (0, 2, 1)
