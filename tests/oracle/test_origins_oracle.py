"""Mirrors and sources: the same copies, headers, infos and refusals from both servers."""

import base64
import json
import re

import pytest

from support.both import Both
from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store")) as server:
        yield server


@pytest.fixture
def client(server):
    """An administrator, and a stream O with five messages, of which the second is gone."""
    with RawClient(server.port) as client:
        for name in json.loads(client.api("STREAM.NAMES"))["streams"] or []:
            client.api(f"STREAM.DELETE.{name}")
        create(client, "O", subjects=["o.>"])
        for number in range(5):
            client.request(f"o.{number % 2}", b"m%d" % number, header=HEADERS.get(number, b""))
        client.api("STREAM.MSG.DELETE.O", {"seq": 2})
        yield client


HEADERS = {
    2: b"NATS/1.0\r\nA: b\r\nNats-Expected-Stream: O\r\nNats-Msg-Id: two\r\n\r\n",
    3: b"NATS/1.0\r\nNats-Expected-Last-Sequence: 3\r\n\r\n",
}


def create(client, name, **config):
    answer = json.loads(client.api(f"STREAM.CREATE.{name}", {"name": name, **config}))
    assert "error" not in answer, answer
    return answer


def info(client, name):
    return json.loads(client.api(f"STREAM.INFO.{name}"))


def wait_for_messages(client, name, count):
    wait_for(lambda: info(client, name)["state"]["messages"] == count)


def message(client, name, seq):
    """Subject, header block, payload and time, or None."""
    found = json.loads(client.api(f"STREAM.MSG.GET.{name}", {"seq": seq})).get("message")
    if found is None:
        return None
    decoded = [base64.b64decode(found.get(key, "")) for key in ("hdrs", "data")]
    return (found["subject"], *decoded, found["time"])


def labels(client, name):
    """What the copies of a stream say of their origin: all but who that is."""
    out = []
    for seq in range(1, info(client, name)["state"]["last_seq"] + 1):
        found = message(client, name, seq)
        if found is not None:
            line = re.search(rb"Nats-Stream-Source: (.*)\r\n", found[1])
            *words, identity = line[1].decode().split(" ")
            assert re.fullmatch(r"[0-9A-Za-z]{8}", identity)
            out.append((found[0], " ".join(words), found[2]))
    return out


def test_a_mirror_holds_the_same_messages_under_the_same_sequences_and_times(client):
    created = create(client, "M", mirror={"name": "O"})
    assert created["mirror"] == {"name": "O", "lag": 0, "active": -1}
    assert "duplicate_window" not in created["config"] and "subjects" not in created["config"]
    wait_for_messages(client, "M", 4)
    for seq in (1, 4, 5):
        expected = message(client, "O", seq)
        if seq == 4:
            assert expected[1]
            expected = (expected[0], b"", *expected[2:])
        assert message(client, "M", seq) == expected
    assert message(client, "M", 2) is None
    assert message(client, "M", 3)[1] == b"NATS/1.0\r\nA: b\r\nNats-Msg-Id: two\r\n\r\n"
    state = info(client, "M")["state"]
    ends = ("first_seq", "last_seq", "first_ts", "last_ts", "num_deleted", "num_subjects")
    origin = info(client, "O")["state"]
    assert {key: state[key] for key in ends} == {key: origin[key] for key in ends}
    client.request("o.9", b"later")
    wait_for_messages(client, "M", 5)
    assert message(client, "M", 6) == message(client, "O", 6)
    shown = info(client, "M")["mirror"]
    assert shown.pop("active") >= 0
    assert shown == {"name": "O", "lag": 0}


def test_nobody_publishes_into_a_mirror(client):
    create(client, "M", mirror={"name": "O"})
    assert client.request("M", b"x").header.startswith(b"NATS/1.0 503")


def test_what_the_origin_lost_before_its_first_message_the_mirror_never_has(client):
    client.api("STREAM.PURGE.O", {"seq": 4})
    create(client, "M", mirror={"name": "O"})
    wait_for_messages(client, "M", 2)
    state = info(client, "M")["state"]
    assert (state["first_seq"], state["last_seq"]) == (4, 5)
    assert "num_deleted" not in state


