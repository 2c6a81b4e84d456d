"""What `nsc lint` finds, and that what it prints instead is accepted and leaves nothing to find."""

import json

import pytest

from sharing.test_explain import ACK, INFO, NEXT, C, S, share
from support.nsc import Nsc, guide

WHOLE = "$JS.API.>"


@pytest.fixture
def nsc(tmp_path):
    made = Nsc(tmp_path)
    guide(made)
    return made


def lint(nsc, *flags):
    done = nsc("lint --json " + " ".join(flags))
    document = json.loads(done.out)
    assert done.code == (0 if document["ok"] else 1)
    assert document["ok"] == (not document["findings"])
    return document["findings"]


def codes(findings):
    return sorted({finding["code"] for finding in findings})


def mend(nsc, findings, code):
    """Type the commands of the findings with this code."""
    for finding in findings:
        if finding["code"] == code:
            assert finding["fix"], finding
            for line in finding["fix"]:
                nsc.ok(line.removeprefix("nsc "))


def test_a_fresh_store_has_nothing_to_find(nsc):
    assert lint(nsc) == []
    assert nsc("lint").out == "nothing found\n"


def test_grants_that_never_end_are_found_and_replaced(nsc):
    share(nsc)
    findings = lint(nsc)
    assert codes(findings) == ["no_expiry"]
    assert sorted(finding["subject"] for finding in findings) == sorted([NEXT, INFO, ACK])
    mend(nsc, findings, "no_expiry")
    assert lint(nsc) == []


def test_what_ends_soon_depends_on_what_soon_is(nsc):
    share(nsc)
    mend(nsc, lint(nsc), "no_expiry")  # for 90 days
    assert codes(lint(nsc, "--within 91d")) == ["expires_soon"]
    nsc.ok("edit user -a ACCTB B --expiry 10d")
    nsc.ok("edit account ACCTC --expiry 12d")
    (user, account) = lint(nsc)
    assert {user["subject"], account["subject"]} == {"B", "ACCTC"}
    mend(nsc, [user, account], "expires_soon")
    assert lint(nsc) == []


def test_singleton_on_next_is_found(nsc):
    share(nsc)
    nsc.ok(f"edit export -a ACCTC -s '{NEXT}' --response-type Singleton")
    findings = lint(nsc, "-a ACCTC")
    assert codes(findings) == ["response_type"]
    mend(nsc, findings, "response_type")
    assert lint(nsc, "-a ACCTC") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"delete import -a ACCTB -s '{ACK}'", "ack_import_missing"),
        (f"delete export -a ACCTC -s '{ACK}'", "ack_export_missing"),
        (f"delete export -a ACCTC -s '{INFO}'", "export_missing"),
        (
            f"revocations add_activation -a ACCTC --service -s '{INFO}' -t ACCTB",
            "activation_revoked",
        ),
    ],
)
def test_imports_that_carry_nothing_are_found(nsc, line, code):
    share(nsc)
    nsc.ok(line)
    findings = lint(nsc, "-a ACCTB")
    assert codes(findings) == sorted({code, "no_expiry"})
    mend(nsc, findings, code)
    assert codes(lint(nsc, "-a ACCTB")) == ["no_expiry"]


def test_a_renamed_ack_import_is_found(nsc):
    share(nsc)
    nsc.ok(f"delete import -a ACCTB -s '{ACK}'")
    nsc.ok("add import -a ACCTB --token ACK.tok --local-subject 'elsewhere.>'")
    findings = lint(nsc, "-a ACCTB")
    assert "ack_import_renamed" in codes(findings)
    mend(nsc, findings, "ack_import_renamed")
    assert codes(lint(nsc, "-a ACCTB")) == ["no_expiry"]


def test_the_whole_api_is_too_broad_and_becomes_the_consumers_in_use(nsc):
    nsc.ok(f"add export -p -a ACCTC -s '{WHOLE}' --service --response-type Stream")
    nsc.ok(f"add export -p -a ACCTC -s '{ACK}' --service")
    for name, subject, local in (("API", WHOLE, "ACCTC.API.>"), ("ACK", ACK, ACK)):
        nsc.ok(f"generate activation -a ACCTC -s '{subject}' -t ACCTB -o {name}.tok")
        nsc.ok(f"add import -a ACCTB --token {name}.tok --local-subject '{local}'")
    (broad,) = [item for item in lint(nsc) if item["code"] == "broad_grant"]
    assert broad["subject"] == WHOLE
    assert f"--stream {S} --consumer {C} --with ACCTB" in broad["fix"][-1]
    mend(nsc, [broad], "broad_grant")
    assert codes(lint(nsc)) == ["no_expiry"]
    assert nsc(f"explain -a ACCTC --share {S}/{C} --with ACCTB").code == 0


def test_a_broad_export_becomes_what_is_imported_of_it(nsc):
    nsc.ok("add export -p -a ACCTC -s '$JS.API.CONSUMER.>' --service --response-type Stream")
    nsc.ok(f"generate activation -a ACCTC -s '{INFO}' -t ACCTB -o x.tok")
    nsc.ok("add import -a ACCTB --token x.tok --local-subject info.c1")
    findings = lint(nsc, "-a ACCTC")
    assert codes(findings) == ["broad_grant"]
    mend(nsc, findings, "broad_grant")
    assert lint(nsc, "-a ACCTC") == []
    assert nsc("explain -a ACCTB -s info.c1").code == 0


def test_everything_for_everybody_is_too_broad(nsc):
    nsc.ok("add export -a ACCTC -s '>'")
    (finding,) = lint(nsc)
    assert (finding["code"], finding["subject"]) == ("broad_grant", ">")
    mend(nsc, [finding], "broad_grant")
    assert lint(nsc) == []


def test_a_public_jetstream_export_becomes_private_and_its_importers_get_tokens(nsc):
    nsc.ok(f"add export -a ACCTC -s '{INFO}' --service")
    nsc.ok(
        f"add import -a ACCTB --src-account ACCTC --remote-subject '{INFO}' --service"
        " --local-subject info.c1"
    )
    findings = lint(nsc)
    assert codes(findings) == ["public_jetstream"]
    mend(nsc, findings, "public_jetstream")
    assert codes(lint(nsc)) == ["no_expiry"]
    assert nsc("explain -a ACCTB -s info.c1").code == 0


def test_a_signing_key_is_unused_until_it_signs(nsc):
    nsc.ok("edit account ACCTB --sk generate")
    (finding,) = lint(nsc)
    assert finding["code"] == "unused_signing_key"
    nsc.ok(f"add user -a ACCTB -n b2 -K {finding['subject']}")
    assert lint(nsc) == []
    nsc.ok("delete user -a ACCTB b2")
    mend(nsc, lint(nsc), "unused_signing_key")
    assert lint(nsc) == []


def test_people_read_lines(nsc):
    share(nsc)
    done = nsc("lint")
    assert done.code == 1
    assert done.out.startswith("1. account ACCTB may import")
    assert "\n   nsc generate activation --account ACCTC" in done.out
    assert done.err == "Error: 3 findings\n"


def test_a_bad_moment_is_one_line(nsc):
    done = nsc("lint --within soon")
    assert done.code == 1
    assert done.err.count("\n") == 1
