"""Curve keys (`X…`): sealing a message so that only one receiver can open it.

Owns the sealed form. A curve key cannot sign, and is not made from a signing key; everything about
its text is in `nkeys`.

    sealed   "xkv1"  nonce(24)  box(16 + length of the message)     box: X25519, XSalsa20, Poly1305
"""

from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey

from isthmus.base.ports import Entropy
from isthmus.identity.nkeys import (
    RAW_BYTES,
    Kind,
    NkeyError,
    decode_public,
    decode_seed,
    encode_public,
    encode_seed,
)

_VERSION = b"xkv1"
_NONCE_BYTES = 24
_HEAD_BYTES = len(_VERSION) + _NONCE_BYTES


class CurveKeyPair:
    """A key that can seal and open."""

    __slots__ = ("_raw_seed", "public_key")

    def __init__(self, raw_seed: bytes) -> None:
        if len(raw_seed) != RAW_BYTES:
            raise NkeyError("nkeys: invalid seed length")
        self._raw_seed = raw_seed
        self.public_key = encode_public(Kind.CURVE, bytes(PrivateKey(raw_seed).public_key))

    @classmethod
    def make(cls, entropy: Entropy) -> "CurveKeyPair":
        """Make a new key."""
        return cls(entropy.bytes(RAW_BYTES))

    @classmethod
    def from_seed(cls, seed: str) -> "CurveKeyPair":
        """Make the key a seed stands for; raise `NkeyError` if it is not a curve seed."""
        kind, raw_seed = decode_seed(seed)
        if kind is not Kind.CURVE:
            raise NkeyError("nkeys: not a valid curve seed")
        return cls(raw_seed)

    @property
    def seed(self) -> str:
        """The secret, as text: whoever has it can open what was sealed for this key."""
        return encode_seed(Kind.CURVE, self._raw_seed)

    def seal(self, message: bytes, recipient: str, entropy: Entropy) -> bytes:
        """`message` as only the owner of the public curve key `recipient` can read it."""
        box = self._box(recipient, "nkeys: not a valid recipient public curve key")
        nonce = entropy.bytes(_NONCE_BYTES)
        return _VERSION + bytes(box.encrypt(message, nonce))

    def open(self, sealed: bytes, sender: str) -> bytes:
        """The message that `sender` sealed for this key."""
        if len(sealed) <= _HEAD_BYTES:
            raise NkeyError("nkeys: encrypted input is not valid")
        if not sealed.startswith(_VERSION):
            raise NkeyError("nkeys: encrypted input wrong version")
        box = self._box(sender, "nkeys: not a valid sender public curve key")
        try:
            return box.decrypt(sealed[len(_VERSION) :])
        except CryptoError:
            raise NkeyError("nkeys: could not decrypt input") from None

    def __repr__(self) -> str:
        return f"CurveKeyPair({self.public_key})"

    def __reduce__(self) -> str:
        raise TypeError("a key pair is not pickled: its seed would be in the bytes")

    def _box(self, other: str, complaint: str) -> Box:
        try:
            return Box(PrivateKey(self._raw_seed), PublicKey(decode_public(other, Kind.CURVE)))
        except (NkeyError, CryptoError):
            raise NkeyError(complaint) from None
