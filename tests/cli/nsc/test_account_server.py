"""Pushing to an HTTP account server and pulling from it."""

import pytest

from cli.nsc.web import Web
from support.nsc import Nsc, guide


@pytest.fixture
def web():
    with Web(account_server=True) as made:
        yield made


@pytest.fixture
def nsc(tmp_path, web) -> Nsc:
    made = Nsc(tmp_path)
    guide(made)
    made.ok(f"edit operator --account-jwt-server-url {web.url}/jwt/v1")
    return made


def test_every_account_is_handed_in(nsc, web):
    assert nsc.ok("push -A").splitlines() == [
        '[ OK ] pushed "ACCTB" to account server',
        '[ OK ] pushed "ACCTC" to account server',
        '[ OK ] pushed "SYS" to account server',
        "all jobs succeeded",
    ]
    for name in ("ACCTB", "ACCTC", "SYS"):
        token = nsc.ok(f"describe account {name} --raw").strip().encode()
        assert (f"/jwt/v1/accounts/{nsc.key(name)}", "application/jwt", token) in web.posted


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (202, 0, "[WARN] pushed account jwt was accepted by the account server"),
        (403, 1, "[ERR ] failed to push account to remote server: 403 Forbidden"),
        (500, 1, "[ERR ] failed to push account to remote server: 500 Internal Server Error"),
    ],
)
def test_what_the_account_server_says_is_shown(nsc, web, status, code, line):
    web.status = status
    done = nsc("push -a ACCTB")
    assert done.code == code
    lines = (done.out + done.err).splitlines()
    assert lines[0] == f"{line[:6]} push ACCTB to account server:"
    assert lines[1] == " " * 7 + line
    assert lines[2] == " " * 7 + "> as the server says"


def test_what_was_pushed_is_pulled(nsc, web):
    nsc.ok("push -A")
    web.pages["/jwt/v1/operator"] = nsc.ok("describe operator --raw").encode()
    old = nsc.ok("describe account ACCTB --raw")
    assert nsc.ok("pull -a ACCTB").splitlines() == [
        '[ OK ] pulled "ACCTB" from the account server:',
        '       [ OK ] stored account "ACCTB"',
    ]
    nsc.ok("edit account ACCTB --conns 5")
    newer = nsc("pull -a ACCTB")
    assert newer.code == 1
    assert "is newer than remote version" in newer.err
    out = nsc.ok("pull -A -F").splitlines()
    assert out[:2] == [
        '[ OK ] pulled "O" from the account server:',
        '       [ OK ] stored operator "O"',
    ]
    assert out[-1] == "all jobs succeeded"
    assert nsc.ok("describe account ACCTB --raw") == old


def test_what_the_account_server_does_not_have_or_cannot_have_is_refused(nsc, web):
    before = nsc.tree()
    missing = nsc("pull -a ACCTB")
    assert missing.code == 1
    assert "404 Not Found" in missing.err
    page = f"/jwt/v1/accounts/{nsc.key('ACCTB')}"
    for body in (b"", b"no token", nsc.ok("describe account ACCTC --raw").encode()):
        web.pages[page] = body
        wrong = nsc("pull -a ACCTB")
        assert wrong.code == 1
        assert "is no token of that account" in wrong.err
    stranger = Nsc(nsc.folder / "stranger", seed="stranger")
    guide(stranger)
    seed = nsc.keys / "keys" / "A" / nsc.key("ACCTB")[1:3] / f"{nsc.key('ACCTB')}.nk"
    stranger.ok(f"add account X -k {seed.read_text()}")
    web.pages[page] = stranger.ok("describe account X --raw").encode()
    foreign = nsc("pull -a ACCTB -F")
    assert foreign.code == 1
    assert "is not signed by operator O" in foreign.err
    assert {path: entry for path, entry in nsc.tree().items() if path in before} == before


def test_another_operators_token_is_not_taken(nsc, web):
    stranger = Nsc(nsc.folder / "stranger", seed="stranger")
    guide(stranger)
    nsc.ok("push -A")
    web.pages["/jwt/v1/operator"] = stranger.ok("describe operator --raw").encode()
    done = nsc("pull -A")
    assert done.code == 1
    assert "that of another operator" in done.err


def test_nobody_there_is_one_line(nsc):
    nsc.ok("edit operator --account-jwt-server-url http://127.0.0.1:1")
    pushed = nsc("push -a ACCTB")
    assert pushed.code == 1
    assert "connection refused" in pushed.err
    pulled = nsc("pull -a ACCTB")
    assert pulled.code == 1
    assert "connection refused" in pulled.err
