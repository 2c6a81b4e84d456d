"""Shares, destinations and what is refused."""

import pytest

from isthmus.accounts.destinations import make_rewriting
from isthmus.accounts.mappings import make_entry, make_mapping, problems
from isthmus.accounts.spec import MappedTo, SubjectMapping
from isthmus.base.errors import UsageError


def mapping(subject, *to):
    return SubjectMapping(subject=subject, to=tuple(MappedTo(subject=s, weight=w) for s, w in to))


@pytest.mark.parametrize(
    ("source", "destination", "text"),
    [
        ("a", "b.$1", "wildcard index out of range in $1"),
        ("a", "b.$0", "wildcard index out of range in $0"),
        ("a", "b.{{left(0,1)}}", "wildcard index out of range"),
        ("a.*", "b.{{split(1,.)}}", "unknown function in {{split(1,"),
        ("a.*", "b.$2", "wildcard index out of range in $2: [2]"),
        ("a.*", "b.*", "invalid subject"),
        ("a.>", "b", "invalid subject"),
        ("a", "b.>", "invalid subject"),
        ("a", "b..c", "invalid transform"),
        ("a", "b c", "invalid transform"),
        ("a.*", "b.{{bad(1)}}", "unknown function in {{bad(1)}}"),
        ("a.*", "b.{{WildCard(1)}}", "unknown function"),
        ("a.*", "b.{{wildcard}}", "unknown function"),
        ("a.*", "b.x{{wildcard(1)}}", "unknown function"),
        ("a.*", "b.{{wildcard(1,2)}}", "too many arguments"),
        ("a.*", "b.{{split(1)}}", "not enough arguments"),
        ("a.*", "b.{{split(1,a b)}}", "wrong format"),
        ("a.*", "b.{{partition()}}", "wrong format"),
        ("a.*", "b.{{partition(0)}}", "wrong format"),
        ("a.*", "b.{{partition(99999999999)}}", "wrong format"),
        ("a.*", "b.{{partition(3,2)}}", "out of range"),
        ("a.*", "b.{{left(1,x)}}", "wrong format"),
        ("a.*", "b.{{random(-1)}}", "wrong format"),
    ],
)
def test_what_is_no_destination(source, destination, text):
    with pytest.raises(UsageError) as caught:
        make_rewriting(source, destination)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("subject", "to", "text"),
    [
        ("a b", [("c", 100)], "not a valid subject"),
        ("a", [("b", 60), ("c", 60)], "total weight needs to be <= 100"),
        ("a", [("b", 10), ("b", 10)], 'duplicate entry for "b"'),
        ("a", [("b.$1", 100)], "out of range"),
    ],
)
def test_what_is_no_mapping_is_left_out_and_said(subject, to, text):
    wrong, good = mapping(subject, *to), mapping("good", ("better", 100))
    with pytest.raises(UsageError):
        make_entry(wrong)
    made = make_mapping([wrong, good])
    assert [entry.pattern for entry in made.entries] == [b"good"]
    [problem] = problems([wrong, good])
    assert text in problem


def test_without_mappings_nothing_is_looked_at():
    assert make_mapping([]) is None
    assert make_mapping([mapping("a b", ("c", 100))]) is None
