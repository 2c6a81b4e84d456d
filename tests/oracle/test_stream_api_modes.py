"""Every mode of the stream API, and what a publisher is refused for: the same bytes from both.

What a configuration may say is compared in `test_jetstream_api_oracle.py`, direct gets in
`test_direct_get.py`, what purges and roll-ups take in `test_stream_removals.py`.
"""

import json
from itertools import combinations_with_replacement

import pytest

from support.both import Both

pytestmark = pytest.mark.oracle

STORAGES = ("file", "memory")
LIMITED = """
accounts {
  A { jetstream { max_file: 1000, max_mem: 1000 }, users [{ user: a, password: a }] }
}
no_auth_user: a
jetstream {}
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two servers, and the same streams on them, which the reading tests leave as they are."""
    with Both(tmp_path_factory.mktemp("modes")) as both:
        for storage in STORAGES:
            name = storage.upper()
            both.create(name, subjects=[f"{storage}.>"], storage=storage, max_msgs_per_subject=3)
            for number, subject in enumerate(["a", "b", "a", "c.x", "c.y", "a", "a", "b"]):
                both.request(f"{storage}.{subject}", b"%d" % number)
            both.request(f"{storage}.h", b"with a header", b"Nats-Msg-Id: id1", b"X: 1")
            both.request(f"{storage}.e", b"")
            both.api(f"STREAM.MSG.DELETE.{name}", {"seq": 5})
        yield both


GETS = (
    {"seq": 2}, {"seq": 3}, {"seq": 1}, {"seq": 5}, {"seq": 9}, {"seq": 10}, {"seq": 11},
    {"seq": 18446744073709551615}, {"last_by_subj": "{}.a"}, {"last_by_subj": "{}.h"},
    {"last_by_subj": "{}.e"}, {"last_by_subj": "{}.c.*"}, {"last_by_subj": "{}.>"},
    {"last_by_subj": ">"}, {"last_by_subj": "*"}, {"last_by_subj": "{}.none"},
    {"last_by_subj": "{}..a"}, {"next_by_subj": "{}.a"}, {"next_by_subj": "{}.a", "seq": 4},
    {"next_by_subj": "{}.a", "seq": 7}, {"next_by_subj": "{}.a", "seq": 8},
    {"next_by_subj": "{}.c.*", "seq": 5}, {"next_by_subj": ">", "seq": 5}, {"next_by_subj": "x"},
    {"next_by_subj": "{}.>", "seq": 99}, {"seq": 9, "no_hdr": True},
    {"last_by_subj": "{}.h", "no_hdr": True}, {"start_time": "2020-01-01T00:00:00Z"},
    {"start_time": "2090-01-01T00:00:00Z"}, {"last_by_subj": "{}.a", "seq": 3},
    {"next_by_subj": "{}.a", "start_time": "2020-01-01T00:00:00Z"}, {"seq": 3, "up_to_seq": 4},
    {"next_by_subj": ""}, {"last_by_subj": ""}, {"seq": 2, "last_by_subj": ""},
)  # fmt: skip


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("body", GETS, ids=json.dumps)
def test_a_message_is_got_in_every_mode(both, storage, body):
    text = json.dumps(body).replace("{}", storage)
    both.api(f"STREAM.MSG.GET.{storage.upper()}", text.encode())


INFOS = (
    {}, {"subjects_filter": ">"}, {"subjects_filter": "{}.a"}, {"subjects_filter": "{}.c.*"},
    {"subjects_filter": "{}.none"}, {"subjects_filter": "{}..x"}, {"deleted_details": True},
    {"subjects_filter": ">", "offset": 2}, {"subjects_filter": ">", "offset": 5},
    {"subjects_filter": ">", "offset": 99}, {"subjects_filter": ">", "offset": -1}, {"offset": 3},
    {"deleted_details": True, "subjects_filter": "{}.*"},
)  # fmt: skip


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("body", INFOS, ids=json.dumps)
def test_a_stream_tells_of_itself_in_every_mode(both, storage, body):
    text = json.dumps(body).replace("{}", storage)
    both.api(f"STREAM.INFO.{storage.upper()}", text.encode())


