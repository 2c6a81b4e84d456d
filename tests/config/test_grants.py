"""What accounts of one configuration grant each other."""

from hypothesis import given
from hypothesis.strategies import builds, lists, sampled_from

from isthmus.config import AccountOptions, ExportOptions, ImportOptions
from isthmus.config.grants import problems


def export(kind, subject, **more):
    return ExportOptions(kind=kind, subject=subject, **more)


def entry(kind, account, subject, local=""):
    return ImportOptions(
        kind=kind, account=account, subject=subject, local_subject=local or subject
    )


def account(name, *parts):
    return AccountOptions(
        name=name,
        exports=tuple(one for one in parts if isinstance(one, ExportOptions)),
        imports=tuple(one for one in parts if isinstance(one, ImportOptions)),
    )


def found(*accounts):
    return list(problems(accounts))


def test_a_public_export_may_be_imported_whole_or_in_part():
    a = account("A", export("service", "svc.>"))
    assert found(a, account("B", entry("service", "A", "svc.>"))) == []
    assert found(a, account("B", entry("service", "A", "svc.one.*"))) == []


def test_what_is_not_exported_may_not():
    a = account("A", export("service", "svc.*"), export("stream", "st"))
    for kind, subject in (("service", "svc.>"), ("service", "st"), ("stream", "svc.x")):
        text = f'Error adding {kind} import "{subject}": {kind} import not authorized'
        assert found(a, account("B", entry(kind, "A", subject))) == [text]


def test_a_private_export_is_for_the_accounts_it_names():
    a = account("A", export("stream", "st", accounts=("B",)))
    c = account("C", entry("stream", "A", "st"))
    assert found(a, account("B", entry("stream", "A", "st"))) == []
    assert found(a, account("B"), c) == [
        'Error adding stream import "st": stream import not authorized'
    ]


def test_the_export_of_the_same_subject_decides_before_a_wider_one():
    a = account("A", export("service", "s.>"), export("service", "s.x", accounts=("C",)))
    b = account("B", entry("service", "A", "s.x"))
    assert found(a, b, account("C")) == [
        'Error adding service import "s.x": service import not authorized'
    ]


def test_a_token_of_the_subject_may_have_to_be_the_importer():
    a = account("A", export("service", "s.*.x", account_token_position=2))
    assert found(a, account("B", entry("service", "A", "s.B.x"))) == []
    assert found(a, account("B", entry("service", "A", "s.C.x"))) != []
    assert found(a, account("B", entry("service", "A", "s.*.x"))) != []


def test_an_unknown_account_is_named():
    b = account("B", entry("service", "X", "s"), entry("stream", "X", "s"))
    assert found(b) == [
        '"X" account not defined for service import',
        '"X" account not defined for stream import',
    ]
    assert found(account("A", export("stream", "s", accounts=("X",)))) == [
        '"X" account not defined for stream export'
    ]


def test_two_accounts_that_take_one_service_from_each_other_form_a_cycle():
    a = account("A", export("service", "s"), entry("service", "B", "s"))
    b = account("B", export("service", "s"), entry("service", "A", "s"))
    assert found(a, b) == ['Error adding service import "s": import forms a cycle']


def test_a_cycle_may_have_many_steps():
    ring = [
        account(str(n), export("stream", "s"), entry("stream", str((n + 1) % 300), "s"))
        for n in range(300)
    ]
    assert found(*ring) == ['Error adding stream import "s": import forms a cycle']


def test_a_diamond_is_no_cycle():
    d = account("D", export("service", "s"))
    b = account("B", export("service", "s"), entry("service", "D", "s"))
    c = account("C", export("service", "s"), entry("service", "D", "s"))
    a = account("A", entry("service", "B", "s"), entry("service", "C", "s", "t"))
    assert found(a, b, c, d) == []


def test_different_subjects_do_not_form_a_cycle():
    a = account("A", export("service", "s"), entry("service", "B", "t"))
    b = account("B", export("service", "t"), entry("service", "A", "s"))
    assert found(a, b) == []


def test_local_subjects_use_each_wildcard_once():
    a = account("A", export("service", "s.*.*"), export("stream", "t.*.>"))
    for local in ("x.*.*", "x.$1.$2", "x.$2.y.$1", "s.*.*"):
        assert found(a, account("B", entry("service", "A", "s.*.*", local))) == []
    for local in ("x", "x.*", "x.$1", "x.$1.$1", "x.$1.*", "x.$1.$2.$3", "x.*.*.>"):
        assert len(found(a, account("B", entry("service", "A", "s.*.*", local)))) == 1
    assert found(a, account("B", entry("stream", "A", "t.*.>", "x.$1.>"))) == []
    assert len(found(a, account("B", entry("stream", "A", "t.*.>", "x.$1")))) == 1


def test_subjects_are_valid():
    a = account("A", export("service", "s"))
    b = account("B", entry("service", "A", "s", "x..y"))
    assert found(a, b) == ['Error adding service import "s": invalid subject']


def test_one_local_subject_for_one_exporter():
    a = account("A", export("service", "s"), export("service", "t"), export("stream", "u"))
    twice = account("B", entry("service", "A", "s", "x"), entry("service", "A", "t", "x"))
    (line,) = found(a, twice)
    assert line.startswith('Error adding service import "t": duplicate service import subject "x"')
    assert line.endswith('previously used in import for account "A", subject "s"')
    again = account("B", entry("stream", "A", "u", "x"), entry("stream", "A", "u", "y"))
    assert found(a, again) == ['Error adding stream import "u": stream import already exists']


def test_one_local_subject_for_several_exporters():
    a, b = account("A", export("service", "s")), account("B", export("service", "t"))
    c = account("C", entry("service", "A", "s", "x"), entry("service", "B", "t", "x"))
    assert found(a, b, c) == []


subjects = sampled_from(["a", "a.b", "a.*", "a.>", ">", "*", "b.*"])
kinds = sampled_from(["stream", "service"])
names = sampled_from("ABCD")
exports = builds(export, kinds, subjects)
imports = builds(entry, kinds, names, subjects, subjects)


@given(lists(lists(exports | imports, max_size=5), min_size=1, max_size=4))
def test_any_accounts_get_a_verdict(parts):
    accounts = [account("ABCD"[n], *some) for n, some in enumerate(parts)]
    assert all("\n" not in line for line in found(*accounts))
