import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.identity.revocations import (
    compacted,
    is_revoked,
    with_revocation,
    without_revocation,
)

lists = st.dictionaries(st.sampled_from(["*", "A", "B"]), st.integers(1, 9))


@pytest.mark.parametrize(
    ("revocations", "issued_s", "revoked"),
    [
        ({}, 5, False),
        ({"A": 5}, 5, True),
        ({"A": 5}, 6, False),
        ({"*": 5}, 5, True),
        ({"*": 5}, 6, False),
        ({"A": 3, "*": 5}, 4, True),
        ({"A": 5, "*": 3}, 4, True),
        ({"B": 5}, 5, False),
        ({}, 0, True),
    ],
)
def test_what_was_issued_until_then_is_revoked(revocations, issued_s, revoked):
    assert is_revoked(revocations, "A", issued_s) is revoked


def test_claims_about_nobody_count_as_revoked():
    assert is_revoked({}, "", 5)


@given(lists, st.sampled_from(["A", "*"]), st.integers(1, 9))
def test_adding_never_lowers(revocations, key, until_s):
    after = with_revocation(revocations, key, until_s)
    assert after[key] == max(until_s, revocations.get(key, 0))
    assert without_revocation(after, key) == without_revocation(revocations, key)


@given(lists, st.integers(1, 9), st.sampled_from(["A", "B", "C"]))
def test_compacting_changes_no_answer(revocations, issued_s, key):
    less = compacted(revocations)
    assert less.items() <= revocations.items()
    assert is_revoked(less, key, issued_s) == is_revoked(revocations, key, issued_s)


def test_compacting_drops_what_the_entry_for_everybody_includes():
    assert compacted({"*": 5, "A": 5, "B": 6}) == {"*": 5, "B": 6}
