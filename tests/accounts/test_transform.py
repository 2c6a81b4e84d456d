"""The rewriting of imports, and what the crossing makes of it."""

import pytest

from isthmus.accounts.transform import make_rewriting
from isthmus.base.errors import UsageError


def rewritten(local: str, remote: str, *values: str) -> str:
    _, parts = make_rewriting(local, remote)
    assert parts is not None
    return "".join(part.decode() if isinstance(part, bytes) else values[part] for part in parts)


def test_equal_subjects_need_no_rewriting():
    assert make_rewriting("a.*.>", "a.*.>") == ("a.*.>", None)


def test_a_literal_becomes_another_literal():
    assert make_rewriting("C.API.NEXT", "$JS.API.NEXT") == ("C.API.NEXT", [b"$JS.API.NEXT"])


def test_numbered_wildcards_are_reordered():
    assert make_rewriting("q.$2.$1", "w.*.y.*")[0] == "q.*.*"
    assert rewritten("q.$2.$1", "w.*.y.*", "two", "one") == "w.one.y.two"


def test_both_spellings_of_a_wildcard_mean_the_same():
    assert make_rewriting("q.{{wildcard(2)}}.{{ Wildcard(1) }}", "w.*.y.*") == make_rewriting(
        "q.$2.$1", "w.*.y.*"
    )


def test_the_rest_of_a_subject_is_kept():
    assert make_rewriting("JSA.API.>", "$JS.API.>")[0] == "JSA.API.>"
    assert rewritten("JSA.API.>", "$JS.API.>", "STREAM.INFO.S") == "$JS.API.STREAM.INFO.S"
    assert rewritten("x.$1.>", "*.y.>", "one", "rest.of") == "one.y.rest.of"


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
        make_rewriting(local, remote)
