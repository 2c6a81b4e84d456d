"""The set of subjects against comparing each with each."""

from itertools import combinations

from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from isthmus.base import subjects
from isthmus.base.overlaps import BRANCHES_MAX, Overlaps

TOKENS = lists(sampled_from(["a", "b", "*", ">"]), min_size=1, max_size=4)
SUBJECTS = TOKENS.map(".".join).filter(subjects.valid)


@given(lists(SUBJECTS, max_size=6), SUBJECTS)
def test_it_agrees_with_comparing_each(others, subject):
    collides = any(subjects.collide(one, subject) for one in others)
    assert Overlaps(others).with_subject(subject) == collides


@given(lists(SUBJECTS, max_size=6))
def test_adding_one_by_one_finds_what_pairs_find(given_subjects):
    seen, found = Overlaps(), False
    for subject in given_subjects:
        found = found or seen.with_subject(subject)
        seen.add(subject)
    pairs = combinations(given_subjects, 2)
    assert found == any(subjects.collide(one, other) for one, other in pairs)


def test_a_subject_of_many_tokens_is_no_deeper_than_a_loop():
    long = ".".join(["a"] * 100_000)
    assert Overlaps([long]).with_subject(long)
    assert not Overlaps([long]).with_subject(long + ".b")


def test_what_is_too_hard_to_check_counts_as_colliding():
    width = 1000
    seen = Overlaps(f"{n}.x.y" for n in range(width))
    asked = 0
    while not seen.with_subject(f"*.z.{asked}"):
        asked += 1
    assert asked == BRANCHES_MAX // (width - 1)
