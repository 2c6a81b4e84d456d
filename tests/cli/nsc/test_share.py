"""nsc share and nsc accept: both sides or neither, one clear line when it cannot be."""

import stat

import pytest

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
