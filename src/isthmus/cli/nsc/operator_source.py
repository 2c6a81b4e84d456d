"""Operators that others made: where their tokens come from, and how they get into a store.

Owns the well-known names. Knows no flags.
"""

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.http import is_http
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_token
from isthmus.identity import jwt
from isthmus.identity.claims import OperatorClaims
from isthmus.identity.payload import TokenError

_WELL_KNOWN = {"synadia": "https://api.synadia.io/jwt/v1/operator"}


def well_known_url(store: Store, name: str) -> str:
    """Where a well-known operator publishes its token; empty for any other name.

    `NSC_<NAME>_OPERATOR` in the environment adds one.
    """
    named = store.surroundings.environ.get(f"NSC_{name.upper()}_OPERATOR", "")
    return named or _WELL_KNOWN.get(name.lower(), "")


def read_operator(store: Store, text: str) -> tuple[OperatorClaims, str]:
    """Claims and token of the operator in a file, behind a URL or a well-known name."""
    known = "" if is_http(text) or store.path(text).exists() else well_known_url(store, text)
    token = read_token(store, known or text)
    try:
        claims = jwt.decode_operator(token)
    except TokenError as error:
        raise CommandError(f"error importing operator jwt: {error}") from None
    if claims.nats.version < 2:
        raise CommandError(
            "the operator jwt (v1) is incompatible with this version of nsc",
            hint="ask its owner for a token of version 2",
        )
    return claims, token


def import_operator(store: Store, text: str, *, name: str = "", force: bool = False) -> str:
    """Decide on the files of somebody else's operator and select it; its local name."""
    claims, token = read_operator(store, text)
    name = require_name(name or claims.name, "operator name is required")
    if name in store.operators():
        if not force:
            raise CommandError(
                f"operator named {name} exists already please inspect and use --force to overwrite"
            )
        known = store.looking_at(name).operator()
        if known.subject != claims.subject:
            raise CommandError(
                f"operator {quote(name)} here is another entity: {known.subject}",
                hint="give this one a name of its own: --name <name>",
            )
    store.put_operator(name, token, managed=True)
    store.select(operator=name)
    return name
