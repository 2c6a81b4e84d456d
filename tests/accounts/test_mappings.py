"""Shares, destinations and what is refused."""

import pytest

from isthmus.accounts.destinations import make_rewriting
from isthmus.accounts.mappings import make_entry, make_mapping, of_domain, problems
from isthmus.accounts.pace import Pace
from isthmus.accounts.registry import Registry
from isthmus.accounts.spec import AccountSpec, JetStreamLimits, MappedTo, SubjectMapping
from isthmus.base.errors import UsageError
from isthmus.base.slices import at_once
from support.entropy import SeededEntropy


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
    made = at_once(make_mapping([wrong, good], Pace()))
    assert [entry.pattern for entry in made.entries] == [b"good"]
    [problem] = problems([wrong, good])
    assert text in problem


def test_without_mappings_nothing_is_looked_at():
    assert at_once(make_mapping([], Pace())) is None
    assert at_once(make_mapping([mapping("a b", ("c", 100))], Pace())) is None


def test_buckets_have_a_name_with_the_domain():
    assert list(of_domain("")) == []
    made = of_domain("hub")
    assert [(one.subject, one.to[0].subject) for one in made] == [
        ("$JS.hub.API.$KV.>", "$KV.>"),
        ("$JS.hub.API.$OBJ.>", "$OBJ.>"),
    ]
    assert list(problems(made)) == []


def test_who_stores_has_the_mappings_of_the_domain_beside_its_own():
    registry = Registry(SeededEntropy(), domain="hub")
    own = mapping("own", ("other", 100))

    def patterns(**fields):
        registry.update(AccountSpec(name="A", **fields), now_ns=1)
        core = registry.get("A").core
        return core.mapping and [entry.pattern for entry in core.mapping.entries]

    buckets = [b"$JS.hub.API.$KV.>", b"$JS.hub.API.$OBJ.>"]
    assert patterns() is None
    assert patterns(jetstream=JetStreamLimits()) == buckets
    assert patterns(jetstream=JetStreamLimits(), mappings=(own,)) == [b"own", *buckets]
    assert patterns(mappings=(own,)) == [b"own"]