LISTS = (
    {}, {"subject": "file.a"}, {"subject": "file.>"}, {"subject": ">"}, {"subject": "*.a"},
    {"subject": "none"}, {"subject": "a..b"}, {"offset": 1}, {"offset": 2}, {"offset": 99},
    {"offset": -1}, {"subject": ">", "offset": 1},
)  # fmt: skip


@pytest.mark.parametrize("verb", ["NAMES", "LIST"])
@pytest.mark.parametrize("body", LISTS, ids=json.dumps)
def test_streams_are_listed_in_every_mode(both, verb, body):
    both.api(f"STREAM.{verb}", body)


@pytest.mark.parametrize("storage", STORAGES)
def test_single_messages_are_deleted_in_every_mode(both, storage):
    both.create("D", subjects=["d.>"], storage=storage)
    for number in range(8):
        both.request("d.a", b"%d" % number)
    for body in (
        {"seq": 3}, {"seq": 3}, {"seq": 4, "no_erase": True}, {"seq": 4, "no_erase": True},
        {"seq": 1}, {"seq": 1}, {"seq": 8}, {"seq": 8}, {"seq": 9}, {"seq": 0}, {}, {"seq": -1},
        {"seq": 99, "no_erase": True},
    ):  # fmt: skip
        both.api("STREAM.MSG.DELETE.D", body)
        both.state("D", deleted_details=True)
    both.api("STREAM.MSG.DELETE.NONE", {"seq": 1})
    both.api("STREAM.DELETE.D")


@pytest.mark.parametrize("storage", STORAGES)
def test_a_stream_that_keeps_what_it_has_says_so(both, storage):
    both.create("K", subjects=["k.>"], storage=storage, deny_delete=True, deny_purge=True)
    both.request("k.a", b"x")
    assert both.api("STREAM.MSG.DELETE.K", {"seq": 1})["error"]["err_code"] == 10057
    assert both.api("STREAM.PURGE.K")["error"]["err_code"] == 10110
    sealed = {"name": "K", "subjects": ["k.>"], "storage": storage, "sealed": True}
    both.api("STREAM.UPDATE.K", sealed | {"deny_delete": True, "deny_purge": True})
    assert b"10109" in both.request("k.a", b"x")[1]
    assert both.api("STREAM.MSG.DELETE.K", {"seq": 1})["error"]["err_code"] == 10109
    assert both.api("STREAM.PURGE.K")["error"]["err_code"] == 10109
    both.api("STREAM.UPDATE.K", sealed | {"sealed": False})
    both.api("STREAM.DELETE.K")


HEADERS = (
    (b"Nats-Incr: x",), (b"Nats-Incr: 1.5",), (b"Nats-Incr: +",), (b"Nats-Incr: +1",),
    (b"Nats-TTL: x",), (b"Nats-TTL: 1",), (b"Nats-Rollup: sub",), (b"Nats-Rollup: x",),
    (b"Nats-Expected-Stream: P",), (b"Nats-Expected-Stream: Q",), (b"Nats-Expected-Stream: ",),
    (b"Nats-Expected-Last-Sequence: 0",), (b"Nats-Expected-Last-Sequence: -1",),
    (b"Nats-Expected-Last-Msg-Id: x",), (b"Nats-Expected-Last-Msg-Id: ",),
    (b"Nats-Expected-Last-Subject-Sequence: 1",), (b"Nats-Expected-Last-Subject-Sequence: x",),
    (
        b"Nats-Expected-Last-Subject-Sequence: 0",
        b"Nats-Expected-Last-Subject-Sequence-Subject: p.z",
    ),
    (b"Nats-Expected-Last-Subject-Sequence-Subject: p.a",), (b"Nats-Msg-Id: 1",),
    (b"Nats-Msg-Id: 1",), (b"Nats-Msg-Id: 1", b"Nats-Expected-Last-Sequence: 99"),
    (b"Nats-Msg-Id: 1", b"Nats-Expected-Last-Msg-Id: 99"), (b"Nats-Msg-Id: 1", b"Nats-Rollup: x"),
    (b"Nats-Stream-Source: S 1 > > s.a x",), (b"Nats-Batch-Id: b", b"Nats-Batch-Sequence: 1"),
    (b"Nats-Schedule: @at 2090-01-01T00:00:00Z",), (b"Nats-Required-Api-Level: 9",),
    (b"X: " + bytes(65_536).replace(b"\0", b"x"),), (b"X: " + b"x" * 65_500,),
)  # fmt: skip


