"""The tree against a dictionary of lists, then its memory and its slices."""

import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import data, integers, lists, sampled_from

from isthmus.base.subjects import covers, valid
from isthmus.core.matching import matches
from isthmus.core.subject_tree import SubjectTree
from models.subject_tree import SubjectTreeModel
from support.soak import examples

TOKENS = ["a", "b", "ab", "aa", "x" * 30, "\x00", "\xff", "a*", "*b", ">x"]
subjects = lists(sampled_from(TOKENS), min_size=1, max_size=3).map(
    lambda tokens: ".".join(tokens).encode("latin-1")
)
patterns = (
    lists(sampled_from([*TOKENS, "*", "*", ">"]), min_size=1, max_size=4)
    .map(".".join)
    .filter(valid)
    .map(lambda text: text.encode("latin-1"))
)


@given(patterns, subjects)
def test_matching_is_that_of_subjects(pattern, subject):
    assert matches(pattern, subject) == covers(pattern.decode("latin-1"), subject.decode("latin-1"))


class TreeMachine(RuleBasedStateMachine):
    """Messages come and go under subjects; every answer is compared with the model's."""

    def __init__(self):
        super().__init__()
        self.tree = SubjectTree(seed=4711)
        self.model = SubjectTreeModel()
        self.seq = 0

    @rule(subject=subjects)
    def message_comes(self, subject):
        self.seq += 1
        self.tree.insert(subject, self.seq)
        self.model.insert(subject, self.seq)

    @rule(prefix=sampled_from([b"n.", b"n.1.", b"a.", b"z"]), count=integers(1, 60))
    def many_subjects_come(self, prefix, count):
        for number in range(count):
            self.message_comes_under(prefix + b"%d" % number)

    def message_comes_under(self, subject):
        self.seq += 1
        self.tree.insert(subject, self.seq)
        self.model.insert(subject, self.seq)

    @rule(choice=data())
    def message_goes(self, choice):
        if self.model.seqs:
            subject = choice.draw(sampled_from(sorted(self.model.seqs)))
            seq = choice.draw(sampled_from(self.model.seqs[subject]))
            assert self.tree.discard(subject, seq)
            self.model.discard(subject, seq)

    @rule(choice=data())
    def many_subjects_go(self, choice):
        for subject in sorted(self.model.seqs)[:: choice.draw(integers(1, 3))]:
            for seq in list(self.model.seqs[subject]):
                assert self.tree.discard(subject, seq)
                self.model.discard(subject, seq)

    @rule(subject=subjects)
    def unknown_subject_goes(self, subject):
        if subject not in self.model.seqs:
            assert not self.tree.discard(subject, 1)

    @rule()
    def everything_goes(self):
        self.tree.empty()
        self.model.seqs.clear()

    @rule(pattern=patterns)
    def pattern_is_asked(self, pattern):
        found, resume = self.tree.matching(pattern)
        assert [state.subject for state in found] == self.model.matching(pattern)
        assert resume == b""
        assert self.tree.totals(pattern) == self.model.totals(pattern)

    @rule(pattern=patterns, after=subjects)
    def pattern_is_asked_from_the_middle(self, pattern, after):
        found, _ = self.tree.matching(pattern, after)
        assert [state.subject for state in found] == self.model.matching(pattern, after)

    @rule(pattern=patterns, limit=integers(1, 20))
    def pattern_is_asked_in_slices(self, pattern, limit):
        subjects, after = [], b""
        while True:
            found, resume = self.tree.matching(pattern, after, limit)
            subjects += [state.subject for state in found]
            if not resume:
                break
            assert resume > after
            after = resume
        assert subjects == self.model.matching(pattern)

    @rule(pattern=patterns, choice=data())
    def pattern_is_asked_behind_a_subject(self, pattern, choice):
        if self.model.seqs:
            after = choice.draw(sampled_from(sorted(self.model.seqs)))
            self.pattern_is_asked_from_the_middle(pattern, after)

    @invariant()
    def groups_hold_what_their_subjects_hold(self):
        self.tree.check()

    @invariant()
    def agrees_with_model(self):
        assert self.tree.count == len(self.model.seqs)
        for subject, seqs in self.model.seqs.items():
            state = self.tree.get(subject)
            assert state.subject == subject
            assert state.count == len(seqs)
            assert state.first_seq in {None, seqs[0]}
            assert state.last_seq in {None, seqs[-1]}
            if len(seqs) == self.seq:  # nothing was ever removed
                assert (state.first_seq, state.last_seq) == (seqs[0], seqs[-1])
        assert self.tree.get(b"nobody.sent.this") is None


TestTree = TreeMachine.TestCase
TestTree.settings = settings(max_examples=examples(60), stateful_step_count=40, deadline=None)
TestTree.pytestmark = [pytest.mark.soak]


def test_both_ends_are_exact_while_only_one_message_is_left():
    tree = SubjectTree()
    for seq in (3, 5, 9):
        tree.insert(b"a", seq)
    tree.discard(b"a", 3)
    assert tree.get(b"a").first_seq is None
    tree.discard(b"a", 5)
    assert (tree.get(b"a").first_seq, tree.get(b"a").last_seq) == (9, 9)


def test_a_subject_takes_at_most_120_bytes():
    tree = SubjectTree(seed=1)
    count = 130_000  # just below a doubling of the nodes: what is reserved is also used
    for number in range(count):
        tree.insert(b"retail.v1.restock.%08d" % number, number + 1)
    assert tree.memory_bytes / count < 120


def test_removed_entries_are_used_again():
    tree = SubjectTree(seed=1)
    for number in range(1000):
        tree.insert(b"old.%06d" % number, number + 1)
    before = tree.memory_bytes
    for number in range(100_000):
        tree.discard(b"old.%06d" % number, number + 1)
        tree.insert(b"old.%06d" % (number + 1000), number + 1001)
    assert tree.count == 1000
    assert tree.memory_bytes < before * 2


def test_large_subjects_have_their_own_sizes():
    tree = SubjectTree(seed=1)
    sizes = [480, 488, 490, 1000, 5000, 65535]
    for round_ in range(3):
        for size in sizes:
            tree.insert(b"x" * size, round_ * 10 + 1)
        assert tree.totals(b">") == (len(sizes), len(sizes))
        for size in sizes:
            tree.discard(b"x" * size, round_ * 10 + 1)
        assert tree.count == 0
