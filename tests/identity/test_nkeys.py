import base64
import pickle

import nkeys as stock
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.identity import nkeys
from isthmus.identity.nkeys import KeyPair, Kind, NkeyError
from support import vectors
from support.entropy import SeededEntropy

SIGNING_KINDS = [kind for kind in Kind if kind is not Kind.CURVE]
NONCE = b"uPVZETgyG4ogF1Q"
NONCE_SIGNATURE = (
    "0M5Sn_hslT8eSbtxeLFVk6CCUm2WvVLauRPbgxrWbgtObAbjF1oCB8DM0cCo2L1J4SWxvdYyX5oLMsqYmwP-Cg"
)


@pytest.mark.parametrize("key", vectors.KEYS, ids=lambda key: key.name)
def test_known_seed_decodes_to_its_raw_bytes_and_back(key):
    kind, raw = nkeys.decode_seed(key.seed)
    assert raw.hex() == key.raw_hex
    assert nkeys.encode_seed(kind, raw) == key.seed
    assert kind.letter == key.public[0]


@pytest.mark.parametrize("key", vectors.KEYS[:-1], ids=lambda key: key.name)
def test_known_seed_has_its_public_key(key):
    assert KeyPair.from_seed(key.seed).public_key == key.public


@pytest.mark.parametrize("key", vectors.KEYS, ids=lambda key: key.name)
def test_known_public_key_decodes_and_encodes(key):
    kind = nkeys.kind_of(key.public)
    assert nkeys.encode_public(kind, nkeys.decode_public(key.public, kind)) == key.public


def test_known_signature_over_a_nonce():
    signature = KeyPair.from_seed(vectors.USER_B.seed).sign(NONCE)
    assert base64.urlsafe_b64encode(signature).decode().rstrip("=") == NONCE_SIGNATURE


@given(st.sampled_from(SIGNING_KINDS), st.binary(min_size=32, max_size=32), st.binary(max_size=99))
def test_the_stock_package_agrees_in_both_directions(kind, raw, data):
    ours = KeyPair(kind, raw)
    theirs = stock.from_seed(ours.seed.encode())
    assert theirs.public_key.decode() == ours.public_key
    assert theirs.sign(data) == ours.sign(data)
    nkeys.verify(ours.public_key, data, theirs.sign(data))


@pytest.mark.parametrize("kind", SIGNING_KINDS)
def test_a_made_key_signs_what_its_public_key_verifies(kind):
    pair = KeyPair.make(kind, SeededEntropy())
    nkeys.verify(pair.public_key, b"data", pair.sign(b"data"))
    assert nkeys.is_public(pair.public_key, kind)
    assert nkeys.is_seed(pair.seed, kind)
    assert KeyPair.from_seed(pair.seed) == pair


@pytest.mark.parametrize(
    ("data", "change"), [(b"other", 0), (b"data", 1)], ids=["other data", "other signature"]
)
def test_a_signature_that_does_not_fit_is_refused(data, change):
    pair = KeyPair.make(Kind.USER, SeededEntropy())
    signature = pair.sign(b"data")
    signature = bytes((signature[0] ^ change,)) + signature[1:]
    with pytest.raises(NkeyError, match="signature verification failed"):
        nkeys.verify(pair.public_key, data, signature)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length):
    pair = KeyPair.make(Kind.USER, SeededEntropy())
    with pytest.raises(NkeyError, match="signature verification failed"):
        nkeys.verify(pair.public_key, b"data", bytes(length))


def test_a_changed_character_is_a_wrong_checksum():
    key = vectors.ACCTC.public
    other = "B" if key[10] == "A" else "A"
    with pytest.raises(NkeyError, match="nkeys: invalid checksum"):
        nkeys.decode_public(key[:10] + other + key[11:])


@pytest.mark.parametrize(
    "text",
    ["", "A", "AAAA", "a" * 56, vectors.ACCTC.public.lower(), vectors.ACCTC.public + "=", "ÄÖ"],
)
def test_what_is_no_key_is_refused(text):
    assert nkeys.kind_of(text) is None
    assert not nkeys.is_public(text)
    assert not nkeys.is_seed(text)
    with pytest.raises(NkeyError):
        nkeys.decode_public(text)
    with pytest.raises(NkeyError):
        nkeys.decode_seed(text)


def test_kinds_are_told_apart():
    assert not nkeys.is_public(vectors.ACCTC.public, Kind.USER, Kind.OPERATOR)
    assert not nkeys.is_public(vectors.ACCTC.seed)
    assert not nkeys.is_seed(vectors.ACCTC.public)
    assert not nkeys.is_seed(vectors.ACCTC.seed, Kind.USER)
    with pytest.raises(NkeyError, match="nkeys: invalid prefix byte"):
        nkeys.decode_public(vectors.ACCTC.public, Kind.USER)


def test_a_curve_key_neither_signs_nor_verifies():
    with pytest.raises(NkeyError, match="curve key is not valid"):
        KeyPair.from_seed(vectors.CURVE.seed)
    with pytest.raises(NkeyError, match="curve key is not valid"):
        nkeys.verify(vectors.CURVE.public, b"data", bytes(64))


def test_the_seed_shows_in_no_repr_and_no_error_and_no_pickle():
    pair = KeyPair.from_seed(vectors.USER_B.seed)
    assert repr(pair) == f"KeyPair({vectors.USER_B.public})"
    broken = vectors.USER_B.seed[:20] + "A" + vectors.USER_B.seed[21:]
    assert broken != vectors.USER_B.seed
    with pytest.raises(NkeyError) as caught:
        KeyPair.from_seed(broken)
    assert broken[:6] not in str(caught.value)
    with pytest.raises(TypeError):
        pickle.dumps(pair)


def test_a_seed_has_32_bytes():
    with pytest.raises(NkeyError, match="nkeys: invalid seed length"):
        nkeys.encode_seed(Kind.USER, bytes(31))
    with pytest.raises(NkeyError, match="nkeys: invalid seed length"):
        KeyPair(Kind.USER, bytes(33))
    with pytest.raises(NkeyError, match="nkeys: invalid seed length"):
        nkeys.decode_seed(nkeys._encode(b"\x95\x00" + bytes(31)))


@given(st.text())
def test_any_text_is_a_key_or_the_one_error(text):
    for function in (nkeys.decode_public, nkeys.decode_seed):
        with pytest.raises(NkeyError) as caught:
            function(text)
        assert "\n" not in str(caught.value)


@given(st.binary(max_size=70))
def test_any_base32_with_a_right_checksum_is_a_key_or_the_one_error(body):
    text = nkeys._encode(body)
    for decode, valid in (
        (nkeys.decode_public, nkeys.is_public),
        (nkeys.decode_seed, nkeys.is_seed),
    ):
        try:
            decode(text)
        except NkeyError as error:
            assert "\n" not in str(error)
        else:
            assert valid(text)


def test_pairs_are_equal_if_their_public_keys_are():
    one, other = (KeyPair.make(Kind.USER, SeededEntropy(seed)) for seed in "ab")
    assert len({one, KeyPair.from_seed(one.seed), other}) == 2
    assert one != one.public_key


def test_kinds_have_a_letter_and_a_title():
    assert {kind.letter: kind.title for kind in Kind} == {
        "O": "operator",
        "A": "account",
        "U": "user",
        "N": "server",
        "C": "cluster",
        "X": "x25519",
    }
