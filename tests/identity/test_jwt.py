import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    Account,
    AccountClaims,
    Activation,
    Export,
    GenericClaims,
    Import,
    Operator,
    OperatorClaims,
    UserScope,
    make_account,
    make_activation,
    make_user,
)
from isthmus.identity.nkeys import KeyPair, Kind
from isthmus.identity.payload import TokenError, to_payload
from support import tokens, vectors
from support.tokens import NOW_NS, forge

OPERATOR = KeyPair.from_seed(vectors.OPERATOR.seed)
ACCTC = KeyPair.from_seed(vectors.ACCTC.seed)
ACCTC_SIGNING = KeyPair.from_seed(vectors.ACCTC_SIGNING.seed)
ACCTB = KeyPair.from_seed(vectors.ACCTB.seed)
USER_B = KeyPair.from_seed(vectors.USER_B.seed)
ACK = "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"


def operator_claims():
    body = Operator(
        signing_keys=(vectors.OPERATOR_SIGNING.public,),
        operator_service_urls=("nats://localhost:4222",),
        system_account=vectors.SYSTEM.public,
    )
    return OperatorClaims(subject=OPERATOR.public_key, name="VECOP", nats=body)


def acctc_claims():
    exports = tuple(
        Export(
            name=f"RESTOCKEVENTS-GRANT-{name}",
            subject=subject,
            type="service",
            token_required=True,
            response_type=response_type,
        )
        for name, subject, response_type in (("NEXT", NEXT, "Stream"), ("ACK", ACK, "Singleton"))
    )
    limits = msgspec.structs.replace(UNLIMITED_ACCOUNT, memory_bytes=-1, disk_bytes=-1)
    body = Account(exports=exports, limits=limits, signing_keys=(ACCTC_SIGNING.public_key,))
    return AccountClaims(subject=ACCTC.public_key, name="ACCTC", nats=body)


def activation_claims():
    body = Activation(subject=ACK, kind="service", issuer_account=ACCTC.public_key)
    return make_activation(ACCTB.public_key, ACK, body)


def acctb_claims():
    taken = Import(
        name="RESTOCKEVENTS-GRANT-ACK",
        subject=ACK,
        account=ACCTC.public_key,
        token=vectors.V3_ACTIVATION,
        local_subject=ACK,
        type="service",
    )
    claims = make_account(ACCTB.public_key, "ACCTB")
    body = msgspec.structs.replace(claims.nats, imports=(taken,))
    return msgspec.structs.replace(claims, nats=body)


VECTORS = {
    "V1": (operator_claims(), OPERATOR, 1_700_000_000, vectors.V1_SHA256, vectors.V1_ID),
    "V2": (acctc_claims(), OPERATOR, 1_700_000_001, vectors.V2_SHA256, vectors.V2_ID),
    "V3": (activation_claims(), ACCTC_SIGNING, 1_700_000_002, vectors.V3_SHA256, vectors.V3_ID),
    "V4": (acctb_claims(), OPERATOR, 1_700_000_003, vectors.V4_SHA256, vectors.V4_ID),
    "V5": (
        make_user(USER_B.public_key, "b"),
        ACCTB,
        1_700_000_004,
        vectors.V5_SHA256,
        vectors.V5_ID,
    ),
}
TEXTS = {
    "V1": vectors.V1_OPERATOR,
    "V2": vectors.V2_ACCTC,
    "V3": vectors.V3_ACTIVATION,
    "V5": vectors.V5_USER,
}


@pytest.mark.parametrize("name", VECTORS)
def test_known_claims_become_the_known_token(name):
    claims, signer, now_s, sha256, token_id = VECTORS[name]
    token = jwt.encode(claims, signer, now_s * NS_PER_S)
    assert TEXTS.get(name, token) == token
    assert hashlib.sha256(token.encode()).hexdigest() == sha256
    assert jwt.decode(token).id == token_id


def test_the_token_with_an_import_has_its_known_length():
    claims, signer, now_s, *_ = VECTORS["V4"]
    assert len(jwt.encode(claims, signer, now_s * NS_PER_S)) == 2052


@pytest.mark.parametrize("name", VECTORS)
def test_a_token_decodes_to_the_claims_as_signed(name):
    claims, signer, now_s, *_ = VECTORS[name]
    token = jwt.encode(claims, signer, now_s * NS_PER_S)
    assert jwt.decode(token) == jwt.sign(claims, signer, now_s * NS_PER_S)


