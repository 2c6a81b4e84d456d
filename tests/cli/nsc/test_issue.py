"""A change may not bring an error into a token, and an old error is not in its way."""

import pytest
from msgspec.structs import replace

from isthmus.identity import jwt
from isthmus.identity.claims import Export
from isthmus.identity.nkeys import KeyPair
from support.nsc import Nsc, guide


@pytest.fixture
def nsc(tmp_path) -> Nsc:
    """ACCTC has an export that this tool would not have taken."""
    made = Nsc(tmp_path)
    guide(made)
    path = made.stores / "O" / "accounts" / "ACCTC" / "ACCTC.jwt"
    claims = jwt.decode_account(path.read_text())
    bad = Export(name="bad", subject="bad", type="service", threshold_ns=-5)
    claims = replace(claims, nats=replace(claims.nats, exports=(bad,)))
    key = claims.issuer
    seed = (made.keys / "keys" / "O" / key[1:3] / f"{key}.nk").read_text()
    token = jwt.encode(claims, KeyPair.from_seed(seed), 10**18)
    path.write_text(token)
    return made


def test_an_old_error_is_found_and_not_in_the_way(nsc):
    assert nsc("validate -a ACCTC").code == 1
    nsc.ok("edit account ACCTC --conns 5")
    nsc.ok("add export -a ACCTC --subject good")
    assert "negative response threshold" in nsc("validate -a ACCTC").err


def test_a_second_error_is_refused(nsc):
    done = nsc("add export -a ACCTC --subject a..b")
    assert (done.code, done.err) == (1, 'Error: subject "a..b" cannot contain consecutive `.`\n')


def test_the_error_can_be_taken_out(nsc):
    nsc.ok("delete export -a ACCTC --subject bad")
    assert nsc("validate -a ACCTC").code == 0


def test_a_push_sends_no_errors(nsc):
    done = nsc("push -a ACCTC -u nats://127.0.0.1:1")
    assert done.code == 1
    assert 'unable to push account "ACCTC" as it has validation issues' in done.err
