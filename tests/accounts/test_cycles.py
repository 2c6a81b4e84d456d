"""Requests that would come back to where they started."""

import pytest

from isthmus.accounts.cycles import comes_back
from isthmus.accounts.spec import Import


def service(account: str, remote: str, local: str = "") -> Import:
    return Import(kind="service", account=account, remote=remote, local=local or remote)


def goes_round(importer: str, wanted: Import, **others: list[Import]) -> bool:
    return comes_back(importer, wanted, lambda name: others.get(name, []))


def test_a_chain_has_an_end():
    assert not goes_round("C", service("B", "mid", "top"), B=[service("A", "deep", "mid")])


def test_two_accounts_that_import_one_subject_from_each_other():
    assert goes_round("A", service("B", "x"), B=[service("A", "x")])


def test_the_subjects_decide_and_not_the_accounts():
    assert not goes_round("A", service("B", "x"), B=[service("A", "y")])
    assert not goes_round("A", service("B", "b", "a"), B=[service("A", "c", "b")])
    assert goes_round("A", service("B", "b", "a"), B=[service("A", "a", "b")])


def test_any_number_of_steps():
    assert goes_round(
        "A", service("B", "x"), B=[service("C", "y", "x")], C=[service("A", "x", "y")]
    )


def test_wildcards_are_followed_as_they_are_rewritten():
    back = service("A", "q.*.*", "w.$2.$1")
    assert goes_round("A", service("B", "w.one.*", "q.*.one"), B=[back])
    assert not goes_round("A", service("B", "w.one.*", "q.*.two"), B=[back])
    assert goes_round("A", service("B", ">"), B=[service("A", "in.>", ">")])
    # each round makes the subject longer: it never ends
    assert goes_round("A", service("B", "a.>"), B=[service("C", "b.a.>", "a.>")], C=[
        service("B", "a.b.>", "b.>")
    ])  # fmt: skip


def test_a_circle_beside_the_way_is_not_ours():
    assert not goes_round("A", service("B", "x"), B=[service("C", "x")], C=[service("B", "x")])


@pytest.mark.parametrize("own", ["x", "x.*", ">"])
def test_an_account_that_imports_its_own_subject(own):
    assert goes_round("A", service("A", own))


def test_an_account_may_give_its_own_subject_another_name():
    assert not goes_round("A", service("A", "x", "y"))