@pytest.mark.parametrize("name", TEXTS)
def test_a_known_token_is_read_and_written_without_a_byte_changed(name):
    _, signer, now_s, *_ = VECTORS[name]
    assert jwt.encode(jwt.decode(TEXTS[name]), signer, now_s * NS_PER_S) == TEXTS[name]


def test_the_id_is_a_hash_over_the_standard_claims_alone():
    claims = activation_claims()
    other = msgspec.structs.replace(claims, nats=Activation(subject="other", kind="stream"))
    ids = {jwt.sign(each, ACCTC_SIGNING, 1_700_000_002 * NS_PER_S).id for each in (claims, other)}
    assert ids == {vectors.V3_ID}


def test_exports_imports_and_signing_keys_are_written_sorted():
    keys = sorted(tokens.key(Kind.ACCOUNT, name).public_key for name in "abc")
    body = Account(
        exports=(Export(subject="b"), Export(subject="a")),
        imports=(Import(subject="d"), Import(subject="c")),
        signing_keys=(keys[2], UserScope(key=keys[0]), keys[1]),
    )
    claims = AccountClaims(subject=ACCTC.public_key, nats=body)
    decoded = jwt.decode_account(jwt.encode(claims, OPERATOR, NOW_NS)).nats
    assert [item.subject for item in decoded.exports] == ["a", "b"]
    assert [item.subject for item in decoded.imports] == ["c", "d"]
    assert list(decoded.scopes) == keys


# -- who may sign, and whom about ------------------------------------------------------------------


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("kind", [Kind.OPERATOR, Kind.ACCOUNT, Kind.USER, Kind.SERVER])
def test_only_the_kinds_that_may_sign_do(name, kind):
    claims = VECTORS[name][0]
    signer = tokens.key(kind, "signer")
    allowed = {
        "V1": {Kind.OPERATOR},
        "V2": {Kind.OPERATOR, Kind.ACCOUNT},
        "V3": {Kind.OPERATOR, Kind.ACCOUNT},
        "V4": {Kind.OPERATOR, Kind.ACCOUNT},
        "V5": {Kind.ACCOUNT},
    }[name]
    if kind in allowed:
        assert jwt.decode(jwt.encode(claims, signer, NOW_NS)).issuer == signer.public_key
        return
    with pytest.raises(TokenError, match="unable to validate expected prefixes"):
        jwt.encode(claims, signer, NOW_NS)
    with pytest.raises(TokenError, match="unable to validate expected prefixes"):
        jwt.decode(forge(to_payload(tokens.as_signed(claims, signer)), signer))


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        (make_user("", "x"), "subject is not set"),
        (make_user(ACCTB.public_key, "x"), "expected subject to be user public key"),
        (make_account(USER_B.public_key, "x"), "expected subject to be account public key"),
        (OperatorClaims(subject="O"), "expected subject to be an operator public key"),
        (make_activation("A", "x", Activation()), "expected subject to be an account"),
    ],
)
def test_a_subject_of_another_kind_is_refused(claims, text):
    with pytest.raises(TokenError, match=f"^{text}$"):
        jwt.encode(claims, OPERATOR, NOW_NS)


@pytest.mark.parametrize(
    ("decode", "right", "text"),
    [
        (jwt.decode_operator, "V1", "not operator claim"),
        (jwt.decode_account, "V2", "not account claim"),
        (jwt.decode_activation, "V3", "not activation claim"),
        (jwt.decode_user, "V5", "not user claim"),
    ],
)
def test_each_kind_has_its_decoder(decode, right, text):
    assert decode(TEXTS[right]) == jwt.decode(TEXTS[right])
    for name, token in TEXTS.items():
        if name != right:
            with pytest.raises(TokenError, match=f"^{text}$"):
                decode(token)


def test_a_generic_token_carries_any_object():
    claims = GenericClaims(subject=OPERATOR.public_key, nats={"b": [1, {"x": "<"}], "accounts": []})
    token = jwt.encode(claims, OPERATOR, NOW_NS)
    decoded = jwt.decode_generic(token)
    assert decoded == jwt.decode(token)
    assert decoded.nats == {"b": [1, {"x": "<"}], "accounts": [], "version": 2}
    assert b'"nats":{"accounts":[],"b":[1,{"x":"\\u003c"}],"version":2}' in to_payload(decoded)


