"""What removes messages of a stream: roll-ups, purges, deletions, limits; the same on both servers.

Each test has a stream of its own on two servers that all of them share.
"""

from itertools import count

import pytest

from support.both import Both
from support.jetstream_cases import S

pytestmark = pytest.mark.oracle

NAMES = (f"S{number}" for number in count(1))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("removals")) as both:
        yield both


@pytest.fixture(params=["file", "memory"])
def storage(request):
    return request.param


class Stream:
    """A stream of its own name and subjects on both servers."""

    def __init__(self, both, **config):
        self.both = both
        self.name = next(NAMES)
        self.prefix = self.name.lower()
        self.config = {"name": self.name, "subjects": [f"{self.prefix}.>"], **config}
        both.create(**self.config)

    def publish(self, subjects, *lines, payload=b"x"):
        return [
            self.both.request(f"{self.prefix}.{subject}", payload, *lines)[1]
            for subject in subjects.split()
        ]

    def state(self):
        return self.both.state(self.name, subjects_filter=">", deleted_details=True)

    def update(self, **config):
        return self.both.api(f"STREAM.UPDATE.{self.name}", self.config | config)

    def consumer(self, name, **config):
        config = {"durable_name": name, "ack_policy": "explicit", **config}
        body = {"stream_name": self.name, "config": config}
        assert "error" not in self.both.api(f"CONSUMER.CREATE.{self.name}.{name}", body)

    def pull(self, name, batch, *, expires_ns=0):
        return [payload for _, payload in self.both.pull(f"{self.name}.{name}", batch, expires_ns)]

    def consumer_info(self, name):
        return self.both.api(f"CONSUMER.INFO.{self.name}.{name}")


# --- roll-ups ---


def test_a_roll_up_leaves_the_last_of_its_subject(both, storage):
    stream = Stream(both, allow_rollup_hdrs=True, storage=storage)
    stream.publish("a b a c a b")
    stream.publish("a", b"Nats-Rollup: sub")
    assert stream.state()["subjects"] == {f"{stream.prefix}.{key}": n for key, n in
                                          (("a", 1), ("b", 2), ("c", 1))}  # fmt: skip
    stream.publish("new", b"Nats-Rollup: SUB")
    stream.publish("b", b"Nats-Rollup: sub")
    assert stream.state()["messages"] == 4


def test_a_roll_up_of_all_leaves_one_message(both, storage):
    stream = Stream(both, allow_rollup_hdrs=True, storage=storage)
    stream.publish("a b a c")
    stream.publish("z", b"Nats-Rollup: all")
    state = stream.state()
    assert (state["messages"], state["first_seq"], state["last_seq"]) == (1, 5, 5)
    stream.publish("a")
    assert stream.state()["messages"] == 2


def test_roll_ups_are_refused_as_the_configuration_says(both):
    allowed = Stream(both, allow_rollup_hdrs=True)
    for value in (b"bogus", b"", b"sub,all", b"S"):
        allowed.publish("a", b"Nats-Rollup: " + value)
    Stream(both).publish("a", b"Nats-Rollup: sub")
    limited = Stream(both, allow_rollup_hdrs=True, max_msgs=2, discard="new")
    limited.publish("a b")
    limited.publish("a", b"Nats-Rollup: sub")
    limited.publish("a", b"Nats-Rollup: all")
    assert limited.state()["messages"] == 2


def test_a_roll_up_passes_where_its_subject_is_full(both):
    full = {"max_msgs_per_subject": 2, "discard": "new", "discard_new_per_subject": True}
    stream = Stream(both, allow_rollup_hdrs=True, **full)
    assert b"maximum messages per subject" in stream.publish("a a a")[2]
    assert b'"seq":3' in stream.publish("a", b"Nats-Rollup: sub")[0]
    assert stream.state()["messages"] == 1


def test_a_repeated_roll_up_is_a_duplicate_and_removes_nothing(both):
    stream = Stream(both, allow_rollup_hdrs=True)
    header = (b"Nats-Rollup: sub", b"Nats-Msg-Id: 1")
    stream.publish("a a")
    stream.publish("a", *header)
    stream.publish("a a")
    stream.publish("a", *header)
    assert stream.state()["messages"] == 3


