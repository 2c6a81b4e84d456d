"""nsc share and nsc accept: both sides or neither, one clear line when it cannot be."""

import json
import stat

import pytest

from isthmus.cli.streams import RecordedStreams
from isthmus.identity import jwt
from support.nsc import Nsc, guide

SHARE = "share consumer -a ACCTC --stream S --consumer C --with ACCTB"
INVITE = "S-C-ACCTB.invite"


@pytest.fixture
def nsc(tmp_path) -> Nsc:
    made = Nsc(tmp_path)
    guide(made)
    return made


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Nsc:
    made = Nsc(tmp_path_factory.mktemp("share"))
    guide(made)
    made.ok("add account --name 'TWO WORDS'")
    made.ok(SHARE + " --expires 1m -o old.invite")
    made.ok(SHARE + " -o good.invite")
    made.ok("share consumer -a ACCTC --stream S --consumer D --with '*'")
    made.ok("add export -a SYS --subject \\$JS.ACK.T.C.x --service --private")
    (made.work / "binary.invite").write_bytes(bytes(range(256)))
    (made.work / "huge.invite").write_bytes(b"x" * (2 * 1024 * 1024 + 1))
    made.now_s += 120
    return made


def account(nsc, name):
    return jwt.decode_account(nsc.ok(f"describe account {name} --raw").strip()).nats


def test_share_and_accept(nsc):
    out = nsc.ok(SHARE + " --expires 30d")
    assert "wrote invite to `S-C-ACCTB.invite`" in out
    assert "nsc push --account ACCTC" in out
    assert stat.S_IMODE((nsc.work / INVITE).stat().st_mode) == 0o600
    out = nsc.ok(f"accept {INVITE} -a ACCTB --as X.Y")
    assert "nats consumer next --js-api-prefix X.Y --ack --count 1 S C" in out
    assert {item.local for item in account(nsc, "ACCTB").imports} == {
        "X.Y.CONSUMER.MSG.NEXT.S.C",
        "$JS.ACK.S.C.>",
        "X.Y.CONSUMER.INFO.S.C",
    }


def test_both_sides_at_once(nsc):
    out = nsc.ok(SHARE + " --accept")
    assert not (nsc.work / INVITE).exists()
    assert out.index("nsc push --account ACCTC") < out.index("nsc push --account ACCTB")
    assert len(account(nsc, "ACCTC").exports) == len(account(nsc, "ACCTB").imports) == 3


def test_an_account_elsewhere_is_named_by_its_key(nsc, tmp_path):
    other = Nsc(tmp_path / "elsewhere", seed="other")
    other.ok("add operator --name P")
    other.ok("add account --name THERE")
    key = other.key("THERE")
    nsc.ok(f"share consumer -a ACCTC --stream S --consumer C --with {key}")
    (other.work / "invite").write_text((nsc.work / f"S-C-{key}.invite").read_text())
    out = other.ok("accept invite -a THERE")
    assert 'account "ACCTC"' in out
    assert len(account(other, "THERE").imports) == 3
    refused = nsc(f"share consumer -a ACCTC --stream S --consumer C --with {key} --accept")
    assert refused.code == 1
    assert "not in this store" in refused.err


def test_a_refusal_of_the_taker_leaves_the_giver_alone(nsc):
    nsc.ok("add account --name OTHER")
    nsc.ok("share consumer -a OTHER --stream S --consumer C --with ACCTB --accept")
    before = nsc.tree()
    done = nsc(SHARE + " --accept")
    assert done.code == 1
    assert "go to account" in done.err
    assert nsc.tree() == before


NAMED = "-a ACCTC --stream S --consumer C --with ACCTB"


def state(nsc, name, side="given"):
    found = json.loads(nsc.ok(f"shares -a {name} --json"))[side]
    return [(share["item"]["kind"], share["taker"]["name"], share["state"]) for share in found]


def test_revoked_renewed_and_listed(nsc):
    nsc.ok(SHARE + " --expires 30d")
    assert state(nsc, "ACCTC") == [("consumer", "ACCTB", "not accepted")]
    nsc.ok(f"accept {INVITE} -a ACCTB")
    assert (
        state(nsc, "ACCTC") == state(nsc, "ACCTB", "received") == [("consumer", "ACCTB", "active")]
    )
    out = nsc.ok(f"share revoke {NAMED} --yes")
    for subject in ("$JS.API.CONSUMER.MSG.NEXT.S.C", "$JS.ACK.S.C.>", "$JS.API.CONSUMER.INFO.S.C"):
        assert f'ACCTB: "{subject}" was active, is revoked' in out
    assert state(nsc, "ACCTC") == [("consumer", "ACCTB", "revoked")]
    assert "revoked" in nsc.ok("shares -a ACCTB")
    assert "was revoked" in nsc(f"accept {INVITE} -a ACCTB").err
    nsc.ok(f"share renew {NAMED} -o new.invite")
    nsc.ok("accept new.invite -a ACCTB")
    assert state(nsc, "ACCTC") == [("consumer", "ACCTB", "active")]
    (share,) = json.loads(nsc.ok("shares -a ACCTC -J"))["given"]
    assert share["until"] == 0


def test_all_accounts_are_listed(nsc):
    nsc.ok(SHARE + " --accept")
    found = json.loads(nsc.ok("shares --all --json"))
    assert [entry["account"] for entry in found] == ["ACCTB", "ACCTC", "SYS"]
    tables = nsc.ok("shares --all")
    assert "Shares given by ACCTC" in tables
    assert "Shares received by ACCTB" in tables