def test_a_mirror_of_an_emptied_stream_goes_on_where_that_does(client):
    client.api("STREAM.PURGE.O")
    create(client, "M", mirror={"name": "O"})
    wait_for(lambda: info(client, "M")["mirror"]["active"] >= 0)
    assert (info(client, "M")["state"]["first_seq"], info(client, "M")["state"]["last_seq"]) == (
        6,
        5,
    )
    client.request("o.x", b"next")
    wait_for_messages(client, "M", 1)
    assert info(client, "M")["state"]["last_seq"] == 6


def test_messages_that_go_between_two_copied_ones_are_holes_in_the_mirror(client):
    create(client, "M", mirror={"name": "O", "filter_subject": "o.0"})
    wait_for_messages(client, "M", 3)
    state = info(client, "M")["state"]
    assert (state["first_seq"], state["last_seq"], state["num_deleted"]) == (1, 5, 2)
    assert info(client, "M")["mirror"]["filter_subject"] == "o.0"


def test_a_purged_origin_leaves_its_mirror_alone(client):
    create(client, "M", mirror={"name": "O"})
    wait_for_messages(client, "M", 4)
    client.api("STREAM.PURGE.O")
    client.request("o.1", b"behind")
    wait_for_messages(client, "M", 5)
    assert info(client, "M")["state"]["last_seq"] == 6


@pytest.mark.parametrize(
    ("start", "first_seq"), [({"opt_start_seq": 4}, 4), ({"opt_start_seq": 2}, 3)]
)
def test_a_mirror_begins_where_it_is_told(client, start, first_seq):
    create(client, "M", mirror={"name": "O", **start})
    wait_for(lambda: info(client, "M")["state"]["last_seq"] == 5)
    assert info(client, "M")["state"]["first_seq"] == first_seq


def test_a_mirror_begins_at_a_time(client):
    time = message(client, "O", 4)[3]
    create(client, "M", mirror={"name": "O", "opt_start_time": time})
    wait_for(lambda: info(client, "M")["state"]["last_seq"] == 5)
    assert info(client, "M")["state"]["first_seq"] == 4


def test_a_mirror_rewrites_subjects(client):
    transforms = [{"src": "o.0", "dest": "zero"}, {"src": "o.1", "dest": "one.{{wildcard(1)}}"}]
    body = {"name": "M", "mirror": {"name": "O", "subject_transforms": transforms}}
    refused = json.loads(client.api("STREAM.CREATE.M", body))
    assert refused["error"]["err_code"] == 10154
    transforms[1] = {"src": "o.*", "dest": "one.{{wildcard(1)}}"}
    refused = json.loads(client.api("STREAM.CREATE.M", body))
    assert refused["error"]["err_code"] == 10152
    transforms[:] = [{"src": "o.0", "dest": "zero"}, {"src": "o.1", "dest": ""}]
    create(client, "M", mirror=body["mirror"])
    wait_for_messages(client, "M", 4)
    subjects = [message(client, "M", seq)[0] for seq in (1, 3, 4, 5)]
    assert subjects == ["zero", "zero", "o.1", "zero"]
    assert info(client, "M")["mirror"]["subject_transforms"] == transforms


def test_a_mirror_becomes_a_stream_of_its_own(client):
    create(client, "M", mirror={"name": "O"})
    wait_for_messages(client, "M", 4)
    client.api("STREAM.DELETE.O")
    answer = json.loads(client.api("STREAM.UPDATE.M", {"name": "M", "subjects": ["o.>"]}))
    assert "error" not in answer, answer
    assert "mirror" not in answer["config"] and "mirror" not in answer
    assert json.loads(client.request("o.1", b"mine").payload) == {"stream": "M", "seq": 6}
    assert info(client, "M")["state"]["messages"] == 5


