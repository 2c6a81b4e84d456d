"""Which subjects of a set cover one more, beside a walk through all of them."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.base import subjects
from isthmus.base.patterns import SHAPES_MAX, Patterns, first_overlap
from isthmus.identity.subject_rules import contained_in

TOKENS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=4)
SUBJECTS = st.builds(
    lambda tokens, tail: ".".join([*tokens, *tail]), TOKENS, st.sampled_from([[], [">"]])
)


@given(st.lists(SUBJECTS, max_size=8), SUBJECTS)
def test_what_covers_a_subject_is_what_a_walk_finds(known, asked):
    found = set(Patterns(known).covering(asked))
    assert found == {one for one in known if contained_in(asked, one)}
    assert {one for one in found if subjects.covers(one, asked)} == {
        one for one in known if subjects.covers(one, asked)
    }


@given(st.lists(SUBJECTS, max_size=8))
def test_an_overlap_is_found_if_there_is_one(names):
    overlaps = {
        (narrow, broad)
        for at, narrow in enumerate(names)
        for other, broad in enumerate(names)
        if at != other and contained_in(narrow, broad)
    }
    found = first_overlap(names)
    assert found in overlaps if overlaps else found is None


def test_wildcards_in_very_many_places_are_too_many():
    def at(place: int) -> str:
        return "a." * place + "*"

    assert not Patterns(at(place) for place in range(SHAPES_MAX)).too_varied
    assert Patterns(at(place) for place in range(SHAPES_MAX + 1)).too_varied