def test_any_token_can_be_read_as_a_generic_one():
    assert jwt.decode_generic(vectors.V5_USER).nats["type"] == "user"


# -- the envelope ----------------------------------------------------------------------------------


def test_reordered_and_upper_case_headers_are_accepted():
    payload = to_payload(jwt.decode(vectors.V5_USER))
    header = b'{"alg":"ED25519-NKEY", "typ":"jwt"}'
    assert jwt.decode(forge(payload, ACCTB, header)).subject == USER_B.public_key


def test_the_payload_not_the_header_says_how_the_signature_was_made():
    payload = to_payload(jwt.decode(vectors.V5_USER))
    header = b'{"typ":"JWT","alg":"ed25519"}'
    assert jwt.decode(forge(payload, ACCTB, header)).name == "b"
    with pytest.raises(TokenError, match="claim failed V2 signature verification"):
        jwt.decode(forge(payload, ACCTB, header, old=True))


def test_the_generic_decoder_goes_by_the_header():
    payload = to_payload(jwt.decode(vectors.V5_USER))
    header = b'{"typ":"JWT","alg":"ed25519"}'
    assert jwt.decode_generic(forge(payload, ACCTB, header, old=True)).name == "b"
    with pytest.raises(TokenError, match="claim failed V1 signature verification"):
        jwt.decode_generic(forge(payload, ACCTB, header))


def test_indented_payloads_are_accepted():
    payload = msgspec.json.format(to_payload(jwt.decode(vectors.V5_USER)), indent=2)
    assert jwt.decode(forge(payload, ACCTB)) == jwt.decode(vectors.V5_USER)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (b'{"typ":"JWS","alg":"ed25519-nkey"}', 'not supported type "JWS"'),
        (b'{"typ":"JWT","alg":"none"}', 'unexpected "none" algorithm'),
        (b'{"typ":"JWT"}', 'unexpected "" algorithm'),
        (b"[]", "token header is not what it should be"),
        (b"{", "token header is not what it should be"),
        (b'{"typ":"\xff"}', "token header is not what it should be"),
    ],
)
def test_other_headers_are_refused(header, text):
    payload = to_payload(jwt.decode(vectors.V5_USER))
    with pytest.raises(TokenError, match=text):
        jwt.decode(forge(payload, ACCTB, header))


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c.d", vectors.V5_USER + "."])
def test_a_token_has_three_parts(token):
    with pytest.raises(TokenError, match=r"^expected 3 chunks$"):
        jwt.decode(token)


def test_a_token_has_a_largest_size():
    with pytest.raises(
        TokenError, match=r"^token size 1048577 exceeds maximum of 1048576 bytes: token too large$"
    ):
        jwt.decode("a" * 1_048_577)


@pytest.mark.parametrize("position", [60, 300, len(vectors.V5_USER) - 40])
def test_a_changed_character_anywhere_is_refused(position):
    token = vectors.V5_USER
    changed = "A" if token[position] != "A" else "B"
    with pytest.raises(TokenError):
        jwt.decode(token[:position] + changed + token[position + 1 :])


def test_a_signature_of_somebody_else_is_refused():
    payload = to_payload(jwt.decode(vectors.V5_USER))
    with pytest.raises(TokenError, match=r"^claim failed V2 signature verification$"):
        jwt.decode(forge(payload, ACCTC))


@pytest.mark.parametrize("text", ["=", "a+b", "a/b", "é", "a", "\n"])
def test_parts_are_base64url_without_padding(text):
    head, body, signature = vectors.V5_USER.split(".")
    with pytest.raises(TokenError, match="illegal base64 data at input byte"):
        jwt.decode(f"{head}.{body}.{text}")
    with pytest.raises(TokenError, match="illegal base64 data at input byte"):
        jwt.decode(f"{head}.{text}.{signature}")


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,90}"))
def test_any_text_is_refused_by_the_one_error(text):
    for decode in (jwt.decode, jwt.decode_generic):
        with pytest.raises(TokenError) as caught:
            decode(text)
        assert "\n" not in str(caught.value)
