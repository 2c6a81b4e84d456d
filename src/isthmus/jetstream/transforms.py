"""From a pair of subjects in a configuration to the rewriting that is carried out per message.

    src  orders.*.>     dest  eu.{{partition(3,1)}}.$1.>     orders.a.b.c  ─►  eu.2.a.b.c

What `dest` may say is what a mapping may (`accounts/destinations.py`): `$1` and `{{wildcard(1)}}`
stand for wildcards of `src`, `>` for its rest, the other functions are those of
`core/substitution.pxd`. An empty `src` is `>`.
"""

import re

from isthmus.accounts.destinations import make_rewriting as make_destination
from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.core.rewriting import Rewriting

_SEVERAL = re.compile(r"\{\{\s*(split|slice)", re.IGNORECASE)  # functions that may make more tokens


def make_rewriting(src: str, dest: str) -> Rewriting:
    """The rewriting; raises `UsageError` for what does not fit."""
    if src and not subjects.valid(src):
        raise UsageError(f"invalid subject {src}")
    return make_destination(src or ">", dest)


def pattern_of(dest: str) -> str:
    """What subjects made by `dest` look like: a wildcard or function as `*`, or as `>` from the
    first on that may make several tokens.
    """
    out: list[str] = []
    for token in dest.split("."):
        if _SEVERAL.match(token):
            return ".".join([*out, ">"])
        out.append("*" if token.startswith(("{{", "$")) else token)
    return ".".join(out)
