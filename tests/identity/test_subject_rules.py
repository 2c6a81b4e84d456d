import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.base import subjects
from isthmus.identity.claims import Permission, Permissions
from isthmus.identity.subject_rules import (
    check_permissions,
    check_renaming,
    check_subject,
    contained_in,
    has_wildcards,
    reference,
    without_references,
)


def texts(findings):
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("a", []),
        ("a.*.>", []),
        ("a>b.*c", []),
        ("", ["subject cannot be empty"]),
        ("foo bar", ['subject "foo bar" cannot have spaces']),
        (".a", ['subject ".a" cannot start or end with a `.`']),
        ("a.", ['subject "a." cannot start or end with a `.`']),
        ("a..b", ['subject "a..b" cannot contain consecutive `.`']),
        (
            ". .",
            [
                'subject ". ." cannot have spaces',
                'subject ". ." cannot start or end with a `.`',
            ],
        ),
    ],
)
def test_subject_rules(subject, found):
    assert texts(check_subject(subject)) == found


@pytest.mark.parametrize(
    ("subject", "wild"),
    [
        ("*", True),
        (">", True),
        ("a.>", True),
        ("a.*", True),
        ("*.a", True),
        ("a.*.b", True),
        ("a", False),
        ("a*", False),
        (">.a", False),
        ("", False),
    ],
)
def test_wildcards_are_whole_tokens(subject, wild):
    assert has_wildcards(subject) is wild


@pytest.mark.parametrize(
    ("narrow", "broad", "inside"),
    [
        ("a", "a", True),
        ("a.b", "a.*", True),
        ("a.b.c", "a.>", True),
        ("a", "a.>", False),
        ("a.*", "a.b", False),
        ("a.*", "a.*", True),
        ("a.>", "a.*", True),
        ("a.b.c", "a.*", False),
        ("a.b", "a.b.c", False),
        (">", "*", True),
        ("a", ">", True),
    ],
)
def test_containment_goes_token_by_token(narrow, broad, inside):
    assert contained_in(narrow, broad) is inside


names = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=4).map(".".join)


@given(names, names)
def test_without_a_full_wildcard_containment_is_what_the_wire_says(narrow, broad):
    assert contained_in(narrow, broad) == subjects.covers(broad, narrow)


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ("$1", 1),
        ("$10", 10),
        ("$+1", 1),
        ("$-1", -1),
        ("$JS", None),
        ("$", None),
        ("1", None),
        ("$٣", None),
        ("$1x", None),
    ],
)
def test_a_reference_is_a_dollar_and_a_number(token, number):
    assert reference(token) == number


def test_references_stand_for_wildcards():
    assert without_references("a.$2.$JS.$1.>") == "a.*.$JS.*.>"
    assert without_references("") == ""


@pytest.mark.parametrize(
    ("renaming", "subject", "found"),
    [
        ("x", "a", []),
        ("x.$2.$1", "a.*.*", []),
        ("x.*.$1", "a.*.*", []),
        ("x.>", "a.>", []),
        (">", "a.>", []),
        ("x.$JS", "a", []),
        ("x", "a.>", ["both, renaming subject and subject, need to end or not end in >"]),
        ("x", "a.*", ["subject does not contain enough * or reference wildcards $[0-9]"]),
        (
            "x.$2",
            "a.*",
            [
                'Reference $2 in "x.$2" reference * in "a.*" that do not exist',
                "subject does not contain enough * or reference wildcards $[0-9]",
            ],
        ),
        ("x", "", ["subject cannot be empty"]),
        (
            "x y",
            "a",
            ['subject "x y" cannot have spaces', 'subject "x y" cannot have spaces'],
        ),
    ],
)
def test_renaming_rules(renaming, subject, found):
    assert texts(check_renaming(renaming, subject)) == found


@pytest.mark.parametrize(
    ("permissions", "found"),
    [
        (Permissions(), []),
        (Permissions(sub=Permission(allow=("a q",), deny=("b",))), []),
        (
            Permissions(pub=Permission(allow=("a q",))),
            ['Permission Subject "a q" is not allowed to contain queue'],
        ),
        (
            Permissions(sub=Permission(deny=("a b c",))),
            ['Permission Subject "a b c" contains too many spaces'],
        ),
        (
            Permissions(pub=Permission(deny=("a..b",)), sub=Permission(allow=(".",))),
            [
                'subject "." cannot start or end with a `.`',
                'subject "a..b" cannot contain consecutive `.`',
            ],
        ),
    ],
)
def test_permission_rules(permissions, found):
    assert texts(check_permissions(permissions)) == found
