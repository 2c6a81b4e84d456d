"""What `explain` says about a shared consumer, and that its cures are cures.

Each case plants a fault with command lines into the guide's share, asks, and looks at the first
finding; where `mends` is set, its commands are typed and the question is asked again.
"""

import json
import shutil

import pytest

from support.nsc import Nsc, guide

S, C = "RESTOCKEVENTS", "RESTOCKEVENTS-C1"
NEXT = f"$JS.API.CONSUMER.MSG.NEXT.{S}.{C}"
INFO = f"$JS.API.CONSUMER.INFO.{S}.{C}"
ACK = f"$JS.ACK.{S}.{C}.>"
HERE = f"ACCTC.API.CONSUMER.MSG.NEXT.{S}.{C}"
BY_SUBJECT = f"explain --account ACCTB --subject '{HERE}'"
BY_SHARE = f"explain --account ACCTC --share {S}/{C} --with ACCTB"


def share(nsc):
    """The guide's nine commands."""
    for name, subject, more in (
        ("NEXT", NEXT, "--response-type Stream"),
        ("INFO", INFO, ""),
        ("ACK", ACK, ""),
    ):
        nsc.ok(f"add export -p -a ACCTC --name {name} --subject '{subject}' --service {more}")
        take(nsc, name, subject)


def take(nsc, name, subject, *, local="", more=""):
    nsc.ok(
        f"generate activation --account ACCTC --subject '{subject}' --target-account ACCTB"
        f" --output-file {name}.tok {more}"
    )
    local = local or subject.replace("$JS.API.", "ACCTC.API.")
    nsc.ok(f"add import --account ACCTB --token {name}.tok --name {name} --local-subject '{local}'")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    nsc = Nsc(folder)
    guide(nsc)
    share(nsc)
    return nsc


@pytest.fixture
def nsc(healthy, tmp_path):
    shutil.copytree(healthy.folder, tmp_path / "copy")
    config = tmp_path / "copy" / "home/.config/nats/nsc/nsc.json"
    config.write_text(config.read_text().replace(str(healthy.folder), str(tmp_path / "copy")))
    copy = Nsc(tmp_path / "copy")
    copy.entropy = healthy.entropy
    copy.now_s = healthy.now_s
    return copy


def ask(nsc, line):
    done = nsc(f"{line} --json")
    assert done.code in {0, 1}, done
    document = json.loads(done.out)
    assert document["ok"] == (done.code == 0) == (not document["findings"])
    return document


def codes(document):
    return [finding["code"] for finding in document["findings"]]


@pytest.mark.parametrize(
    "line",
    [
        BY_SUBJECT,
        BY_SHARE,
        "explain --account ACCTB --import NEXT",
        f"explain --account ACCTB --import '{INFO}'",
        f"explain --account ACCTB --subject '{ACK}'",
        f"explain --account ACCTB --subject '$JS.ACK.{S}.{C}.1.1.1.1.1'",
        f"explain --account ACCTC --export '{NEXT}'",
        "explain --account ACCTC --export ACK --with ACCTB",
        "explain --account ACCTB --with ACCTC",
        "explain --account ACCTC --with ACCTB",
        f"explain --account ACCTB --share {S}/{C} --with ACCTC",
        f"explain --account ACCTC --subject '{NEXT}'",
        "explain --account SYS --subject orders.new",
    ],
)
def test_nothing_is_wrong_with_the_share_of_the_guide(nsc, line):
    document = ask(nsc, line)
    assert document["ok"], document
    assert {hop["state"] for hop in document["hops"]} <= {"ok", "unknown"}


def test_what_only_a_server_knows_is_called_unknown(nsc):
    hops = {hop["hop"]: hop["state"] for hop in ask(nsc, BY_SUBJECT)["hops"]}
    assert hops["pushed"] == "unknown"
    assert hops["permissions"] == hops["import"] == hops["export"] == hops["ack"] == "ok"


