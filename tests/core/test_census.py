"""A count in slices, beside a list that is counted; what comes and goes meanwhile included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core.census import Census
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from models.census import count
from support.soak import examples

LEAVES = [b"a", b"b", b"a.b", b"a.c", b"a.b.c", b"b.a.c", b"ab.c"]
SUBJECTS = st.sampled_from(LEAVES + [b"n.%d" % number for number in range(12)])
PATTERN_SETS = st.sampled_from(
    [
        [b">"],
        [b"*"],
        [b"*.*"],
        [b"a.>"],
        [b"a.*"],
        [b"*.b.*"],
        [b"*.*.c", b"*.c"],
        [b"a", b"a.b", b"n.*"],
        [b"n.>", b"a.*", b"b"],
        [b"none.*"],
        [b"n.1"],
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("slice"), st.integers(1, 6)),
        st.tuples(st.just("come"), SUBJECTS),
        st.tuples(st.just("go"), st.integers(1, 80)),
    ),
    max_size=60,
)


class Stream:
    """Log and index, and the list that they are."""

    def __init__(self):
        self.log, self.tree = StreamLog(1), SubjectTree()
        self.messages: dict[int, bytes] = {}
        self.told = None

    def come(self, subject):
        seq = self.log.add(subject)
        self.tree.insert(subject, seq)
        self.messages[seq] = subject
        if self.told is not None:
            self.told.came(seq, subject)

    def go(self, seq):
        subject = self.messages.pop(seq, None)
        if subject is not None:
            self.log.discard(seq, self.tree)
            if self.told is not None:
                self.told.went(seq, subject)

    def count(self, patterns, seq):
        return count(self.messages.items(), patterns, seq)


@given(
    st.lists(SUBJECTS, max_size=60),
    st.sets(st.integers(1, 60)),
    PATTERN_SETS,
    st.integers(0, 70),
    STEPS,
)
@settings(max_examples=examples(300), deadline=None)
def test_it_is_a_count_of_a_list_whatever_happens_meanwhile(before, gone, patterns, seq, steps):
    stream = Stream()
    for subject in before:
        stream.come(subject)
    for number in gone:
        stream.go(number)
    stream.told = census = Census(stream.log, stream.tree, patterns, seq)
    for what, detail in steps:
        if what == "slice":
            census.step(detail)
        elif what == "come":
            stream.come(detail)
        else:
            stream.go(detail)
    stream.tree.check()
    while census.step(3):
        pass
    assert census.total == stream.count(patterns, seq)


@pytest.fixture(scope="module")
def devices():
    """Ten thousand subjects, each with two messages, the second ones later."""
    stream = Stream()
    for kind in (b"temp", b"wind.speed"):
        for number in range(5000):
            stream.come(b"dev.%d.%b" % (number, kind))
    for kind in (b"temp", b"wind.speed"):
        for number in range(5000):
            stream.come(b"dev.%d.%b" % (number, kind))
    return stream


@pytest.mark.parametrize(
    ("pattern", "seq", "messages"),
    [
        (b">", 0, 20_000),
        (b"dev.>", 1, 20_000),
        (b"dev.*.temp", 1, 10_000),
        (b"dev.*.*", 1, 10_000),
        (b"dev.*.*.>", 1, 10_000),
        (b"dev.7.>", 1, 4),
        (b"dev.*.temp", 10_001, 5000),
        (b">", 20_001, 0),
        (b"dev.7.temp", 2, 2),
    ],
)
def test_a_large_stream_is_counted_by_group_and_by_subject(devices, pattern, seq, messages):
    census = Census(devices.log, devices.tree, [pattern], seq)
    while census.step(100):
        pass
    assert census.total == messages
    assert messages == devices.count([pattern], seq)


def slices(stream, pattern, seq=1, limit=200):
    census = Census(stream.log, stream.tree, [pattern], seq)
    return sum(1 for _ in iter(lambda: census.step(limit), False))


def test_what_takes_in_whole_groups_is_counted_at_a_glance():
    stream = Stream()
    for number in range(20_000):
        stream.come(b"bench.%05d" % number)
    assert slices(stream, b"bench.*") == slices(stream, b">") == slices(stream, b"bench.>") == 0
    assert slices(stream, b"bench.*", seq=10_000) <= 6, "the groups around the start are looked at"
    assert slices(stream, b"bench.*.x") == 0, "no group has subjects of three tokens"
    assert slices(stream, b"*.7") >= 90


def test_a_census_that_nobody_began_counts_nothing():
    stream = Stream()
    stream.come(b"a")
    stream.told = census = Census(stream.log, stream.tree, [b"a"], 1)
    stream.come(b"a")
    assert census.total == 0
    assert not census.step()
    assert census.total == 2


def test_a_start_behind_the_end_waits_for_what_comes():
    stream = Stream()
    stream.come(b"a")
    stream.told = census = Census(stream.log, stream.tree, [b"a"], 3)
    assert not census.step()
    stream.come(b"a")
    stream.come(b"a")
    assert census.total == 1