def test_a_copy_says_where_it_comes_from(client):
    create(client, "S", sources=[{"name": "O"}])
    wait_for_messages(client, "S", 4)
    assert labels(client, "S") == [
        ("o.0", "O 1 > > o.0", b"m0"),
        ("o.0", "O 3 > > o.0", b"m2"),
        ("o.1", "O 4 > > o.1", b"m3"),
        ("o.0", "O 5 > > o.0", b"m4"),
    ]
    header = message(client, "S", 2)[1]
    assert header.startswith(b"NATS/1.0\r\nA: b\r\nNats-Msg-Id: two\r\nNats-Stream-Source: O 3")
    shown = info(client, "S")["sources"]
    assert shown[0].pop("active") >= 0
    assert shown == [{"name": "O", "lag": 0, "seq": 5}]


def test_several_sources_and_messages_of_its_own(client):
    create(client, "P", subjects=["p.>"])
    client.request("p.1", b"from p")
    sources = [
        {"name": "O", "filter_subject": "o.1"},
        {"name": "O", "subject_transforms": [{"src": "o.0", "dest": "zero"}]},
        {"name": "P"},
    ]
    created = create(client, "S", subjects=["own"], sources=sources)
    assert {one["active"] for one in created["sources"]} == {-1}
    client.request("own", b"mine")
    wait_for_messages(client, "S", 6)
    found = [seq for seq in range(1, 7) if b"Nats-Stream-Source" in message(client, "S", seq)[1]]
    assert len(found) == 5
    client.api("STREAM.MSG.DELETE.S", {"seq": ({*range(1, 7)} - {*found}).pop()})
    assert sorted(labels(client, "S")) == [
        ("o.1", "O 4 o.1 > o.1", b"m3"),
        ("p.1", "P 1 > > p.1", b"from p"),
        ("zero", "O 1 o.0 zero o.0", b"m0"),
        ("zero", "O 3 o.0 zero o.0", b"m2"),
        ("zero", "O 5 o.0 zero o.0", b"m4"),
    ]
    shown = sorted((one["name"], one["seq"]) for one in info(client, "S")["sources"])
    assert shown == [("O", 4), ("O", 5), ("P", 1)]


def test_a_source_of_a_source_names_the_nearer_one(client):
    create(client, "S", sources=[{"name": "O", "filter_subject": "o.1"}])
    create(client, "T", sources=[{"name": "S"}])
    wait_for_messages(client, "T", 1)
    assert labels(client, "T") == [("o.1", "S 1 > > o.1", b"m3")]


def test_sources_come_and_go_by_update(client):
    create(client, "P", subjects=["p.>"])
    client.request("p.1", b"one")
    create(client, "S", sources=[{"name": "O"}])
    wait_for_messages(client, "S", 4)
    client.api("STREAM.UPDATE.S", {"name": "S", "sources": [{"name": "P"}]})
    wait_for_messages(client, "S", 5)
    client.request("o.1", b"not any more")
    client.request("p.2", b"two")
    wait_for_messages(client, "S", 6)
    client.api("STREAM.UPDATE.S", {"name": "S", "sources": [{"name": "P"}, {"name": "O"}]})
    wait_for_messages(client, "S", 7)
    assert [words for _, words, _ in labels(client, "S")[4:]] == [
        "P 1 > > p.1",
        "P 2 > > p.2",
        "O 6 > > o.1",
    ]


def test_a_source_begins_where_it_is_told(client):
    create(client, "S", sources=[{"name": "O", "opt_start_seq": 4}])
    wait_for_messages(client, "S", 2)
    assert [words for _, words, _ in labels(client, "S")] == ["O 4 > > o.1", "O 5 > > o.0"]


def test_duplicates_are_dropped_only_where_a_window_is_asked_for(client):
    create(client, "P", subjects=["p.>"])
    client.request("p.1", b"same id", header=b"NATS/1.0\r\nNats-Msg-Id: two\r\n\r\n")
    client.request("p.2", b"last")
    both = [{"name": "O", "filter_subject": "o.0"}, {"name": "P"}]
    create(client, "S", sources=both)
    create(client, "T", sources=both, duplicate_window=120_000_000_000)
    wait_for_messages(client, "S", 5)
    wait_for_messages(client, "T", 4)


