"""From a local subject with wildcards to the remote one: the rewriting of an import.

`*` counts $1, $2 … from the left; `>` must be in both. The local subject may name the wildcards of
the remote one (`q.$2.$1`, `q.{{wildcard(2)}}.x`); each must be used exactly once.
"""

import re

from isthmus.base import subjects
from isthmus.base.errors import UsageError

_NAMED = re.compile(r"\$(\d+)|\{\{\s*[Ww]ild[Cc]ard\(\s*(\d+)\s*\)\s*\}\}")


def make_rewriting(local: str, remote: str) -> tuple[str, list[bytes | int] | None]:
    """The pattern to subscribe to in the importer, and the parts of the remote subject.

    The parts are None when both subjects are equal. Raises `UsageError` if the two do not fit.
    """
    order = []  # order[i]: number of the remote wildcard that the i-th local wildcard names
    tokens = []
    plain = 0
    for token in local.split("."):
        named = _NAMED.fullmatch(token)
        if named is not None:
            order.append(int(named[1] or named[2]))
            tokens.append("*")
        elif token == "*":
            plain += 1
            order.append(plain)
            tokens.append("*")
        else:
            tokens.append(token)
    pattern = ".".join(tokens)
    if pattern == remote and order == sorted(order):
        return pattern, None
    remote_tokens = remote.split(".")
    stars = sum(token == "*" for token in remote_tokens)
    if (
        sorted(order) != list(range(1, stars + 1))
        or (remote_tokens[-1] == ">") != (tokens[-1] == ">")
        or not subjects.valid(pattern)
    ):
        raise UsageError(
            f"local subject {local!r} does not fit {remote!r}: each wildcard of the exported "
            "subject must appear once, as * or $1, $2, …, and > in both"
        )
    where = {number: index for index, number in enumerate(order)}
    parts: list[bytes | int] = []
    text = ""
    star = 0
    for index, token in enumerate(remote_tokens):
        dot = "." if index else ""
        if token in {"*", ">"}:
            parts.append((text + dot).encode()) if text + dot else None
            text = ""
            if token == "*":
                star += 1
                parts.append(where[star])
            else:
                parts.append(len(order))
        else:
            text += dot + token
    if text:
        parts.append(text.encode())
    return pattern, parts
