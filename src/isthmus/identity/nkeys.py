"""nkeys: Ed25519 keys in a text form that says what they are for.

Owns the text form of seeds and public keys, signing and verifying. Knows no files, no tokens and no
trust; random bytes come in through `Entropy`. A seed leaves a `KeyPair` only through `seed`: it is
in no error, no `repr`.

    public key   prefix(1)  key(32)       crc(2, little-endian)    56 characters, "A…"
    seed         prefix(2)  raw seed(32)  crc(2, little-endian)    58 characters, "SA…"

The text is base32, upper case, without padding. The seed's prefix holds both kinds, five bits each:
`10010` (S), then the kind of the key inside.
"""

import base64
import binascii
import enum
import re

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from isthmus.base.errors import AuthError
from isthmus.base.ports import Entropy

RAW_BYTES = 32
SIGNATURE_BYTES = 64
_SEED_PREFIX = 18 << 3
_NOT_BASE32 = re.compile(r"[^A-Z2-7]")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIGITS = str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_TEXT_MAX = 128  # characters; the longest form, a private key, has 108


class NkeyError(AuthError):
    """A text is not the key it should be, or a signature does not fit. Never quotes its input."""


class Kind(enum.IntEnum):
    """What a key is for; the value is the prefix byte of its public form."""

    OPERATOR = 14 << 3
    ACCOUNT = 0
    USER = 20 << 3
    SERVER = 13 << 3
    CLUSTER = 2 << 3
    CURVE = 23 << 3

    @property
    def letter(self) -> str:
        """The first character of every public key of this kind."""
        return _ALPHABET[self >> 3]

    @property
    def title(self) -> str:
        """The name people use: `operator`, `account`, …, `x25519`."""
        return "x25519" if self is Kind.CURVE else self.name.lower()


_KINDS = tuple(Kind)
_KIND_BY_PREFIX = {int(kind): kind for kind in Kind}


def encode_public(kind: Kind, raw: bytes) -> str:
    """The 56-character text of a public key."""
    assert len(raw) == RAW_BYTES
    return _encode(bytes((kind,)) + raw)


def encode_seed(kind: Kind, raw: bytes) -> str:
    """The 58-character text of a seed."""
    if len(raw) != RAW_BYTES:
        raise NkeyError("nkeys: invalid seed length")
    return _encode(bytes((_SEED_PREFIX | kind >> 5, (kind & 31) << 3)) + raw)


def decode_public(text: str, *kinds: Kind) -> bytes:
    """The 32 bytes behind a public key of one of `kinds` (of any kind if none is named)."""
    data = _decode(text)
    if not _is_kind(data[0], kinds):
        raise NkeyError("nkeys: invalid prefix byte")
    if len(data) != 1 + RAW_BYTES:
        raise NkeyError("nkeys: invalid public key")
    return data[1:]


def decode_seed(text: str) -> tuple[Kind, bytes]:
    """Kind and 32 raw bytes of a seed."""
    data = _decode(text)
    if data[0] & 0xF8 != _SEED_PREFIX or len(data) < 2:
        raise NkeyError("nkeys: invalid seed")
    try:
        kind = Kind((data[0] & 7) << 5 | data[1] >> 3)
    except ValueError:
        raise NkeyError("nkeys: invalid prefix byte") from None
    if len(data) != 2 + RAW_BYTES:
        raise NkeyError("nkeys: invalid seed length")
    return kind, data[2:]


def kind_of(public_key: str) -> Kind | None:
    """The kind of a well-formed public key, None for any other text."""
    try:
        return _KIND_BY_PREFIX.get(_decode(public_key)[0] & 0xF8)
    except NkeyError:
        return None


def is_public(text: str, *kinds: Kind) -> bool:
    """True if `text` is a well-formed public key of one of `kinds` (of any if none is named)."""
    kind = kind_of(text)
    return kind is not None and (not kinds or kind in kinds)


def is_seed(text: str, *kinds: Kind) -> bool:
    """True if `text` is a well-formed seed for one of `kinds` (for any kind if none is named)."""
    try:
        kind, _ = decode_seed(text)
    except NkeyError:
        return False
    return not kinds or kind in kinds


def verify(public_key: str, data: bytes, signature: bytes) -> None:
    """Return if `signature` over `data` was made with `public_key`; raise `NkeyError` if not."""
    raw = decode_public(public_key)
    if public_key.startswith(Kind.CURVE.letter):
        raise NkeyError("nkeys: curve key is not valid for sign/verify")
    if len(signature) != SIGNATURE_BYTES:
        raise NkeyError("nkeys: signature verification failed")
    try:
        crypto_sign_open(signature + data, raw)
    except BadSignatureError:
        raise NkeyError("nkeys: signature verification failed") from None


class KeyPair:
    """A key that can sign. Two pairs are equal if their public keys are."""

    __slots__ = ("_raw_seed", "_secret", "kind", "public_key")

    def __init__(self, kind: Kind, raw_seed: bytes) -> None:
        if kind is Kind.CURVE:
            raise NkeyError("nkeys: curve key is not valid for sign/verify")
        if len(raw_seed) != RAW_BYTES:
            raise NkeyError("nkeys: invalid seed length")
        self._raw_seed = raw_seed
        raw_public, self._secret = crypto_sign_seed_keypair(raw_seed)
        self.kind = kind
        self.public_key = encode_public(kind, raw_public)

    @classmethod
    def make(cls, kind: Kind, entropy: Entropy) -> "KeyPair":
        """Make a new key."""
        return cls(kind, entropy.bytes(RAW_BYTES))

    @classmethod
    def from_seed(cls, seed: str) -> "KeyPair":
        """Make the key a seed stands for; raise `NkeyError` if it is none."""
        return cls(*decode_seed(seed))

    @property
    def seed(self) -> str:
        """The secret, as text: whoever has it is this key."""
        return encode_seed(self.kind, self._raw_seed)

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`; the same every time."""
        return crypto_sign(data, self._secret)[:SIGNATURE_BYTES]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyPair) and other.public_key == self.public_key

    def __hash__(self) -> int:
        return hash(self.public_key)

    def __repr__(self) -> str:
        return f"KeyPair({self.public_key})"

    def __reduce__(self) -> str:
        raise TypeError("a key pair is not pickled: its seed would be in the bytes")


def _encode(body: bytes) -> str:
    checksum = binascii.crc_hqx(body, 0).to_bytes(2, "little")
    return base64.b32encode(body + checksum).decode().rstrip("=")


def _decode(text: str) -> bytes:
    """What stands before the checksum, at least two bytes.

    Every login decodes some keys: reading them as one number in base 32 takes a fifth of the time
    that `base64.b32decode` does.
    """
    wrong = _NOT_BASE32.search(text)
    if wrong:
        raise NkeyError(f"illegal base32 data at input byte {wrong.start()}")
    count, spare = divmod(5 * len(text), 8)
    if count < 4:
        raise NkeyError("nkeys: invalid encoded key")
    if spare > 4 or len(text) > _TEXT_MAX:
        raise NkeyError(f"illegal base32 data at input byte {len(text)}")
    data = (int(text.translate(_DIGITS), 32) >> spare).to_bytes(count, "big")
    body = data[:-2]
    if binascii.crc_hqx(body, 0) != int.from_bytes(data[-2:], "little"):
        raise NkeyError("nkeys: invalid checksum")
    return body


def _is_kind(prefix: int, kinds: tuple[Kind, ...]) -> bool:
    return prefix & 0xF8 in (kinds or _KINDS)
