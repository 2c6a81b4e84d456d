"""Groups of neighbours in the order of subjects: they split, shrink and end with what they hold."""

import random

import pytest

from isthmus.core.subject_tree import SubjectTree
from models.subject_tree import SubjectTreeModel

PATTERNS = [b">", b"a.>", b"a.*", b"a.*.*", b"a.*.x", b"*.5", b"b.5.>", b"a.*.*.>"]
SUBJECTS_MAX = 1500
CHANGES = 12_000


def subjects(dice):
    """Few and many tokens, shared and own beginnings."""
    number = dice.randrange(SUBJECTS_MAX)
    return dice.choice(
        [
            b"a.%d" % number,
            b"a.%d.x" % number,
            b"a.%d.%d" % (number % 7, number),
            b"b.%d.c.%d" % (number % 9, number),
            b"y" * (number % 200 + 1),
        ]
    )


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_groups_are_those_of_their_subjects(seed):
    dice = random.Random(seed)
    tree, model = SubjectTree(seed), SubjectTreeModel()
    grow = True
    for seq in range(1, CHANGES + 1):
        if seq % (CHANGES // 4) == 0:
            grow = not grow
        if grow or dice.random() < 0.3 or not model.seqs:
            subject = subjects(dice)
            tree.insert(subject, seq)
            model.insert(subject, seq)
        else:
            subject = dice.choice(list(model.seqs))
            gone = dice.choice(model.seqs[subject])
            tree.discard(subject, gone)
            model.discard(subject, gone)
        if seq % 500 == 0:
            tree.check()
            for pattern in PATTERNS:
                assert tree.totals(pattern) == model.totals(pattern), pattern
    for subject in list(model.seqs):
        for gone in model.seqs[subject]:
            tree.discard(subject, gone)
        if dice.random() < 0.01:
            tree.check()
    assert tree.totals(b">") == (0, 0)


def test_one_long_chain_of_prefixes_is_no_deeper_than_it_is_long():
    tree = SubjectTree()
    for size in range(1, 3000):
        tree.insert(b"z" * size, size)
    tree.check()
    assert tree.totals(b"*") == (2999, 2999)
    for size in range(1, 3000, 2):
        tree.discard(b"z" * size, size)
    tree.check()
    assert tree.totals(b">") == (1499, 1499)
