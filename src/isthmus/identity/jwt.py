"""Tokens: `header.payload.signature`, signed with an nkey.

Owns the envelope: encode, decode, check the signature and who may sign which kind. No policy: that
a token decodes says nothing about whether anybody trusts its issuer (`trust`) or whether what it
says makes sense (`validate`).

    eyJ0eXAi….eyJqdGki….nXrwLBXz…      three parts, base64url without padding
    version 2   signature over "header.payload"
    version 1   signature over "payload"; read, never written

Which of the two counts is chosen by the payload, not by the header.
"""

import base64
import binascii
from typing import Any

import msgspec

from isthmus.base.values import NS_PER_S, Value
from isthmus.identity import nkeys
from isthmus.identity.claims import (
    VERSION,
    AccountClaims,
    ActivationClaims,
    AnyClaims,
    Claims,
    GenericClaims,
    OperatorClaims,
    UserClaims,
    UserScope,
)
from isthmus.identity.nkeys import KeyPair, Kind, NkeyError
from isthmus.identity.payload import (
    TokenError,
    make_id,
    parse_generic,
    parse_payload,
    parse_standard,
    to_payload,
)

TOKEN_BYTES_MAX = 1024 * 1024
HEADER = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ"  # {"typ":"JWT","alg":"ed25519-nkey"}
_OLD_ALGORITHM = "ed25519"
_ALGORITHMS = {"ed25519-nkey", _OLD_ALGORITHM}
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")

_KIND_NAMES = {
    OperatorClaims: "operator",
    AccountClaims: "account",
    UserClaims: "user",
    ActivationClaims: "activation",
    GenericClaims: "generic",
}
_SIGNERS: dict[type, tuple[Kind, ...]] = {
    OperatorClaims: (Kind.OPERATOR,),
    AccountClaims: (Kind.ACCOUNT, Kind.OPERATOR),
    UserClaims: (Kind.ACCOUNT,),
    ActivationClaims: (Kind.ACCOUNT, Kind.OPERATOR),
    GenericClaims: tuple(Kind),
}
_SUBJECTS: dict[type, tuple[Kind, str]] = {
    OperatorClaims: (Kind.OPERATOR, "expected subject to be an operator public key"),
    AccountClaims: (Kind.ACCOUNT, "expected subject to be account public key"),
    UserClaims: (Kind.USER, "expected subject to be user public key"),
    ActivationClaims: (Kind.ACCOUNT, "expected subject to be an account"),
}


class _Header(Value):
    typ: str = ""
    alg: str = ""


def kind_name(claims: AnyClaims) -> str:
    """`operator`, `account`, `user`, `activation` or `generic`."""
    return _KIND_NAMES[type(claims)]


# -- writing ---------------------------------------------------------------------------------------


def sign(claims: AnyClaims, signer: KeyPair, now_ns: int) -> AnyClaims:
    """`claims` as they stand in the token: with issuer, time of issue, id, type and version."""
    if not claims.subject:
        raise TokenError("subject is not set")
    if type(claims) in _SUBJECTS:
        kind, complaint = _SUBJECTS[type(claims)]
        if not nkeys.is_public(claims.subject, kind):
            raise TokenError(complaint)
    _require_signer(claims, signer.public_key)
    issued = msgspec.structs.replace(
        claims, issuer=signer.public_key, issued_s=now_ns // NS_PER_S, nats=_body(claims)
    )
    return msgspec.structs.replace(issued, id=make_id(issued))


def encode(claims: AnyClaims, signer: KeyPair, now_ns: int) -> str:
    """The token of `claims`, issued now by `signer`."""
    signed_part = f"{HEADER}.{_to_base64(to_payload(sign(claims, signer, now_ns)))}"
    return f"{signed_part}.{_to_base64(signer.sign(signed_part.encode()))}"


def _body(claims: AnyClaims) -> object:
    if isinstance(claims, GenericClaims):
        return claims.nats | {"version": VERSION}
    body = msgspec.structs.replace(claims.nats, type=kind_name(claims), version=VERSION)
    if not isinstance(claims, AccountClaims):
        return body
    return msgspec.structs.replace(
        body,
        imports=tuple(sorted(claims.nats.imports, key=lambda item: item.subject.encode())),
        exports=tuple(sorted(claims.nats.exports, key=lambda item: item.subject.encode())),
        signing_keys=tuple(sorted(claims.nats.signing_keys, key=_signing_key)),
    )


