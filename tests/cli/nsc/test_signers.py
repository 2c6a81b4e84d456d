"""Which key signs what."""

import json

import pytest

from isthmus.identity.nkeys import KeyPair, Kind
from support.nsc import Nsc


@pytest.fixture
def nsc(tmp_path) -> Nsc:
    made = Nsc(tmp_path)
    made.ok("add operator O")
    made.ok("add account A")
    return made


def field(nsc: Nsc, line: str, path: str):
    return json.loads(nsc.ok(f"describe {line} --field {path}"))


def forget(nsc: Nsc, key: str) -> str:
    path = nsc.keys / "keys" / key[0] / key[1:3] / f"{key}.nk"
    seed = path.read_text()
    path.unlink()
    return seed


def test_the_operators_own_key_comes_first(nsc):
    nsc.ok("edit operator --sk generate")
    nsc.ok("add account B")
    assert field(nsc, "account B", "iss") == field(nsc, "operator", "sub")


def test_a_signing_key_signs_where_the_first_is_not_here(nsc):
    nsc.ok("edit operator --sk generate")
    forget(nsc, field(nsc, "operator", "sub"))
    nsc.ok("add account B")
    assert field(nsc, "account B", "iss") == field(nsc, "operator", "nats.signing_keys[0]")


def test_an_edit_keeps_the_issuer(nsc):
    nsc.ok("edit operator --sk generate")
    key = field(nsc, "operator", "nats.signing_keys[0]")
    nsc.ok(f"edit account A --conns 5 -K {key}")
    nsc.ok("edit account A --conns 6")
    assert field(nsc, "account A", "iss") == key


def test_without_any_key_nothing_is_signed(nsc):
    key = field(nsc, "operator", "sub")
    forget(nsc, key)
    done = nsc("add account B")
    assert done.code == 1
    assert done.err.startswith(
        f"Error: unable to resolve any of the following signing keys in the keystore: {key}\n"
    )


def test_a_key_may_be_given_as_seed_or_file(nsc):
    seed = forget(nsc, field(nsc, "operator", "sub"))
    nsc.ok(f"add account B -K {seed}")
    (nsc.work / "o.nk").write_text(seed + "\n")
    nsc.ok("add account C -K o.nk")


def test_a_key_of_another_kind_or_owner_is_refused(nsc):
    other = KeyPair.make(Kind.OPERATOR, nsc.entropy)
    assert "invalid account signer" in nsc(f"add account B -K {other.seed}").err
    account = KeyPair.make(Kind.ACCOUNT, nsc.entropy)
    assert "is for account, not for operator" in nsc(f"add account B -K {account.seed}").err
    assert "invalid user signer" in nsc(f"add user u -K {account.seed}").err


def test_an_operator_may_be_made_with_a_key_that_stays_elsewhere(tmp_path):
    nsc = Nsc(tmp_path)
    pair = KeyPair.make(Kind.OPERATOR, nsc.entropy)
    out = nsc.ok(f"add operator O -K {pair.seed}")
    assert "generated and stored" not in out
    assert field(nsc, "operator", "sub") == pair.public_key
    assert not (nsc.keys / "keys").exists()


def test_users_of_a_signing_key_name_their_account(nsc):
    nsc.ok("edit account A --sk generate")
    key = field(nsc, "account A", "nats.signing_keys[0]")
    nsc.ok(f"add user u -K {key}")
    assert field(nsc, "user u", "iss") == key
    assert field(nsc, "user u", "nats.issuer_account") == nsc.key("A")


def test_a_strict_operator_takes_no_identity_keys(nsc):
    nsc.ok("edit operator --sk generate")
    key = field(nsc, "operator", "nats.signing_keys[0]")
    done = nsc("edit operator --require-signing-keys")
    assert 'account "A" needs to be issued with a signing key first' in done.err
    nsc.ok(f"edit account A --tag x -K {key}")
    nsc.ok("edit operator --require-signing-keys")
    assert "account has none" in nsc("add user u").err
    nsc.ok("edit account A --sk generate")
    nsc.ok("add user u")
    assert field(nsc, "user u", "iss") == field(nsc, "account A", "nats.signing_keys[0]")
    nsc.ok("add account B")
    assert field(nsc, "account B", "iss") == key
    assert nsc("validate -A").code == 0


def managed(nsc: Nsc) -> None:
    path = nsc.stores / "O" / ".nsc"
    path.write_text(path.read_text().replace("false", "true"))


def test_below_a_managed_operator_accounts_sign_themselves(nsc):
    managed(nsc)
    forget(nsc, field(nsc, "operator", "sub"))
    assert "[WARN] unable to push" in nsc.ok("edit account A --conns 5")
    assert field(nsc, "account A", "iss") == field(nsc, "account A", "sub")
    nsc.ok("edit account A --sk generate")
    key = field(nsc, "account A", "nats.signing_keys[0]")
    assert "invalid account signer" in nsc(f"edit account A --conns 6 -K {key}").err
    forget(nsc, field(nsc, "account A", "sub"))
    assert "unable to resolve any" in nsc("edit account A --conns 6").err


def test_who_has_the_operators_key_signs_below_a_managed_operator_too(nsc):
    managed(nsc)
    nsc.ok("edit account A --conns 5")
    assert field(nsc, "account A", "iss") == field(nsc, "operator", "sub")
    seed = forget(nsc, field(nsc, "operator", "sub"))
    nsc.ok(f"edit account A --conns 6 -K {seed}")
    assert field(nsc, "account A", "iss") == field(nsc, "operator", "sub")


def test_a_public_key_alone_gets_no_creds(nsc):
    key = KeyPair.make(Kind.USER, nsc.entropy)
    out = nsc.ok(f"add user u -k {key.public_key}")
    assert "skipped generating creds file - user private key is not available" in out
    assert not (nsc.keys / "creds").exists()
    account = KeyPair.make(Kind.ACCOUNT, nsc.entropy)
    nsc.ok(f"add account B -k {account.public_key}")
    assert nsc.key("B") == account.public_key
    nsc.ok(f"add account C -k {KeyPair.make(Kind.ACCOUNT, nsc.entropy).seed}")
    assert "invalid user key" in nsc(f"add user v -k {account.public_key}").err
    assert "not a valid account nkey" in nsc(f"add account D -k {key.public_key}").err