@pytest.mark.parametrize("storage", STORAGES)
def test_a_publisher_is_refused_in_the_same_words(both, storage):
    both.create("P", subjects=["p.>"], storage=storage, max_msg_size=70_000)
    both.request("p.a", b"first")
    for lines in HEADERS:
        both.request("p.a", b"x", *lines)
    both.request("p.a", b"x" * 70_001)
    both.state("P")
    both.api("STREAM.DELETE.P")


BREACHES = {
    "nothing": (), "long": (), "long header": (b"X: " + b"x" * 65_600,),
    "stream": (b"Nats-Expected-Stream: other",), "sequence": (b"Nats-Expected-Last-Sequence: 77",),
    "subject": (b"Nats-Expected-Last-Subject-Sequence: 77",),
    "subject alone": (b"Nats-Expected-Last-Subject-Sequence-Subject: p.a",),
    "last id": (b"Nats-Expected-Last-Msg-Id: zz",), "known id": (b"Nats-Msg-Id: first",),
    "new id": (b"Nats-Msg-Id: new",), "roll-up": (b"Nats-Rollup: sub",),
    "no roll-up": (b"Nats-Rollup: bad",), "ttl": (b"Nats-TTL: 1h",), "no ttl": (b"Nats-TTL: x",),
    "source": (b"Nats-Stream-Source: a 1 > > x y",), "counter": (b"Nats-Incr: 1",),
    "no counter": (b"Nats-Incr: x",), "schedule": (b"Nats-Schedule: @at 2090-01-01T00:00:00Z",),
    "scheduler": (b"Nats-Scheduler: p.q",),
}  # fmt: skip


@pytest.mark.parametrize("config", [
    {"max_msg_size": 300, "max_msgs": 1, "discard": "new"},
    {"max_msg_size": 300, "allow_msg_ttl": True, "allow_rollup_hdrs": True},
    {"max_bytes": 60, "discard": "new", "storage": "memory"},
    {
        "max_msgs_per_subject": 1, "discard": "new", "discard_new_per_subject": True,
        "allow_rollup_hdrs": True,
    },
], ids=str)  # fmt: skip
def test_of_two_broken_rules_the_same_one_is_named(both, config):
    both.create("O", subjects=["o.>"], **config)
    both.request("o.a", b"x", b"Nats-Msg-Id: first")
    for pair in combinations_with_replacement(BREACHES, 2):
        lines = [line for breach in sorted(set(pair)) for line in BREACHES[breach]]
        both.request("o.a", bytes(400 if "long" in pair else 1), *lines)
    both.state("O")
    both.api("STREAM.DELETE.O")


def test_an_account_that_is_full_takes_no_more(tmp_path):
    with Both(tmp_path, config=LIMITED) as both:
        for storage in STORAGES:
            name = storage.upper()
            both.create(name, subjects=[f"{storage}.>"], storage=storage)
            answers = [both.request(f"{storage}.a", bytes(400))[1] for _ in range(3)]
            assert b'"seq":2' in answers[1]
            assert b'"err_code":10002' in answers[2]
            both.state(name)
        both.api("INFO")