def test_who_copies_is_not_among_the_consumers(client):
    create(client, "M", mirror={"name": "O"})
    create(client, "S", sources=[{"name": "O"}])
    wait_for_messages(client, "M", 4)
    wait_for_messages(client, "S", 4)
    assert json.loads(client.api("CONSUMER.NAMES.O"))["consumers"] == []
    assert json.loads(client.api("CONSUMER.LIST.O"))["total"] == 0
    assert info(client, "O")["state"]["consumer_count"] == 0


@pytest.mark.parametrize("retention", ["workqueue", "interest"])
def test_a_queue_gives_up_what_its_copy_has(client, retention):
    create(client, "Q", subjects=["q.>"], retention=retention)
    create(client, "S", sources=[{"name": "Q"}])
    wait_for(lambda: json.loads(client.api("CONSUMER.NAMES.Q"))["consumers"])
    [name] = json.loads(client.api("CONSUMER.NAMES.Q"))["consumers"]
    assert re.fullmatch(r"JS_SRC_[0-9A-Za-z]{8}", name)
    wait_for(lambda: info(client, "S")["sources"][0]["active"] >= 0)
    for number in range(5):
        client.request(f"q.{number}", b"%d" % number)
    wait_for_messages(client, "S", 5)
    wait_for_messages(client, "Q", 0)
    consumer = json.loads(client.api(f"CONSUMER.INFO.Q.{name}"))
    config = consumer["config"]
    assert (config["ack_policy"], config["durable_name"]) == ("flow_control", name)
    assert config["sourcing"] is True and "direct" not in config
    assert consumer["ack_floor"]["stream_seq"] == 5
    client.api("STREAM.DELETE.S")
    wait_for(lambda: not json.loads(client.api("CONSUMER.NAMES.Q"))["consumers"])


def test_an_origin_that_is_not_there_is_named(client):
    create(client, "M", mirror={"name": "NONE"})
    create(client, "S", sources=[{"name": "NONE"}])
    error = {"code": 404, "err_code": 10059, "description": "stream not found"}
    wait_for(lambda: info(client, "M")["mirror"].get("error") == error)
    wait_for(lambda: info(client, "S")["sources"][0].get("error") == error)
    assert info(client, "M")["mirror"]["active"] == -1


def test_a_mirror_answers_direct_gets_of_its_origin(client):
    client.api("STREAM.UPDATE.O", {"name": "O", "subjects": ["o.>"], "allow_direct": True})
    created = create(client, "M", mirror={"name": "O"}, allow_direct=True)
    assert created["config"]["mirror_direct"] is True
    wait_for_messages(client, "M", 4)

    def answered():
        return client.request("$JS.API.DIRECT.GET.O", b'{"seq":1}').header

    wait_for(lambda: b"Nats-Stream: M\r\n" in answered())
    wait_for(lambda: b"Nats-Stream: O\r\n" in answered())


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_copies_go_on_after_a_restart(kind, how, tmp_path):
    server = ServerProcess(kind, tmp_path, "-js", "-sd", str(tmp_path / "store"))
    with server.start(), RawClient(server.port) as client:
        create(client, "O", subjects=["o.>"])
        create(client, "M", mirror={"name": "O"})
        create(client, "S", sources=[{"name": "O", "filter_subject": "o.1"}])
        for number in range(20):
            client.request(f"o.{number % 2}", b"%d" % number)
        wait_for_messages(client, "M", 20)
        wait_for_messages(client, "S", 10)
        server.stop() if how == "stop" else server.kill()
    with server.start(), RawClient(server.port) as client:
        for number in range(20, 30):
            client.request(f"o.{number % 2}", b"%d" % number)
        wait_for_messages(client, "M", 30)
        wait_for_messages(client, "S", 15)
        assert [message(client, "M", seq)[2] for seq in range(1, 31)] == [
            b"%d" % number for number in range(30)
        ]
        assert [payload for _, _, payload in labels(client, "S")] == [
            b"%d" % number for number in range(1, 30, 2)
        ]