def test_consumers_pass_what_was_rolled_up(both):
    stream = Stream(both, allow_rollup_hdrs=True)
    stream.publish("a a b b a c")
    for name, filters in (("ALL", []), ("A", ["a"]), ("B", ["b"]), ("AC", ["a", "c"])):
        patterns = [f"{stream.prefix}.{one}" for one in filters]
        stream.consumer(name, **({"filter_subjects": patterns} if filters else {}))
    stream.pull("ALL", 4)
    stream.pull("A", 1)
    stream.pull("B", 2)
    stream.publish("a", b"Nats-Rollup: sub", payload=b"rolled")
    for name in ("ALL", "A", "B", "AC"):
        stream.consumer_info(name)
    assert stream.pull("A", 5)[:1] == [b"rolled"]
    stream.pull("AC", 5)
    stream.publish("z", b"Nats-Rollup: all", payload=b"the last")
    for name in ("ALL", "A", "B", "AC"):
        stream.consumer_info(name)
    assert stream.pull("ALL", 5)[:1] == [b"the last"]


# --- purges and deletions ---


PURGES = (
    {}, {"seq": 1}, {"seq": 3}, {"seq": 99}, {"keep": 2}, {"keep": 99}, {"filter": "a"},
    {"filter": "*"}, {"filter": "a", "keep": 1}, {"filter": "a", "seq": 4}, {"filter": "c.>"},
    {"filter": "none"}, {"filter": "c.x", "seq": 99}, {"seq": 3, "keep": 2}, {"filter": "a..b"},
    {"filter": "*", "keep": 3}, {"filter": ">"},
)  # fmt: skip


@pytest.mark.parametrize("purge", PURGES, ids=str)
def test_a_purge_takes_what_it_says(both, purge):
    stream = Stream(both)
    stream.publish("a b a c.x c.y a b")
    for name, filters in (("ALL", {}), ("A", {"filter_subject": f"{stream.prefix}.a"})):
        stream.consumer(name, **filters)
        stream.pull(name, 2)
    if purge.get("filter", ">") != ">":
        purge = purge | {"filter": f"{stream.prefix}.{purge['filter']}"}
    both.api(f"STREAM.PURGE.{stream.name}", purge)
    stream.state()
    for name in ("ALL", "A"):
        stream.consumer_info(name)
    stream.publish("a")
    stream.pull("A", 9, expires_ns=S)


def test_deletions_leave_holes(both, storage):
    stream = Stream(both, storage=storage)
    stream.publish("a b a c a b")
    for body in ({"seq": 3}, {"seq": 5, "no_erase": True}, {"seq": 3}, {"seq": 0}, {"seq": 99}, {}):
        both.api(f"STREAM.MSG.DELETE.{stream.name}", body)
    assert stream.state()["deleted"] == [3, 5]
    for seq in (1, 2, 6):
        both.api(f"STREAM.MSG.DELETE.{stream.name}", {"seq": seq})
        stream.state()
    for choice in ({"seq": 3}, {"last_by_subj": f"{stream.prefix}.a"}, {"seq": 4},
                   {"next_by_subj": f"{stream.prefix}.>", "seq": 1}):  # fmt: skip
        both.api(f"STREAM.MSG.GET.{stream.name}", choice)


def test_the_last_of_a_subject_is_found_again_when_it_is_deleted(both, storage):
    stream = Stream(both, storage=storage, allow_direct=True, max_msgs_per_subject=5)
    stream.publish("a b a b a a b a")
    for seq in (8, 7, 1, 5):
        both.api(f"STREAM.MSG.DELETE.{stream.name}", {"seq": seq})
        for key in "ab":
            both.request(f"$JS.API.DIRECT.GET.{stream.name}.{stream.prefix}.{key}")
    stream.publish("a a a a b")
    stream.state()


def test_denied_and_sealed_streams_keep_what_they_have(both):
    stream = Stream(both, deny_delete=True, deny_purge=True)
    stream.publish("a b")
    both.api(f"STREAM.MSG.DELETE.{stream.name}", {"seq": 1})
    both.api(f"STREAM.PURGE.{stream.name}")
    stream.publish("a", b"Nats-Rollup: sub")
    stream.update(deny_delete=False)
    stream.update(deny_purge=False)
    sealed = Stream(both, allow_rollup_hdrs=True)
    sealed.publish("a a")
    assert sealed.update(sealed=True)["config"]["deny_purge"]
    assert b"sealed" in sealed.publish("a")[0]
    both.api(f"STREAM.MSG.DELETE.{sealed.name}", {"seq": 1})
    both.api(f"STREAM.PURGE.{sealed.name}")
    sealed.update()
    sealed.state()


