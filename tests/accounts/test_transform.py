"""The rewriting of imports, and what the crossing makes of it."""

import pytest

from isthmus.accounts.transform import Fit, carry, fit, meet
from isthmus.base.errors import UsageError


def rewritten(local: str, remote: str, *values: str) -> str:
    parts = fit(local, remote).outward
    assert parts is not None
    return "".join(part.decode() if isinstance(part, bytes) else values[part] for part in parts)


def test_equal_subjects_need_no_rewriting():
    assert fit("a.*.>", "a.*.>") == Fit(pattern="a.*.>")


def test_a_literal_becomes_another_literal():
    assert fit("C.API.NEXT", "$JS.API.NEXT") == Fit(
        pattern="C.API.NEXT", outward=[b"$JS.API.NEXT"], inward=[b"C.API.NEXT"]
    )


def test_numbered_wildcards_are_reordered():
    assert fit("q.$2.$1", "w.*.y.*").pattern == "q.*.*"
    assert rewritten("q.$2.$1", "w.*.y.*", "two", "one") == "w.one.y.two"


def test_the_way_back_reorders_too():
    assert fit("q.$2.$3.x.$1.>", "w.*.*.y.*.>").inward == [
        b"q.", 1, b".", 2, b".x.", 0, b".", 3,
    ]  # fmt: skip


def test_both_spellings_of_a_wildcard_mean_the_same():
    assert fit("q.{{wildcard(2)}}.{{ Wildcard(1) }}", "w.*.y.*") == fit("q.$2.$1", "w.*.y.*")


def test_the_rest_of_a_subject_is_kept():
    assert fit("JSA.API.>", "$JS.API.>").pattern == "JSA.API.>"
    assert rewritten("JSA.API.>", "$JS.API.>", "STREAM.INFO.S") == "$JS.API.STREAM.INFO.S"
    assert rewritten("x.$1.>", "*.y.>", "one", "rest.of") == "one.y.rest.of"
    assert fit("a.>", ">").inward == [b"a.", 0]


@pytest.mark.parametrize(
    ("local", "remote"),
    [
        ("q.*", "w.*.*"),
        ("q.$1.$1", "w.*.*"),
        ("q.$3", "w.*"),
        ("q.>", "w.*"),
        ("q", "w.>"),
        ("q.*.*", "w.*"),
    ],
)
def test_subjects_that_do_not_fit_are_refused(local, remote):
    with pytest.raises(UsageError, match="does not fit"):
        fit(local, remote)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("a.b", "a.b", "a.b"),
        ("a.*", "*.b", "a.b"),
        ("a.>", "*.b.c", "a.b.c"),
        (">", "a.*.>", "a.*.>"),
        ("a.>", "a", None),
        ("a.*", "a.b.c", None),
        ("a.b", "a.c", None),
    ],
)
def test_what_two_patterns_have_in_common(one, other, common):
    assert meet(one, other) == meet(other, one) == common


def test_a_pattern_is_carried_over_like_a_subject():
    found = fit("q.$2.$1.>", "w.*.y.*.>")
    assert carry(found, "q.two.one.r.s") == "w.one.y.two.r.s"
    assert carry(found, "q.*.one.>") == "w.one.y.*.>"
    assert carry(fit("x", "x"), "x") == "x"