CONSUMER = {"name": "C", "deliver_subject": "d"}
MIRRORS = [
    {"mirror": {"name": ""}},
    {"mirror": {"name": "a.b"}},
    {"mirror": {"name": "O"}, "subjects": ["a"]},
    {"mirror": {"name": "O"}, "sources": [{"name": "O"}]},
    {"mirror": {"name": "O"}, "first_seq": 5},
    {"mirror": {"name": "O"}, "allow_msg_counter": True},
    {"mirror": {"name": "O"}, "allow_atomic": True},
    {"mirror": {"name": "O"}, "allow_batched": True},
    {"mirror": {"name": "O"}, "allow_msg_schedules": True},
    {"mirror": {"name": "O"}, "subject_delete_marker_ttl": 1_000_000_000},
    {"mirror": {"name": "X"}},
    {"mirror": {"name": "O"}, "max_msg_size": 10},
    {"mirror": {"name": "O", "filter_subject": "a", "subject_transforms": [{"src": "b"}]}},
    {"mirror": {"name": "O", "subject_transforms": [{"src": "a..b", "dest": "c"}]}},
    {"mirror": {"name": "O", "subject_transforms": [{"src": "a", "dest": "{{wildcard(1)}}"}]}},
    {"mirror": {"name": "O", "subject_transforms": [{"src": "a.*"}, {"src": "*.b"}]}},
    {"mirror": {"name": "O", "consumer": {"name": "a.b", "deliver_subject": "d"}}},
    {"mirror": {"name": "O", "consumer": {"name": "C", "deliver_subject": "d.*"}}},
    {"mirror": {"name": "O", "consumer": {"name": "C"}}},
    {"mirror": {"name": "O", "opt_start_seq": 3, "consumer": CONSUMER}},
    {"mirror": {"name": "O", "filter_subject": "f", "consumer": CONSUMER}},
    {"mirror": {"name": "O", "external": {"api": "$JS.API"}}},
    {"mirror": {"name": "O", "external": {"api": "a.*"}}},
    {"mirror": {"name": "O", "external": {"api": "api", "deliver": "d.>"}}},
    {"mirror_direct": True},
    {"mirror": {"name": "D"}, "pedantic": True},
]  # fmt: skip
SOURCES = [
    {"sources": [{"name": ""}]},
    {"sources": [{"name": "a b"}]},
    {"sources": [{"name": "O"}, {"name": "O"}]},
    {"sources": [{"name": "O", "filter_subject": "a", "subject_transforms": [{"src": "b"}]}]},
    {"sources": [{"name": "O", "subject_transforms": [{"src": "a..b", "dest": "c"}]}]},
    {"sources": [{"name": "O", "subject_transforms": [{"src": "a", "dest": "{{wildcard(1)}}"}]}]},
    {"sources": [{"name": "O", "subject_transforms": [{"src": "a.*"}, {"src": "a.b"}]}]},
    {"sources": [{"name": "O"}], "allow_msg_schedules": True},
    {"sources": [{"name": "O"}], "max_msg_size": 10},
    {"sources": [{"name": "X"}]},
    {"sources": [{"name": "X", "filter_subject": "x.>"}], "subjects": ["x.*"]},
    {"sources": [{"name": "COPY"}]},
    {"sources": [{"name": "BACK"}]},
    {"sources": [{"name": "O", "consumer": {"name": "", "deliver_subject": "d"}}]},
    {"sources": [{"name": "O", "consumer": {"name": "C", "deliver_subject": "d"}},
                 {"name": "O", "consumer": {"name": "C", "deliver_subject": "e"}}]},
    {"sources": [{"name": "O", "external": {"api": "$JS.*"}}]},
    {"sources": [{"name": "O", "external": {"api": "x", "deliver": "*"}}]},
    {"sources": [{"name": "G"}, {"name": "O", "external": {"api": "x", "deliver": "g"}}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("both")) as both:
        both.create("O", subjects=["o"], max_msg_size=100)
        both.create("D", subjects=["d"], allow_direct=True)
        both.create("G", subjects=["g.>"])
        both.create("COPY", sources=[{"name": "X"}])
        both.create("BACK", mirror={"name": "X"})
        yield both


@pytest.mark.parametrize("config", MIRRORS + SOURCES, ids=lambda config: json.dumps(config)[:70])
def test_what_is_refused_is_refused_in_the_same_words(both, config):
    answer = both.api("STREAM.CREATE.X", {"name": "X", **config})
    assert "error" in answer, answer
