import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.identity.nkeys import NkeyError
from isthmus.identity.xkeys import CurveKeyPair
from support import vectors
from support.entropy import FixedEntropy, SeededEntropy

RECIPIENT = "XCZAGZ4B6S7RZKPTZGGXLHH3QH5FUIYLVHMTQURMBV7VCRDVLYPHHH4H"
RECIPIENT_SEED = "SXAAIIQCIKSUCDHTLFJAK76SZH7DPC6UD33WL6XXKIL4FKYAV35ZLDYM4I"
SEALED = bytes.fromhex(
    "786b7631000102030405060708090a0b0c0d0e0f1011121314151617"
    "baaf01a58358f3ea0ee81ae148f556af6771975c6f"
)


def test_known_seeds_have_their_public_keys():
    assert CurveKeyPair.from_seed(vectors.CURVE.seed).public_key == vectors.CURVE.public
    assert CurveKeyPair.from_seed(RECIPIENT_SEED).public_key == RECIPIENT


def test_known_message_seals_to_known_bytes_and_opens():
    sender = CurveKeyPair.from_seed(vectors.CURVE.seed)
    assert sender.seal(b"hello", RECIPIENT, FixedEntropy(bytes(range(24)))) == SEALED
    assert CurveKeyPair.from_seed(RECIPIENT_SEED).open(SEALED, vectors.CURVE.public) == b"hello"


def test_what_one_seals_only_the_other_opens():
    entropy = SeededEntropy()
    one, other, third = (CurveKeyPair.make(entropy) for _ in range(3))
    sealed = one.seal(b"message", other.public_key, entropy)
    assert other.open(sealed, one.public_key) == b"message"
    with pytest.raises(NkeyError, match="nkeys: could not decrypt input"):
        third.open(sealed, one.public_key)
    with pytest.raises(NkeyError, match="nkeys: could not decrypt input"):
        other.open(sealed, third.public_key)


@pytest.mark.parametrize(
    ("sealed", "text"),
    [
        (b"", "encrypted input is not valid"),
        (SEALED[:28], "encrypted input is not valid"),
        (b"xkv2" + SEALED[4:], "encrypted input wrong version"),
        (SEALED[:-1], "could not decrypt input"),
        (SEALED[:-1] + bytes((SEALED[-1] ^ 1,)), "could not decrypt input"),
        (SEALED[:40], "could not decrypt input"),
    ],
)
def test_damaged_input_is_refused(sealed, text):
    with pytest.raises(NkeyError, match=f"^nkeys: {text}$"):
        CurveKeyPair.from_seed(RECIPIENT_SEED).open(sealed, vectors.CURVE.public)


def test_only_curve_keys_seal_and_open():
    pair = CurveKeyPair.from_seed(vectors.CURVE.seed)
    with pytest.raises(NkeyError, match="not a valid recipient public curve key"):
        pair.seal(b"", vectors.ACCTC.public, SeededEntropy())
    with pytest.raises(NkeyError, match="not a valid sender public curve key"):
        pair.open(SEALED, vectors.ACCTC.public)
    with pytest.raises(NkeyError, match="not a valid curve seed"):
        CurveKeyPair.from_seed(vectors.ACCTC.seed)


def test_the_seed_shows_in_no_repr_and_no_pickle():
    pair = CurveKeyPair.from_seed(vectors.CURVE.seed)
    assert repr(pair) == f"CurveKeyPair({vectors.CURVE.public})"
    assert pair.seed == vectors.CURVE.seed
    with pytest.raises(TypeError):
        pickle.dumps(pair)


@given(st.binary(max_size=100))
def test_any_bytes_are_refused_by_the_one_error(sealed):
    with pytest.raises(NkeyError):
        CurveKeyPair.from_seed(RECIPIENT_SEED).open(sealed, vectors.CURVE.public)


def test_a_seed_has_32_bytes():
    with pytest.raises(NkeyError, match="nkeys: invalid seed length"):
        CurveKeyPair(bytes(31))
