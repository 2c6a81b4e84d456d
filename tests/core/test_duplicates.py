"""The duplicate window against a dictionary."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from isthmus.core.duplicates import Duplicates
from models.duplicates import DuplicatesModel
from support.soak import examples

IDS = st.one_of(
    st.integers(0, 40).map(lambda number: b"id%d" % number),
    st.integers(0, 3).map(lambda number: b"%d" % number * 30_000),
)


class DuplicatesMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.window = Duplicates(100, 42)
        self.model = DuplicatesModel(100)
        self.now_ns = 1000
        self.seq = 0

    @rule(step=st.integers(0, 60))
    def time_passes(self, step):
        self.now_ns += step

    @rule(message_id=IDS)
    def publish(self, message_id):
        known = self.model.lookup(message_id, self.now_ns)
        assert self.window.lookup(message_id, self.now_ns) == known
        if not known:
            self.seq += 1
            self.window.remember(message_id, self.seq, self.now_ns)
            self.model.remember(message_id, self.seq, self.now_ns)

    @rule(count=st.integers(1, 120))
    def publish_many(self, count):
        for _ in range(count):
            self.seq += 1
            self.window.remember(b"m%d" % self.seq, self.seq, self.now_ns)
            self.model.remember(b"m%d" % self.seq, self.seq, self.now_ns)

    @rule(window_ns=st.integers(0, 200))
    def window_changes(self, window_ns):
        self.window.resize(window_ns, self.now_ns)
        self.model.window_ns = window_ns
        if window_ns == 0:
            self.window.resize(100, self.now_ns)
            self.model.lookup(b"", self.now_ns)
            self.model.window_ns = 100

    @invariant()
    def agrees_with_model(self):
        self.window.check()
        self.model.expire(self.now_ns)
        self.window.lookup(b"", self.now_ns)
        for message_id, (seq, _) in self.model.seen.items():
            assert self.window.lookup(message_id, self.now_ns) == seq
        assert self.window.count == len(self.model.seen)


TestDuplicates = DuplicatesMachine.TestCase
TestDuplicates.settings = settings(max_examples=examples(30), stateful_step_count=30, deadline=None)
TestDuplicates.pytestmark = [pytest.mark.soak]


def test_a_window_of_zero_remembers_nothing():
    window = Duplicates(0, 1)
    window.remember(b"a", 1, 10)
    assert window.lookup(b"a", 10) == 0
    assert window.count == 0


def test_a_repeat_does_not_prolong_the_window():
    window = Duplicates(100, 1)
    window.remember(b"a", 7, 0)
    assert window.lookup(b"a", 99) == 7
    assert window.lookup(b"a", 100) == 0


def test_a_hundred_thousand_ids_come_and_go():
    window = Duplicates(1000, 1)
    for number in range(100_000):
        window.remember(b"order-%d" % number, number + 1, number // 200)
    assert window.count == 100_000
    assert window.lookup(b"order-77777", 500) == 77_778
    assert window.lookup(b"order-0", 1000) == 0
    assert window.lookup(b"order-99999", 2000) == 0
    assert window.count == 0
    window.check()