def _signing_key(key: str | UserScope) -> str:
    return key if isinstance(key, str) else key.key


# -- reading ---------------------------------------------------------------------------------------


def decode(token: str) -> AnyClaims:
    """The claims of a token that its issuer signed; raise `TokenError` for any other text."""
    header, body, signature = _split(token)
    old_algorithm = _require_header(header)
    claims, version = parse_payload(_from_base64(body))
    old = version == 1 or (version == 0 and old_algorithm)
    _require_signature(claims.issuer, header, body, signature, old=old)
    _require_signer(claims, claims.issuer)
    return claims


def decode_operator(token: str) -> OperatorClaims:
    """As `decode`; any other kind of claims is an error."""
    claims = decode(token)
    if not isinstance(claims, OperatorClaims):
        raise TokenError("not operator claim")
    return claims


def decode_account(token: str) -> AccountClaims:
    """As `decode`; any other kind of claims is an error."""
    claims = decode(token)
    if not isinstance(claims, AccountClaims):
        raise TokenError("not account claim")
    return claims


def decode_user(token: str) -> UserClaims:
    """As `decode`; any other kind of claims is an error."""
    claims = decode(token)
    if not isinstance(claims, UserClaims):
        raise TokenError("not user claim")
    return claims


def decode_activation(token: str) -> ActivationClaims:
    """As `decode`; any other kind of claims is an error."""
    claims = decode(token)
    if not isinstance(claims, ActivationClaims):
        raise TokenError("not activation claim")
    return claims


def decode_generic(token: str) -> GenericClaims:
    """A token of any kind with an untyped body; its header says how the signature was made."""
    header, body, signature = _split(token)
    old_algorithm = _require_header(header)
    claims = parse_generic(_from_base64(body))
    _require_signature(claims.issuer, header, body, signature, old=old_algorithm)
    return claims


def peek(token: str) -> Claims:
    """The standard claims of a token, unverified: for bookkeeping, never to decide on trust."""
    _, body, _ = _split(token)
    return parse_standard(_from_base64(body))


def document(token: str) -> dict[str, Any]:
    """Everything a token says, unverified and as it says it: for showing."""
    _, body, _ = _split(token)
    try:
        return msgspec.json.decode(_from_base64(body), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TokenError(f"token is not what it should be: {error}") from None


def _split(token: str) -> tuple[str, str, str]:
    if len(token) > TOKEN_BYTES_MAX:
        raise TokenError(
            f"token size {len(token)} exceeds maximum of {TOKEN_BYTES_MAX} bytes: token too large"
        )
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError("expected 3 chunks")
    return parts[0], parts[1], parts[2]


def _require_header(text: str) -> bool:
    """Refuse what is not our kind of token; true if its algorithm is the old one."""
    if text == HEADER:
        return False
    try:
        header = msgspec.json.decode(_from_base64(text), type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TokenError(f"token header is not what it should be: {error}") from None
    if header.typ.upper() != "JWT":
        raise TokenError(f'not supported type "{header.typ}"')
    algorithm = header.alg.lower()
    if algorithm not in _ALGORITHMS:
        raise TokenError(f'unexpected "{header.alg}" algorithm')
    return algorithm == _OLD_ALGORITHM


def _require_signature(issuer: str, header: str, body: str, signature: str, *, old: bool) -> None:
    data = body if old else f"{header}.{body}"
    try:
        nkeys.verify(issuer, data.encode(), _from_base64(signature))
    except NkeyError:
        version = 1 if old else VERSION
        raise TokenError(f"claim failed V{version} signature verification") from None


def _require_signer(claims: AnyClaims, issuer: str) -> None:
    allowed = _SIGNERS[type(claims)]
    if not nkeys.is_public(issuer, *allowed):
        titles = " ".join(kind.title for kind in allowed)
        raise TokenError(f"unable to validate expected prefixes - [{titles}]")


def _to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    wrong = raw.translate(None, _ALPHABET)  # a tenth of a regular expression's time
    if wrong:
        raise TokenError(f"illegal base64 data at input byte {raw.index(wrong[:1])}")
    try:
        return binascii.a2b_base64(raw.translate(_TO_STANDARD) + b"=" * (-len(raw) % 4))
    except binascii.Error:
        raise TokenError(f"illegal base64 data at input byte {len(raw)}") from None
