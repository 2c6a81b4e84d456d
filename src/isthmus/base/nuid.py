"""Unique ids: 22 characters of `0-9A-Za-z`, and shorter tokens of the same alphabet.

Made from bytes that come in from outside (`ports.Entropy`), so a simulated run repeats exactly.
"""

from isthmus.base.ports import Entropy

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make_token(entropy: Entropy, length: int) -> str:
    """`length` random characters; the modulo's bias is of no use to a guesser."""
    assert length > 0
    raw = int.from_bytes(entropy.bytes(length + 8), "big")
    out = []
    for _ in range(length):
        raw, digit = divmod(raw, 62)
        out.append(ALPHABET[digit])
    return "".join(out)


def make_nuid(entropy: Entropy) -> str:
    """A 22-character unique id, as advisories and inboxes carry them."""
    return make_token(entropy, 22)
