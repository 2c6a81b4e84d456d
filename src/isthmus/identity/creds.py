"""`.creds` files: a user's token and seed in one text.

Owns the layout, byte for byte that of the original tools, and reading it back. Knows no files: the
caller reads and writes them, mode 0600. What it reads shows no seed in its `repr`.

    -----BEGIN NATS USER JWT-----       five dashes each side
    eyJ0eXAi…
    ------END NATS USER JWT------       six

    ************************* IMPORTANT *************************
    NKEY Seed printed below can be used to sign and prove identity.
    NKEYs are sensitive and should be treated as secrets.

    -----BEGIN USER NKEY SEED-----
    SU…
    ------END USER NKEY SEED------

    *************************************************************
"""

import re

from isthmus.base.errors import AuthError
from isthmus.base.quoting import quote
from isthmus.identity import jwt, nkeys
from isthmus.identity.nkeys import KeyPair, Kind, NkeyError

_BLOCK = re.compile(r"-{3,}.*-{3,}\r?\n([A-Za-z0-9_.=-]+)\r?\n-{3,}.*-{3,}(?:\r?\n|\Z)")
_SEED = re.compile(r"S[ACNOUX][A-Z2-7]{56}")
_WARNING = """\
************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

"""
_FOOT = "\n*************************************************************\n"
REDACTED = "[redacted]"


class CredsError(AuthError):
    """A text holds no credentials, or token and seed do not belong together."""


class Creds:
    """A token and the key that proves who presents it; bearers have no key."""

    __slots__ = ("key", "token")

    def __init__(self, token: str, key: KeyPair | None) -> None:
        self.token = token
        self.key = key

    def __repr__(self) -> str:
        return f"Creds(key={self.key!r})"


def make_creds(token: str, seed: str) -> str:
    """The text of a `.creds` file; raise `CredsError` if token and seed do not belong together."""
    claims = jwt.decode(token)
    kind = jwt.kind_name(claims)
    if kind != "user":
        raise CredsError(f"{quote(kind)} cannot be serialized as a user config")
    if not nkeys.is_seed(seed, Kind.USER):
        raise CredsError("nkey seed is not an user seed")
    if KeyPair.from_seed(seed).public_key != claims.subject:
        raise CredsError("nkey seed does not match the jwt subject")
    return decorate_token(token) + decorate_seed(seed)


def decorate_token(token: str) -> str:
    """A token between two lines that say what it is."""
    kind = jwt.kind_name(jwt.decode(token)).upper()
    return f"-----BEGIN NATS {kind} JWT-----\n{token}\n------END NATS {kind} JWT------\n\n"


def decorate_seed(seed: str) -> str:
    """A seed between two lines that say what it is, and a warning."""
    kind, _ = nkeys.decode_seed(seed)
    if kind not in {Kind.OPERATOR, Kind.ACCOUNT, Kind.USER}:
        raise CredsError("seed is not an operator, account or user seed")
    name = kind.title.upper()
    block = f"-----BEGIN {name} NKEY SEED-----\n{seed}\n------END {name} NKEY SEED------\n"
    return _WARNING + block + _FOOT


def find_token(text: str) -> str:
    """The token of a decorated text, or the whole text if nothing is decorated."""
    found = _BLOCK.search(text)
    return found[1] if found else text.strip()


def find_key(text: str) -> KeyPair:
    """The key whose seed is the second decorated block, or stands alone on a line."""
    blocks = _BLOCK.findall(text)
    lines = (line.strip() for line in text.splitlines())
    seeds = [line for line in lines if line.startswith(("SO", "SA", "SU"))]
    if len(blocks) > 1:
        return _parse_seed(blocks[1])
    if seeds:
        return _parse_seed(seeds[0])
    raise CredsError("nkeys: no nkey seed found")


def _parse_seed(seed: str) -> KeyPair:
    kind, raw = nkeys.decode_seed(seed)
    if kind not in {Kind.OPERATOR, Kind.ACCOUNT, Kind.USER}:
        raise CredsError("nkeys: doesn't contain a seed nkey")
    return KeyPair(kind, raw)


def parse_creds(text: str) -> Creds:
    """Token and key of a `.creds` file; raise `CredsError` if it has no user token.

    The token is not verified: that is the server's business, and the clock's.
    """
    token = find_token(text)
    if token.count(".") != 2:
        raise CredsError("no user token found: a .creds file begins with a NATS USER JWT block")
    try:
        return Creds(token, find_key(text))
    except NkeyError as error:
        raise CredsError(str(error)) from None
    except CredsError:
        if len(_BLOCK.findall(text)) > 1:
            raise
        return Creds(token, None)


def redact(text: str) -> str:
    """`text` with every seed in it blotted out, for people to look at."""
    return _SEED.sub(REDACTED, text)
