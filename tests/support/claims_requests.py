"""Requests about account tokens and their answers: one table for the service and for servers.

Each scenario is a configuration and steps in order. Everything in it holds on the original server;
what ours does better is tested elsewhere.
"""

import json
import time
from typing import NamedTuple

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import (
    Activation,
    Export,
    GenericClaims,
    Import,
    make_activation,
)
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import (
    OPERATOR,
    OPERATOR_SIGNING,
    SYSTEM,
    SYSTEM_TOKEN,
    account_token,
    operator_token,
    user_token,
)
from support.tokens import forge, key

NOW_NS = time.time_ns() // NS_PER_S * NS_PER_S
A, B, OLD, UNKNOWN = (key(Kind.ACCOUNT, name) for name in ("A", "B", "old", "unknown"))
FOREIGN = key(Kind.OPERATOR, "foreign")

UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
LIST = "$SYS.REQ.CLAIMS.LIST"
DELETE = "$SYS.REQ.CLAIMS.DELETE"
PACK = "$SYS.REQ.CLAIMS.PACK"


class Step(NamedTuple):
    """A request and what must come back: texts, or the JSON of an envelope without its server."""

    name: str
    subject: str
    payload: str | bytes
    answers: tuple[object, ...]


class Scenario(NamedTuple):
    """`resolver` in the words of the configuration; `{folder}` is where it keeps its files."""

    resolver: str
    steps: tuple[Step, ...]
    preload: tuple[tuple[str, str], ...] = ()
    operator: str = operator_token()


def of(account: KeyPair, verb: str) -> str:
    return f"$SYS.REQ.ACCOUNT.{account.public_key}.CLAIMS.{verb}"


def old_name(account: KeyPair) -> str:
    return f"$SYS.ACCOUNT.{account.public_key}.CLAIMS.UPDATE"


def updated(account: KeyPair, message: str = "jwt updated") -> tuple[object]:
    return ({"data": {"account": account.public_key, "code": 200, "message": message}},)


def refused(account: KeyPair | str, description: str) -> tuple[object]:
    name = account if isinstance(account, str) else account.public_key
    return ({"error": {"account": name, "code": 500, "description": description}},)


def deleted(count: int) -> tuple[object]:
    return ({"data": {"code": 200, "message": f"deleted {count} accounts"}},)


def kept(by: KeyPair | str, why: str) -> tuple[object]:
    name = by if isinstance(by, str) else by.public_key
    description = f"delete accounts request by {name} failed - {why}"
    return ({"error": {"code": 500, "description": description}},)


def listed(*accounts: KeyPair) -> tuple[object]:
    return ({"data": sorted(account.public_key for account in accounts)},)


def packed(*pairs: tuple[KeyPair, str]) -> tuple[object, ...]:
    return (*sorted(f"{account.public_key}|{token}" for account, token in pairs), "")


def deletion(accounts: object, signer: KeyPair = OPERATOR, subject: str = "") -> str:
    claims = GenericClaims(subject=subject or signer.public_key, nats={"accounts": accounts})
    return jwt.encode(claims, signer, NOW_NS)


def service(subject: str) -> Export:
    return Export(subject=subject, type="service")


def names(*accounts: KeyPair) -> list[str]:
    return [account.public_key for account in accounts]


