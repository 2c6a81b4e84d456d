"""Operator mode: the operator's tokens, the resolver and the accounts it starts with.

Owns what `operator`, `resolver` and `resolver_preload` may say. Verifies that a token is what it
claims to be (an operator's, signed); whether it is still valid is the server's question, which has
a clock.
"""

import re
from typing import Any

from isthmus.base.errors import AuthError
from isthmus.config.block import Block, Findings
from isthmus.config.options import ResolverOptions
from isthmus.config.parser import Read, describe
from isthmus.identity import jwt
from isthmus.identity.claims import OperatorClaims

_TOKEN_START = "eyJ"
_DECORATED = re.compile(r"-{3,}BEGIN[^\n]*-{3,}\s*(\S+)\s*-{3,}END")
_MEMORY = re.compile(r"mem(ory)?\s*", re.IGNORECASE)
_URL = re.compile(r"url\(\s*[\"']?(https?://[^\s\"')]+)[\"']?\s*\)\s*", re.IGNORECASE)
_FORMS = 'should be MEMORY, URL("http…") or a map with "type: full" or "type: cache" and dir'


# what the other kind of directory takes, and how it is called in the refusal
_FOREIGN = {
    "FULL": {"ttl": "ttl"},
    "CACHE": {"interval": "sync", "allow_delete": "allow_delete", "hard_delete": "hard_delete"},
}


def operators(block: Block, read: Read) -> dict[str, Any]:
    """The fields that `operator` fills: the tokens, and the system account they name."""
    tokens, claims = [], []
    for source in block.texts("operator") or ():
        try:
            token = _token(source, read)
            claims.append(jwt.decode_operator(token))
            tokens.append(token)
        except OSError as error:
            text = f"error parsing operator JWT: open {source}: {describe(error)}"
            block.wrong("operator", text)
        except (AuthError, ValueError) as error:
            block.wrong("operator", f"error parsing operator JWT: {error}")
    fields: dict[str, Any] = {"operators": tuple(tokens)}
    if len(claims) == 1:
        fields |= _from_operator(block, claims[0])
    return fields


def _from_operator(block: Block, operator: OperatorClaims) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    url = operator.nats.account_server_url
    if url.lower().startswith(("http://", "https://")):
        base = url.removesuffix("/")
        fields["resolver"] = ResolverOptions(kind="url", url=f"{base}/accounts/")
    if "system_account" not in block:
        fields["system_account"] = operator.nats.system_account
    return fields


def _token(source: str, read: Read) -> str:
    """The token in a file, plain or between BEGIN and END lines; or `source` itself is one."""
    try:
        text = read(source)
    except OSError:
        if not source.startswith(_TOKEN_START):
            raise
        text = source
    match = _DECORATED.search(text)
    return match[1] if match else text.strip()


def resolver(top: Block) -> ResolverOptions | None:
    """Where account tokens are, from a word or a map."""
    node = top.node("resolver")
    if node is None:
        return None
    if isinstance(node.value, str):
        if _MEMORY.fullmatch(node.value):
            return ResolverOptions()
        url = _URL.fullmatch(node.value)
        if url is not None:
            return ResolverOptions(kind="url", url=url[1])
        top.wrong("resolver", f"error parsing account resolver, {_FORMS}")
        return None
    block = top.block("resolver")
    if block is None:
        return None
    kind = (block.text("type") or "").upper()
    if kind in {"MEM", "MEMORY"}:
        return ResolverOptions()
    if kind not in _FOREIGN:
        top.wrong("resolver", f"error parsing account resolver, {_FORMS}")
        return None
    for name, said in _FOREIGN[kind].items():
        if name in block:
            top.wrong("resolver", f"{kind} does not accept {said}")
    fields = block.fields()
    if not fields.get("folder"):
        top.wrong("resolver", "dir has no value and needs to point to a directory")
    if kind == "FULL" and "hard_delete" in block and not fields.get("allow_delete"):
        top.wrong("resolver", "hard_delete has no effect without delete")
    return ResolverOptions(**fields, kind="full" if kind == "FULL" else "cache")


def preload(block: Block, findings: Findings) -> tuple[tuple[str, str], ...]:
    """Account public keys and their tokens."""
    out = []
    for key, node in block.pairs("resolver_preload").items():
        if not isinstance(node.value, str):
            findings.error("preload map value should be a string JWT", node.position)
            continue
        try:
            jwt.decode_account(node.value)
        except (AuthError, ValueError):
            findings.error("invalid account JWT", node.position)
        out.append((key, node.value))
    return tuple(out)
