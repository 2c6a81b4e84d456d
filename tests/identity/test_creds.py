import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.identity.creds import (
    REDACTED,
    CredsError,
    decorate_seed,
    decorate_token,
    find_key,
    find_token,
    make_creds,
    parse_creds,
    redact,
)
from isthmus.identity.nkeys import Kind, NkeyError
from support import vectors
from support.tokens import key

TEXT = f"""\
-----BEGIN NATS USER JWT-----
{vectors.V5_USER}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
{vectors.USER_B.seed}
------END USER NKEY SEED------

*************************************************************
"""


def test_credentials_have_their_layout():
    assert make_creds(vectors.V5_USER, vectors.USER_B.seed) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        "\n \n" + TEXT,
        TEXT[: TEXT.index("\n\n****************************")] + "\n",
        f"{vectors.V5_USER}\n{vectors.USER_B.seed}\n",
    ],
    ids=["plain", "crlf", "blank lines first", "no foot", "bare"],
)
def test_the_key_is_found(text):
    assert find_key(text).public_key == vectors.USER_B.public


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n"), "\n" + TEXT])
def test_token_and_key_are_found(text):
    creds = parse_creds(text)
    assert creds.token == vectors.V5_USER
    assert creds.key.public_key == vectors.USER_B.public


def test_a_bearer_has_no_key():
    creds = parse_creds(decorate_token(vectors.V5_USER))
    assert (creds.token, creds.key) == (vectors.V5_USER, None)


def test_a_bare_token_is_found():
    assert find_token(f"  {vectors.V5_USER}\n") == vectors.V5_USER


@pytest.mark.parametrize("text", ["", "hello", "a.b", vectors.USER_B.seed])
def test_what_holds_no_token_is_refused(text):
    with pytest.raises(CredsError, match="no user token found"):
        parse_creds(text)


def test_a_damaged_seed_is_refused_without_being_shown():
    broken = vectors.USER_B.seed[:20] + "A" + vectors.USER_B.seed[21:]
    with pytest.raises(CredsError) as caught:
        parse_creds(TEXT.replace(vectors.USER_B.seed, broken))
    assert str(caught.value) == "nkeys: invalid checksum"


def test_a_curve_seed_is_no_seed_to_sign_with():
    text = TEXT.replace(vectors.USER_B.seed, vectors.CURVE.seed)
    with pytest.raises(CredsError, match="doesn't contain a seed nkey"):
        parse_creds(text)


def test_without_a_seed_there_is_no_key():
    with pytest.raises(CredsError, match="nkeys: no nkey seed found"):
        find_key("hello")


@pytest.mark.parametrize(
    ("token", "seed", "text"),
    [
        (vectors.V2_ACCTC, vectors.USER_B.seed, '"account" cannot be serialized as a user config'),
        (vectors.V5_USER, vectors.ACCTC.seed, "nkey seed is not an user seed"),
        (vectors.V5_USER, vectors.USER_B.seed[:-1], "nkey seed is not an user seed"),
    ],
)
def test_what_does_not_belong_together_is_refused(token, seed, text):
    with pytest.raises(CredsError) as caught:
        make_creds(token, seed)
    assert str(caught.value) == text


def test_a_seed_of_another_user_is_refused():
    other = key(Kind.USER, "other").seed
    with pytest.raises(CredsError, match="nkey seed does not match the jwt subject"):
        make_creds(vectors.V5_USER, other)


@pytest.mark.parametrize(
    ("vector", "name"),
    [(vectors.OPERATOR, "OPERATOR"), (vectors.ACCTC, "ACCOUNT"), (vectors.USER_B, "USER")],
)
def test_seeds_are_decorated_by_kind(vector, name):
    text = decorate_seed(vector.seed)
    assert (
        f"-----BEGIN {name} NKEY SEED-----\n{vector.seed}\n------END {name} NKEY SEED------\n"
        in text
    )
    assert find_key(f"{decorate_token(vectors.V5_USER)}{text}").public_key == vector.public


def test_other_seeds_are_not_decorated():
    with pytest.raises(CredsError, match="seed is not an operator, account or user seed"):
        decorate_seed(vectors.CURVE.seed)


def test_tokens_are_decorated_by_kind():
    assert decorate_token(vectors.V3_ACTIVATION) == (
        f"-----BEGIN NATS ACTIVATION JWT-----\n{vectors.V3_ACTIVATION}\n"
        "------END NATS ACTIVATION JWT------\n\n"
    )


def test_no_seed_is_left_after_redacting():
    assert redact(TEXT) == TEXT.replace(vectors.USER_B.seed, REDACTED)
    assert redact("nothing here") == "nothing here"


def test_the_seed_shows_in_no_repr():
    assert vectors.USER_B.seed not in repr(parse_creds(TEXT))


@given(st.text() | st.text().map(lambda text: TEXT.replace("USER", text, 3)))
def test_any_text_is_credentials_or_the_one_error(text):
    for read in (parse_creds, find_key):
        try:
            read(text)
        except (CredsError, NkeyError) as error:
            assert "\n" not in str(error)
            assert vectors.USER_B.seed not in str(error)
