"""From a pair of subjects in a configuration to the rewriting that is carried out per message.

    src  orders.*.>       dest  eu.{{wildcard(1)}}.>      orders.a.b.c  ─►  eu.a.b.c

In `dest`, `$1` and `{{wildcard(1)}}` stand for wildcards of `src`, `>` for its rest.
The other functions of the original (partition, split, slice …) are refused by name.
"""

import re

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.core.rewriting import Rewriting

_NAMED = re.compile(r"\$(\d+)|\{\{\s*[Ww]ild[Cc]ard\(\s*(\d+)\s*\)\s*\}\}")


def make_rewriting(src: str, dest: str) -> Rewriting:
    """The rewriting; raises `UsageError` for what does not fit."""
    if not subjects.valid(src):
        raise UsageError(f"invalid subject {src}")
    tokens = src.split(".")
    stars = tokens.count("*")
    rest = tokens[-1] == ">"
    parts: list[bytes | int] = []
    text = ""
    wanted = dest.split(".")
    for place, token in enumerate(wanted):
        text += "." if place else ""
        wildcard = -1
        named = _NAMED.fullmatch(token)
        if named is not None:
            wildcard = int(named[1] or named[2]) - 1
            _require(0 <= wildcard < stars, f"wildcard index out of range in {token}")
        elif token == ">":
            _require(rest and place == len(wanted) - 1, f"> in {dest} needs one in {src}")
            wildcard = stars
        else:
            _require("{{" not in token, f"{token} is not supported by this server yet")
            _require(bool(token) and subjects.valid_literal(token), f"invalid subject {dest}")
            text += token
            continue
        if text:
            parts.append(text.encode())
        text = ""
        parts.append(wildcard)
    if text:
        parts.append(text.encode())
    _require(not rest or wanted[-1] == ">", f"{dest} needs > where {src} has one")
    return Rewriting(src.encode(), parts)


def pattern_of(dest: str) -> str:
    """What subjects made by `dest` look like: each wildcard as `*`."""
    return ".".join("*" if _NAMED.fullmatch(token) else token for token in dest.split("."))


def _require(fits: object, text: str) -> None:
    if not fits:
        raise UsageError(text)
