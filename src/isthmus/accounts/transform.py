"""From the subject of an import in one account to its subject in the other, and back.

`*` counts $1, $2 … from the left; `>` must be in both. The local subject may name the wildcards of
the remote one (`q.$2.$1`, `q.{{wildcard(2)}}.x`); each must be used exactly once.
"""

import re
from collections.abc import Sequence

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.values import Value

_NAMED = re.compile(r"\$(\d+)|\{\{\s*[Ww]ild[Cc]ard\(\s*(\d+)\s*\)\s*\}\}")

Parts = list[bytes | int]


class Fit(Value):
    """How two subjects fit: `pattern` is the local one with its wildcards as such.

    `outward` is the remote subject as literal pieces and wildcards of the local one (counted from
    0), `inward` the local subject in those of the remote one; both None when they are equal.
    """

    pattern: str
    outward: Parts | None = None
    inward: Parts | None = None


def fit(local: str, remote: str) -> Fit:
    """How `local` and `remote` fit. Raises `UsageError` if they do not."""
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
        return Fit(pattern=pattern)
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
    inward = [number - 1 for number in order]
    outward = [inward.index(number) for number in range(stars)]
    return Fit(
        pattern=pattern,
        outward=_parts(remote_tokens, [*outward, stars]),
        inward=_parts(tokens, [*inward, stars]),
    )


def _parts(tokens: Sequence[str], numbers: Sequence[int]) -> Parts:
    """Tokens as pieces of text, and for each wildcard the number it takes its value from."""
    parts: Parts = []
    left = iter(numbers)
    text = ""
    for index, token in enumerate(tokens):
        text += "." if index else ""
        if token not in {"*", ">"}:
            text += token
            continue
        if text:
            parts.append(text.encode())
            text = ""
        parts.append(next(left))
    if text:
        parts.append(text.encode())
    return parts


def meet(one: str, other: str) -> str | None:
    """The subjects that two patterns have in common, as a pattern; None if there are none."""
    left, right = one.split("."), other.split(".")
    out: list[str] = []
    for index, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        if mine == ">":
            return ".".join([*out, *right[index:]])
        if theirs == ">":
            return ".".join([*out, *left[index:]])
        if "*" not in {mine, theirs} and mine != theirs:
            return None
        out.append(theirs if mine == "*" else mine)
    return ".".join(out) if len(left) == len(right) else None


def carry(found: Fit, subject: str) -> str:
    """The remote form of a local subject (or pattern) that the fit's pattern covers."""
    if found.outward is None:
        return subject
    tokens, wild = subject.split("."), []
    for index, token in enumerate(found.pattern.split(".")):
        if token == "*":
            wild.append(tokens[index])
        elif token == ">":
            wild.append(".".join(tokens[index:]))
    return "".join(
        part.decode() if isinstance(part, bytes) else wild[part] for part in found.outward
    )
