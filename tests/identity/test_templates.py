import pytest

from isthmus.identity.claims import (
    Account,
    AccountClaims,
    Permission,
    ScopeTemplate,
    User,
    UserClaims,
    UserLimits,
)
from isthmus.identity.templates import EXPANSIONS_MAX, TemplateError, check_template, expand

ACCOUNT = AccountClaims(
    subject="AAA", name="Acme", nats=Account(tags=("region:eu", "region:us", "plain"))
)
USER = UserClaims(
    subject="UUU",
    name="bob",
    nats=User(issuer_account="AAA", tags=("team:red", "team:blue", "empty:", "space:a b")),
)


def allow(*entries):
    return expand(UserLimits(pub=Permission(allow=entries)), USER, ACCOUNT).pub


def deny(*entries):
    return expand(UserLimits(sub=Permission(deny=entries)), USER, ACCOUNT).sub.deny


@pytest.mark.parametrize(
    ("entry", "subjects"),
    [
        ("plain.>", ("plain.>",)),
        ("q work", ("q work",)),
        ("u.{{name()}}", ("u.bob",)),
        ("u.{{ NAME() }}.x", ("u.bob.x",)),
        ("u.{{subject()}}", ("u.UUU",)),
        ("a.{{account-name()}}.{{account-subject()}}", ("a.Acme.AAA",)),
        ("t.{{tag(team)}}", ("t.red", "t.blue")),
        ("t.{{tag(Team)}}", ("t.red", "t.blue")),
        ("r.{{account-tag(region)}}", ("r.eu", "r.us")),
        (
            "{{tag(team)}}.{{account-tag(region)}}",
            ("red.eu", "red.us", "blue.eu", "blue.us"),
        ),
        ("{{name()}}-{{name()}}", ("bob-bob",)),
        ("u.{name()}", ("u.{name()}",)),
    ],
)
def test_functions_are_replaced_by_their_values(entry, subjects):
    assert allow(entry) == Permission(allow=subjects)
    assert deny(entry) == subjects


@pytest.mark.parametrize("entry", ["t.{{tag(none)}}", "t.{{tag(empty)}}", "t.{{tag(space)}}"])
def test_what_cannot_be_expanded_is_dropped_where_it_would_allow(entry):
    assert allow("a", entry) == Permission(allow=("a",))


@pytest.mark.parametrize("entry", ["t.{{tag(none)}}", "t.{{tag(empty)}}", "t.{{tag(space)}}"])
def test_what_cannot_be_expanded_is_an_error_where_it_would_deny(entry):
    for entries in ((entry,), (entry, "t.{{tag(team)}}"), ("t.{{tag(team)}}", entry)):
        with pytest.raises(TemplateError):
            deny(*entries)


def test_an_allow_list_of_which_nothing_is_left_allows_nothing():
    assert allow("t.{{tag(none)}}") == Permission(deny=(">",))


@pytest.mark.parametrize(
    "entry",
    ["{{nope()}}", "{{name}}", "{{name(x)}}", "{{tag()}}", "{{}x}}", "{{account-tag()}}"],
)
def test_unknown_functions_are_errors(entry):
    if entry == "{{}x}}":
        assert allow(entry) == Permission(allow=(entry,))
        return
    with pytest.raises(TemplateError):
        allow(entry)


def test_expansion_is_bounded():
    tags = tuple(f"n:{number}" for number in range(EXPANSIONS_MAX + 1))
    user = UserClaims(name="x", nats=User(tags=tags))
    for entries in (("{{tag(n)}}",), ("{{tag(n)}}.{{tag(n)}}.{{tag(n)}}",)):
        with pytest.raises(TemplateError, match="more than 4096"):
            expand(UserLimits(pub=Permission(allow=entries)), user, ACCOUNT)


def test_the_rest_of_the_template_stays():
    template = ScopeTemplate(subs=3, bearer_token=True, pub=Permission(allow=("{{name()}}",)))
    expanded = expand(template, USER, ACCOUNT)
    assert (expanded.subs, expanded.payload, expanded.bearer_token) == (3, -1, True)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (UserLimits(), ""),
        (UserLimits(pub=Permission(allow=("q.{{name()}}.{{tag(team)}}.>",))), ""),
        (UserLimits(sub=Permission(deny=("{{account-name()}} queue",))), ""),
        (UserLimits(pub=Permission(allow=("q.{{user()}}",))), '"user()" is not defined'),
        (UserLimits(sub=Permission(deny=("q.{{tag()}}",))), '"tag()" is not defined'),
        (UserLimits(pub=Permission(allow=("q..{{name()}}",))), "cannot contain consecutive"),
        (UserLimits(pub=Permission(deny=("{{name()}} queue",))), "not allowed to contain queue"),
        (UserLimits(sources=("here",)), 'invalid cidr "here"'),
    ],
)
def test_a_template_that_fits_nobody_is_found_before_anybody_logs_in(template, says):
    findings = [finding.text for finding in check_template(template)]
    assert len(findings) == bool(says)
    assert all(says in text for text in findings)
