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
    said = [
        "       [ OK ] pushed account jwt to the account server",
        "       > as the server says",
    ]
    assert nsc.ok("push -A").splitlines() == [
        '[ OK ] pushed "ACCTB" to account server:',
        *said,
        '[ OK ] pushed "ACCTC" to account server:',
        *said,
        '[ OK ] pushed "SYS" to account server:',
        *said,
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
    assert nsc.ok("pull -a ACCTB") == '[ OK ] pulled "ACCTB" from the account server\n'
    nsc.ok("edit account ACCTB --conns 5")
    newer = nsc("pull -a ACCTB")
    assert newer.code == 1
    assert "is newer than remote version" in newer.err
    assert nsc.ok("pull -A -F").splitlines() == [
        '[ OK ] pulled "O" from the account server',
        '[ OK ] pulled "ACCTB" from the account server',
        '[ OK ] pulled "ACCTC" from the account server',
        '[ OK ] pulled "SYS" from the account server',
        "all jobs succeeded",
    ]
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


@pytest.fixture
def tenant(nsc, web) -> Nsc:
    """Somebody with an account below the operator, and none of its keys."""
    web.pages["/jwt/v1/operator"] = nsc.ok("describe operator --raw").encode()
    made = Nsc(nsc.folder / "tenant", seed="tenant")
    assert made.ok(f"init --name T --url {web.url}/jwt/v1/operator").splitlines()[:6] == [
        "[ OK ] add managed operator O",
        "[ OK ] push jwt to account server:",
        "       [ OK ] pushed account jwt to the account server",
        "       > as the server says",
        "[ OK ] pull jwt from account server",
        "[ OK ] created account T",
    ]
    return made


def test_an_account_below_others_operator_is_exchanged_at_each_change(nsc, web, tenant):
    assert tenant.ok("describe account T --field iss").strip('"\n') == tenant.key("T")
    tenant.ok("edit account T --sk generate")
    signed_by_itself = web.posted[-1]
    assert signed_by_itself[0] == f"/jwt/v1/accounts/{tenant.key('T')}"
    (nsc.work / "T.jwt").write_bytes(signed_by_itself[2])
    nsc.ok("import account --file T.jwt")
    signed = nsc.ok("describe account T --raw").strip()
    web.pages[signed_by_itself[0]] = signed.encode()
    tenant.ok("pull --account T")
    assert tenant.ok("describe account T --raw").strip() == signed
    assert tenant.ok("describe account T --field iss").strip('"\n') != tenant.key("T")


def test_an_account_the_server_refuses_stays_as_it_was(web, tenant):
    before = tenant.tree()
    web.status = 403
    done = tenant("edit account T --conns 5")
    assert done.code == 1
    assert done.err.startswith(
        "Error: failed to push account to remote server: 403 Forbidden - as the server says"
    )
    assert tenant.tree() == before


def test_an_account_that_is_only_accepted_stays_signed_by_itself(web, tenant):
    web.status = 202
    out = tenant.ok("edit account T --conns 5")
    assert "[WARN] pushed account jwt was accepted by the account server" in out
    assert tenant.ok("describe account T --field nats.limits.conn") == "5\n"


def test_an_activation_is_handed_in(nsc, web):
    nsc.ok("add export -a ACCTC --subject pri.x --service --private")
    out = nsc.ok("generate activation -a ACCTC -t ACCTB -o x.tok --push").splitlines()
    (path, _, token) = web.posted[-1]
    assert path == "/jwt/v1/activations"
    assert token.decode() in (nsc.work / "x.tok").read_text()
    name = nsc.ok("describe jwt -f x.tok").split("Hash ID")[1].split("|")[1].strip()
    place = f"{web.url}/jwt/v1/activations/{name}"
    assert out[-2:] == [f'[ OK ] activation accessible at "{place}"', "all jobs succeeded"]
    before = nsc.tree()
    nsc.ok("edit operator --account-jwt-server-url nats://127.0.0.1:1")
    refused = nsc("generate activation -a ACCTC -t ACCTB -o y.tok --push")
    assert refused.code == 1
    assert "only supported for http" in refused.err
    assert set(nsc.tree()) == set(before), "no y.tok"


def test_an_account_is_loaded_with_its_seed(nsc, web):
    nsc.ok("push -A")
    web.pages["/jwt/v1/operator"] = nsc.ok("describe operator --raw").encode()
    key = nsc.key("ACCTB")
    seed = (nsc.keys / "keys" / "A" / key[1:3] / f"{key}.nk").read_text()
    url = f"{web.url}/jwt/v1/operator"
    other = Nsc(nsc.folder / "other", seed="other", environ={"NSC_OURS_OPERATOR": url})
    assert other.ok(f"load --profile 'nsc://ours?secret={seed}&user=me'").splitlines() == [
        '[ OK ] loaded operator "O"',
        '[ OK ] loaded account "ACCTB"',
        '[ OK ] created user "me"',
        "[ OK ] user creds file stored in `~/.local/share/nats/nsc/keys/creds/O/ACCTB/me.creds`",
        "all jobs succeeded",
    ]
    assert other.key("ACCTB") == key
    again = other.ok(f"load --url {url} --seed {seed} --user me")
    assert 'user "me" is there already' in again
    for line in ("load", f"load --url {url}", "load --profile http://x", f"load --seed {seed}"):
        assert other(line).code in {1, 2}
    unknown = other(f"load --profile nsc://nobody?secret={seed}")
    assert unknown.code == 1
    assert 'operator "nobody" not found' in unknown.err
    assert seed not in unknown.err
    stranger = other(f"load --url {url} --seed {nsc.ok('generate nkey -a').split()[0]}")
    assert stranger.code == 1
    assert "404 Not Found" in stranger.err