FAULTS = {
    "import gone": ([f"delete import -a ACCTB -s '{NEXT}'"], "import_missing", NEXT),
    "import elsewhere": (
        [
            f"delete import -a ACCTB -s '{NEXT}'",
            "add export -a ACCTC -s '$JS.API.CONSUMER.MSG.NEXT.S.OTHER' -r --response-type Stream",
            (
                "add import -a ACCTB --src-account ACCTC --service"
                " --remote-subject '$JS.API.CONSUMER.MSG.NEXT.S.OTHER'"
                " --local-subject ACCTC.API.CONSUMER.MSG.NEXT.S.OTHER"
            ),
        ],
        "import_missing",  # of the share; "import_subject" of the subject
        NEXT,
    ),
    "no token": (
        [
            f"delete import -a ACCTB -s '{NEXT}'",
            (
                f"add import -a ACCTB --src-account ACCTC --service --remote-subject '{NEXT}'"
                f" --local-subject {HERE}"
            ),
        ],
        "activation_missing",
        NEXT,
    ),
    "revoked": (
        [f"revocations add_activation -a ACCTC --service -s '{NEXT}' -t ACCTB"],
        "activation_revoked",
        NEXT,
    ),
    "all revoked": (
        [f"revocations add_activation -a ACCTC --service -s '{NEXT}' -t '*'"],
        "activation_revoked",
        NEXT,
    ),
    "export gone": ([f"delete export -a ACCTC -s '{NEXT}'"], "export_missing", NEXT),
    "singleton": (
        [f"edit export -a ACCTC -s '{NEXT}' --response-type Singleton"],
        "response_type",
        NEXT,
    ),
    "ack import gone": ([f"delete import -a ACCTB -s '{ACK}'"], "ack_import_missing", "$JS.ACK"),
    "ack export gone": ([f"delete export -a ACCTC -s '{ACK}'"], "ack_export_missing", ACK),
    "ack revoked": (
        [f"revocations add_activation -a ACCTC --service -s '{ACK}' -t ACCTB"],
        "activation_revoked",
        ACK,
    ),
    "pub denied": (
        ["edit user -a ACCTB B --deny-pub 'ACCTC.API.>'"],
        "permission_denied",
        HERE,
    ),
    "pub not allowed": (
        ["edit user -a ACCTB B --allow-pub 'other.>'"],
        "permission_denied",
        "$JS.ACK",
    ),
    "inbox denied": (["edit user -a ACCTB B --deny-sub '_INBOX.>'"], "permission_denied", "_INBOX"),
    "ack denied": (["edit user -a ACCTB B --deny-pub '$JS.>'"], "permission_denied", "$JS.ACK"),
    "default denied": (
        ["edit account ACCTB --deny-pub 'ACCTC.>'"],
        "permission_denied",
        HERE,
    ),
    "user revoked": (["revocations add-user -a ACCTB -n B"], "user_revoked", "B"),
    "imports limited": (["edit account ACCTB --imports 2"], None, None),
    "no jetstream": (["edit account ACCTC --js-disable"], "jetstream_disabled", "ACCTC"),
    "mapped away": (
        ["add mapping -a ACCTB --from 'ACCTC.API.>' --to 'elsewhere.>'"],
        "import_shadowed",
        "elsewhere",
    ),
    "no connections": (["edit account ACCTB --conns 0"], "connection_limit", "ACCTB"),
}


@pytest.mark.parametrize("question", [BY_SUBJECT, BY_SHARE], ids=["subject", "share"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_first_and_its_cure_cures(nsc, name, question):
    lines, code, word = FAULTS[name]
    if name == "import elsewhere" and question == BY_SUBJECT:
        code, word = "import_subject", HERE
    planted = [nsc(line) for line in lines]
    if code is None:  # refused by nsc itself
        assert planted[-1].code == 1
        return
    assert [done.code for done in planted] == [0] * len(planted), planted
    document = ask(nsc, question)
    assert codes(document)[:1] == [code], document
    assert word in document["findings"][0]["cause"]
    assert set(codes(document)) == {code}, document
    for finding in document["findings"]:
        assert finding["fix"], finding
        for line in finding["fix"]:
            assert line.startswith("nsc ")
            nsc.ok(line.removeprefix("nsc "))
    after = ask(nsc, question)
    assert after["ok"], after


def test_an_import_under_another_prefix_is_all_that_is_wrong(nsc):
    elsewhere = HERE.replace("ACCTC.API", "shop.one")
    document = ask(nsc, f"explain --account ACCTB --subject {elsewhere}")
    assert codes(document) == ["import_subject"]
    assert HERE in document["findings"][0]["cause"]


def test_a_subject_nobody_knows_has_no_import_and_no_other_fault(nsc):
    document = ask(nsc, "explain --account ACCTB --subject nobody.knows.this")
    assert codes(document) == ["import_missing"]
    assert document["findings"][0]["fix"] == []


def test_a_finding_stands_at_a_broken_hop(nsc):
    nsc.ok("edit account ACCTC --expiry 1h")
    nsc.now_s += 7200
    document = ask(nsc, BY_SUBJECT)
    assert codes(document) == ["account_expired"]
    assert ("export", "broken") in {(hop["hop"], hop["state"]) for hop in document["hops"]}


def test_a_pushed_feed_of_the_wrong_kind_is_no_missing_import(nsc):
    ack = "$JS.ACK.O.P.>"
    nsc.ok("add export -p -a ACCTC -s deliver.o --service")
    nsc.ok(f"add export -p -a ACCTC -s '{ack}' --service")
    take(nsc, "D", "deliver.o", local="orders")
    take(nsc, "A", ack)
    document = ask(nsc, "explain --account ACCTC --share O/P --with ACCTB")
    assert codes(document) == ["export_type"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("explain", 2),
        ("explain --subject a --export b", 2),
        ("explain --share /x", 2),
        ("explain --account NOBODY --subject a", 1),
        ("explain --account ACCTB --subject a --with NOBODY", 1),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_line(nsc, line, code):
    done = nsc(line)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("Error: ")