# --- limits ---


@pytest.mark.parametrize("limits", [
    {"max_msgs_per_subject": 1},
    {"max_msgs_per_subject": 3},
    {"max_msgs_per_subject": 3, "discard": "new"},
    {"max_msgs_per_subject": 2, "discard": "new", "discard_new_per_subject": True},
    {"max_msgs_per_subject": 2, "max_msgs": 4},
    {"max_msgs_per_subject": 2, "max_msgs": 4, "discard": "new"},
    {"max_msgs": 3, "discard": "new"},
    {"max_bytes": 200},
    {"max_bytes": 200, "discard": "new"},
    {"max_bytes": 200, "max_msgs_per_subject": 2, "discard": "new"},
    {"max_msg_size": 3},
], ids=str)  # fmt: skip
def test_limits_with_every_message(both, limits, storage):
    stream = Stream(both, storage=storage, allow_direct=True, **limits)
    for number, subject in enumerate("a b a a c b a a d b c a b a e a b"):
        if subject != " ":
            stream.publish(subject, payload=b"%d" % (number * number * 100))
    stream.state()
    for subject in "abcde":
        both.request(f"$JS.API.DIRECT.GET.{stream.name}.{stream.prefix}.{subject}")


def test_limits_that_become_narrower(both, storage):
    stream = Stream(both, storage=storage)
    stream.publish("a b a a c b a a d b c a b a e a b")
    for limits in ({"max_msgs_per_subject": 3}, {"max_msgs_per_subject": 1}, {"max_msgs": 2}):
        stream.update(**limits)
        stream.state()


@pytest.mark.parametrize("narrower", [
    {"max_msgs": 2}, {"max_bytes": 80}, {"sealed": True, "max_msgs": 2},
    {"max_msgs_per_subject": 1}, {"max_msgs_per_subject": 1, "max_msgs": 2},
], ids=str)  # fmt: skip
def test_where_new_messages_are_refused_narrower_limits_take_none_that_is_there(
    both, narrower, storage
):
    stream = Stream(both, storage=storage, discard="new", max_msgs_per_subject=3)
    stream.publish("a b c a b c")
    stream.update(**narrower)
    left = stream.state()["messages"]
    assert left == (3 if "max_msgs_per_subject" in narrower else 6)
    stream.publish("a a d")
    stream.state()
    if "sealed" not in narrower:
        stream.update(discard="old", max_msgs=2)
        assert stream.state()["messages"] == 2


def test_what_nobody_is_interested_in_needs_no_room(both, storage):
    stream = Stream(
        both, storage=storage, retention="interest", discard="new", max_msgs=1, allow_msg_ttl=True
    )
    stream.consumer("D", filter_subject=f"{stream.prefix}.a")
    stream.publish("a a b b", b"Nats-Msg-Id: 1")
    stream.publish("a b")
    stream.publish("a b", b"Nats-TTL: x")
    stream.publish("b", b"Nats-Expected-Last-Sequence: 9")
    assert stream.state()["messages"] == 1


def test_expected_sequences_by_subject(both, storage):
    stream = Stream(both, storage=storage, max_msgs_per_subject=2)
    stream.publish("a b a c.x c.y a")
    about = b"Nats-Expected-Last-Subject-Sequence-Subject: " + stream.prefix.encode()
    for wanted in (b"0", b"1", b"3", b"6", b"x", b"-1"):
        asked = b"Nats-Expected-Last-Subject-Sequence: " + wanted
        stream.publish("a", asked)
        stream.publish("none", asked)
        for pattern in (b".c.*", b".>", b".a", b".none.*"):
            stream.publish("z", asked, about + pattern)
    stream.state()


def test_an_age_removes_and_nothing_else_does(both):
    stream = Stream(both, max_age=10 * S)
    stream.publish("a b a")
    stream.update(max_age=3600 * S)
    assert stream.state()["messages"] == 3