@pytest.mark.parametrize(("answer", "revokes"), [("y", True), ("n", False), ("", False)])
def test_it_asks_first(nsc, monkeypatch, answer, revokes):
    nsc.ok(SHARE)
    before = nsc.tree()
    monkeypatch.setattr(RecordedStreams, "is_terminal", True)
    done = nsc(f"share revoke {NAMED}", stdin=f"{answer}\n")
    assert 'This ends consumer "C" of stream "S" for:' in done.out
    assert "Really revoke it?" in done.out
    assert done.code == (0 if revokes else 1)
    assert (nsc.tree() == before) is not revokes


def test_a_public_share_ends_by_deleting_its_exports(nsc):
    nsc.ok("share consumer -a ACCTC --stream S --consumer C --with '*'")
    nsc.ok("accept S-C-public.invite -a ACCTB")
    assert state(nsc, "ACCTC") == [("consumer", "", "public")]
    assert "publicly" in nsc(f"share revoke {NAMED} --yes").err
    nsc.ok("share revoke -a ACCTC --stream S --consumer C --with '*' --yes")
    assert account(nsc, "ACCTC").exports == ()
    assert state(nsc, "ACCTB", "received") == [("consumer", "ACCTB", "missing")]


REFUSED = [
    ("share consumer -a ACCTC --stream S --consumer C", 2, "with whom"),
    (f"{SHARE} --expires yesterday", 2, "expires"),
    (f"{SHARE} --expires 2001-01-01", 1, "expired already"),
    (f"{SHARE} --expires=-3d", 1, "expired already"),
    (f"{SHARE} --as 'a b'", 1, "cannot stand before a subject"),
    (f"{SHARE} --as '$JS.API'", 1, "is reserved"),
    (f"{SHARE} -o nowhere/x.invite", 1, "no such file or directory"),
    ("share consumer -a ACCTC --consumer C --with ACCTB", 1, "a stream is required"),
    ("share consumer -a ACCTC --stream S --with ACCTB", 1, "a consumer is required"),
    ("share consumer -a ACCTC --stream 'a b' --consumer C --with ACCTB", 1, "cannot be the name"),
    ("share consumer -a ACCTC --stream ../x --consumer C --with ACCTB", 1, "cannot be the name"),
    ("share consumer -a ACCTC --stream S --consumer C --with NOPE", 1, "NOPE does not exist"),
    ("share consumer -a ACCTC --stream S --consumer C --with ACCTC", 1, "with itself"),
    ("share consumer -a NOPE --stream S --consumer C --with ACCTB", 1, "not in accounts"),
    ("share consumer -a ACCTC --stream S --consumer C --with '*'", 1, "privately"),
    ("share consumer -a ACCTC --stream S --consumer E --with '*' --accept", 1, "everybody"),
    ("share consumer -a ACCTC --stream S --consumer E --with '*' --expires 3d", 1, "no end"),
    ("share consumer -a 'TWO WORDS' --stream S --consumer C --with ACCTB", 1, "part of a subject"),
    ("share consumer -a SYS --stream T --consumer C --with ACCTB", 1, "may overlap"),
    ("share stream -a ACCTC --stream S --subject x --with ACCTB", 2, "only one of"),
    ("share stream -a ACCTC --subject x --filter y --with ACCTB", 2, "are for a stream"),
    ("share stream -a ACCTC --subject '>' --with ACCTB", 1, "every account has for itself"),
    ("share stream -a ACCTC --with ACCTB", 1, "a subject is required"),
    (
        "share service -a ACCTC --subject x --response-type Often --with ACCTB",
        1,
        "no response type",
    ),
    ("share kv -a ACCTC --bucket a.b --with ACCTB", 1, "cannot be the name of a bucket"),
    ("share push-consumer -a ACCTC --stream S --consumer P --with ACCTB", 1, "deliver is required"),
    ("share revoke -a ACCTC --stream S --consumer C --with ACCTB", 2, "without a terminal"),
    ("share revoke -a ACCTC --stream S --consumer C --yes", 2, "with whom"),
    ("share revoke -a ACCTC --with ACCTB --yes", 1, "no share is named"),
    ("share revoke -a ACCTC --stream NO --consumer C --with ACCTB --yes", 1, "shares nothing"),
    ("share revoke -a ACCTC --stream S --with '*' --yes", 1, "more than one thing"),
    ("share revoke -a ACCTC --stream S --consumer C --with SYS --yes", 1, "not known to be shared"),
    ("share renew -a ACCTC --stream S --consumer C --with SYS", 1, "nothing to renew"),
    ("share renew -a ACCTC --stream S --consumer D --with SYS", 1, "nothing to renew"),
    ("share renew -a ACCTC --subject NO --with SYS", 1, "shares nothing"),
    ("shares -a NOPE", 1, "not in accounts"),
    ("share", 0, ""),
    ("share universe", 2, "unknown command"),
    ("accept -a ACCTB", 2, "an invite is required"),
    ("accept nowhere.invite -a ACCTB", 1, "no such file"),
    ("accept binary.invite -a ACCTB", 1, "no invite in it"),
    ("accept huge.invite -a ACCTB", 1, "too large"),
    ("accept old.invite -a ACCTB", 1, "expired"),
    ("accept good.invite -a ACCTC", 1, "from this account itself"),
    ("accept good.invite -a SYS", 1, "for account A"),
    ("accept good.invite -a NOPE", 1, "not in accounts"),
    ("accept good.invite -a ACCTB --as '$JS.API'", 1, "is reserved"),
    ("accept good.invite more -a ACCTB", 2, "accepts at most 1 arg"),
]


@pytest.mark.parametrize(("line", "code", "says"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_with_one_line_and_nothing_changed(prepared, line, code, says):
    before = prepared.tree()
    done = prepared(line)
    assert done.code == code, done
    assert says in done.err.partition("\n")[0], done
    assert len(done.err.splitlines()) <= 2, "an error line and at most one hint"
    assert prepared.tree() == before
