"""Keys and tokens for tests: made from names, and forged ones that no encoder would write."""

import base64
import hashlib

import msgspec

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import AnyClaims
from isthmus.identity.nkeys import KeyPair, Kind

NOW_S = 1_700_000_100
NOW_NS = NOW_S * NS_PER_S


def key(kind: Kind, name: str) -> KeyPair:
    """The key that belongs to `name`, in every run."""
    return KeyPair(kind, hashlib.sha256(f"isthmus-test-{kind.title}-{name}".encode()).digest())


def as_signed(claims: AnyClaims, signer: KeyPair) -> AnyClaims:
    """`claims` with issuer, kind and version as `signer` would leave them, whoever it is."""
    body = claims.nats
    if not isinstance(body, dict):
        body = msgspec.structs.replace(body, type=jwt.kind_name(claims), version=2)
    return msgspec.structs.replace(
        claims, issuer=signer.public_key, issued_s=NOW_S, id="", nats=body
    )


def forge(payload: bytes, signer: KeyPair, header: bytes = b"", *, old: bool = False) -> str:
    """A token around any payload and header, rightly signed (over the payload alone if `old`)."""
    head = to_base64(header) if header else jwt.HEADER
    body = to_base64(payload)
    data = body if old else f"{head}.{body}"
    return f"{head}.{body}.{to_base64(signer.sign(data.encode()))}"


def to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