TOKEN = account_token(A, name="A", now_ns=NOW_NS)
NEWER = account_token(A, name="A2", now_ns=NOW_NS + NS_PER_S)
OLDER = account_token(A, name="A0", now_ns=NOW_NS - 60 * NS_PER_S)
TOKEN_B = account_token(B, name="B", now_ns=NOW_NS)
BY_SIGNING_KEY = account_token(A, signer=OPERATOR_SIGNING, now_ns=NOW_NS)
EXPIRED = account_token(B, exp=5, now_ns=NOW_NS)
EARLY = account_token(B, nbf=NOW_NS // NS_PER_S + 3600, now_ns=NOW_NS)
OLD_FORMAT = forge(
    json.dumps(
        {
            "sub": OLD.public_key,
            "type": "account",
            "iss": OPERATOR.public_key,
            "iat": 5,
            "nats": {},
        }
    ).encode(),
    OPERATOR,
    b'{"typ":"jwt","alg":"ed25519"}',
    old=True,
)
USER_TOKEN = user_token(key(Kind.USER, "user"), A)
ACTIVATION = jwt.encode(
    make_activation(B.public_key, "x", Activation(subject="x", kind="stream")), A, NOW_NS
)
BAD_SUBJECT = account_token(B, exports=(service("foo bar"),), now_ns=NOW_NS)
TWICE = account_token(B, exports=(service("foo bar"), service("x"), service("x")), now_ns=NOW_NS)
NARROW = account_token(
    B,
    now_ns=NOW_NS,
    imports=(
        Import(
            subject="svc.>",
            account=A.public_key,
            type="service",
            token=jwt.encode(
                make_activation(B.public_key, "n", Activation(subject="svc.a", kind="service")),
                A,
                NOW_NS,
            ),
        ),
    ),
)
UNREADABLE = "jwt update resulted in error - expected 3 chunks"
MISMATCH = "jwt update resulted in error - subject does not match jwt content"
FULL = "jwt update resulted in error - jwt store is full"
EMPTY = "jwt update error - request body is empty"
STRICT = "jwt update resulted in error - operator requires issuer to be a signing key"
NOT_A_SUBJECT = 'subject "foo bar" cannot have spaces'


def invalid(*texts: str) -> str:
    return f"jwt validation failed - validation errors: [{' '.join(texts)}]"


DIRECTORY = Scenario(
    '{{ type: full, dir: "{folder}", allow_delete: true }}',
    (
        Step("first push", UPDATE, TOKEN, updated(A)),
        Step("same again", UPDATE, TOKEN, updated(A)),
        Step("by its account", of(A, "UPDATE"), NEWER, updated(A)),
        Step("by the old name", old_name(A), TOKEN, updated(A)),
        Step("line end", UPDATE, TOKEN + "\n", updated(A)),
        Step("no line end", UPDATE, TOKEN, updated(A)),
        Step("nothing", UPDATE, b"", refused("n/a", UNREADABLE)),
        Step("no token", UPDATE, b"abc", refused("n/a", UNREADABLE)),
        Step(
            "no base64",
            UPDATE,
            b"a+.b.c",
            refused("n/a", "jwt update resulted in error - illegal base64 data at input byte 1"),
        ),
        Step(
            "user",
            UPDATE,
            USER_TOKEN,
            refused("n/a", "jwt update resulted in error - not account claim"),
        ),
        Step(
            "activation",
            UPDATE,
            ACTIVATION,
            refused("n/a", "jwt update resulted in error - not account claim"),
        ),
        Step("other account", of(B, "UPDATE"), TOKEN, refused(B, MISMATCH)),
        Step("other account, unreadable", of(B, "UPDATE"), b"x", refused("n/a", UNREADABLE)),
        Step("no account", "$SYS.REQ.ACCOUNT.foo.CLAIMS.UPDATE", TOKEN, refused("foo", MISMATCH)),
        Step("invalid", UPDATE, BAD_SUBJECT, refused(B, invalid(NOT_A_SUBJECT))),
        Step(
            "invalid twice",
            UPDATE,
            TWICE,
            refused(B, invalid(NOT_A_SUBJECT, 'service export subject "x" already exports "x"')),
        ),
        Step(
            "narrow activation",
            UPDATE,
            NARROW,
            refused(
                B,
                invalid('activation token import subject "svc.a" doesn\'t match import "svc.>"'),
            ),
        ),
        Step(
            "invalid and other account",
            of(A, "UPDATE"),
            BAD_SUBJECT,
            refused(B, invalid(NOT_A_SUBJECT)),
        ),
        Step("old format", UPDATE, OLD_FORMAT, updated(OLD)),
        Step("expired", UPDATE, EXPIRED, updated(B)),
        Step("look up the expired", of(B, "LOOKUP"), b"", (EXPIRED,)),
        Step("list without the expired", LIST, b"", listed(SYSTEM, A, OLD)),
        Step(
            "pack without the expired",
            PACK,
            b"",
            packed((SYSTEM, SYSTEM_TOKEN), (A, TOKEN), (OLD, OLD_FORMAT)),
        ),
        Step("not valid yet", UPDATE, EARLY, updated(B)),
        Step("list with what is not valid yet", LIST, b"", listed(SYSTEM, A, B, OLD)),
        Step("good after that", UPDATE, TOKEN_B, updated(B)),
        Step("by a signing key", UPDATE, BY_SIGNING_KEY, updated(A)),
        Step("look up", of(A, "LOOKUP"), b"", (BY_SIGNING_KEY,)),
        Step("issued before", UPDATE, OLDER, updated(A)),
        Step("look up the older", of(A, "LOOKUP"), b"ignored", (OLDER,)),
        Step("look up an unknown account", of(UNKNOWN, "LOOKUP"), b"", ("",)),
        Step("list", LIST, b"", listed(SYSTEM, A, B, OLD)),
        Step(
            "pack",
            PACK,
            b"",
            packed((SYSTEM, SYSTEM_TOKEN), (A, OLDER), (B, TOKEN_B), (OLD, OLD_FORMAT)),
        ),
        Step("delete by nothing", DELETE, b"", kept("", "expected 3 chunks")),
        Step(
            "delete by a foreign operator",
            DELETE,
            deletion(names(A), FOREIGN),
            kept(FOREIGN, "not trusted"),
        ),
        Step("delete by an account", DELETE, deletion(names(A), A), kept(A, "not trusted")),
        Step(
            "delete not self-signed",
            DELETE,
            deletion(names(A), OPERATOR, A.public_key),
            kept(A, "not self signed"),
        ),
        Step(
            "delete for another key of the operator",
            DELETE,
            deletion(names(A), OPERATOR_SIGNING, OPERATOR.public_key),
            kept(OPERATOR, "not self signed"),
        ),
        *(
            Step(
                f"delete {body!r:.20}", DELETE, deletion(body), kept(OPERATOR, "malformed request")
            )
            for body in (None, "x", [5], ["foo"], [*names(A), "foo"], {})
        ),
        Step(
            "delete the system account",
            DELETE,
            deletion(names(A, SYSTEM)),
            kept(OPERATOR, "not allowed to delete system account"),
        ),
        Step("nothing was deleted", LIST, b"", listed(SYSTEM, A, B, OLD)),
        Step("delete none", DELETE, deletion([]), deleted(0)),
        Step("delete an unknown account", DELETE, deletion(names(UNKNOWN)), deleted(1)),
        Step("delete by a signing key", DELETE, deletion(names(B), OPERATOR_SIGNING), deleted(1)),
        Step("delete twice", DELETE, deletion(names(A, A)), deleted(2)),
        Step("look up a deleted account", of(A, "LOOKUP"), b"", ("",)),
        Step("list what is left", LIST, b"", listed(SYSTEM, OLD)),
        Step("push again", UPDATE, TOKEN, updated(A)),
    ),
)

BOUNDED = Scenario(
    '{{ type: full, dir: "{folder}", limit: 2 }}',
    (
        Step("room for one", UPDATE, TOKEN, updated(A)),
        Step("full", UPDATE, TOKEN_B, refused(B, FULL)),
        Step("room for a change", UPDATE, NEWER, updated(A)),
        Step("invalid before full", UPDATE, BAD_SUBJECT, refused(B, invalid(NOT_A_SUBJECT))),
        Step(
            "no deletion",
            DELETE,
            deletion(names(A)),
            kept(OPERATOR, "delete must be enabled in server config"),
        ),
        Step(
            "no foreign deletion either",
            DELETE,
            deletion(names(A), FOREIGN),
            kept(FOREIGN, "delete must be enabled in server config"),
        ),
        Step("unreadable deletion", DELETE, b"x", kept("", "expected 3 chunks")),
        Step("list", LIST, b"", listed(SYSTEM, A)),
    ),
)

HARD = Scenario(
    '{{ type: full, dir: "{folder}", allow_delete: true, hard_delete: true }}',
    (
        Step("delete", DELETE, deletion(names(A)), deleted(1)),
        Step("list", LIST, b"", listed(SYSTEM)),
    ),
    ((A.public_key, TOKEN),),
)

MEMORY = Scenario(
    "MEMORY",
    (
        Step("not in use", of(B, "UPDATE"), TOKEN_B, updated(B, "jwt update skipped")),
        Step("not in use, unreadable", of(B, "UPDATE"), b"x", refused(B, UNREADABLE)),
        Step("not in use, nothing", of(B, "UPDATE"), b"", refused(B, EMPTY)),
        Step("in use", of(A, "UPDATE"), NEWER, updated(A)),
        Step("by the old name", old_name(A), TOKEN, updated(A)),
        Step("the same", of(A, "UPDATE"), TOKEN, updated(A)),
        Step("other account", of(A, "UPDATE"), TOKEN_B, refused(A, MISMATCH)),
        Step("nothing", of(A, "UPDATE"), b"", refused(A, EMPTY)),
        Step("no account", "$SYS.REQ.ACCOUNT.foo.CLAIMS.UPDATE", b"", refused("foo", EMPTY)),
    ),
    ((A.public_key, TOKEN), (B.public_key, TOKEN_B)),
)

STRICT_SIGNING = key(Kind.ACCOUNT, "strict-signing")
STRICT_SYSTEM_TOKEN = account_token(
    SYSTEM, signer=OPERATOR_SIGNING, signing_keys=(STRICT_SIGNING.public_key,)
)
STRICT_OPERATOR = Scenario(
    '{{ type: full, dir: "{folder}", allow_delete: true }}',
    (
        Step("by the operator itself", UPDATE, TOKEN, refused(A, STRICT)),
        Step("by its account", of(A, "UPDATE"), TOKEN, refused(A, STRICT)),
        Step("by a signing key", UPDATE, BY_SIGNING_KEY, updated(A)),
        Step("invalid and by itself", UPDATE, BAD_SUBJECT, refused(B, STRICT)),
        Step("other account and by itself", of(B, "UPDATE"), TOKEN, refused(B, MISMATCH)),
        Step("delete by itself", DELETE, deletion(names(A)), kept(OPERATOR, "not trusted")),
        Step("delete by a signing key", DELETE, deletion(names(A), OPERATOR_SIGNING), deleted(1)),
    ),
    ((SYSTEM.public_key, STRICT_SYSTEM_TOKEN),),
    operator_token(strict_signing_key_usage=True),
)

SCENARIOS = {
    "directory": DIRECTORY,
    "bounded": BOUNDED,
    "hard": HARD,
    "memory": MEMORY,
    "strict": STRICT_OPERATOR,
}


def readable(reply: bytes) -> object:
    """A reply as steps have it: text, or JSON whose server is gone after a look at the order."""
    if not reply.startswith(b"{"):
        return reply.decode()
    document = json.loads(reply)
    is_list = isinstance(document.get("data"), list)
    assert list(document).index("server") == (1 if is_list else 0), reply
    del document["server"]
    inner = document.get("data", document.get("error"))
    if isinstance(inner, dict):
        inner.pop("findings", None)  # ours says more; tested with ours
        names_ = [name for name in ("account", "code", "message", "description") if name in inner]
        assert list(inner) == names_, reply
    return document
