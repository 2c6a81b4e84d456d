from isthmus.accounts.imports import Refusal, authorise
from isthmus.accounts.spec import AccountSpec, Export, Import
from isthmus.identity.trust import Reason
from isthmus.sharing.finding import CODES
from isthmus.sharing.refused import refused

WANTED = Import(kind="service", account="A", remote="r.s", local="l.s")


def test_every_refusal_of_an_activation_keeps_its_code():
    for reason in Reason:
        if reason.value.startswith("activation_"):
            found = refused(Refusal(code=reason.value, reason="why"), WANTED)
            assert (found.code, found.hop) == (reason.value, "activation")
            assert found.code in CODES


def test_an_import_from_an_unknown_account_names_the_account():
    verdict = authorise(AccountSpec(name="B"), WANTED, None, 1)
    found = refused(verdict, WANTED)
    assert (found.code, found.hop, found.subject) == ("account_missing", "export", "l.s")
    assert "account A " in found.cause


def test_a_missing_export_names_the_subject():
    exporter = AccountSpec(name="A", exports=(Export(kind="service", subject="other"),))
    found = refused(authorise(AccountSpec(name="B"), WANTED, exporter, 1), WANTED)
    assert (found.code, found.hop) == ("export_missing", "export")
    assert "'r.s'" in found.cause


def test_what_only_the_registry_says_stands_at_the_import():
    codes = {"rewriting": "import_rewriting", "cycle": "import_cycle"}
    for code, ours in codes.items():
        found = refused(Refusal(code=code, reason="why"), WANTED)
        assert (found.code, found.hop) == (ours, "import")


def test_an_export_for_other_accounts_stands_at_the_export():
    export = Export(kind="service", subject="r.s", approved=frozenset({"C"}))
    exporter = AccountSpec(name="A", exports=(export,))
    found = refused(authorise(AccountSpec(name="B"), WANTED, exporter, 1), WANTED)
    assert (found.code, found.hop) == ("not_approved", "export")
