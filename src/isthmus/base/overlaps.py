"""A set of subjects, asked whether one more collides with any of them.

Owns a trie of tokens, since comparing each with each takes minutes for the subjects that fit into
one request. Knows no streams and no filters. A literal costs its number of tokens; what wildcards
branch into is counted against `BRANCHES_MAX`, and behind it everything collides: a set that is this
hard to check is refused, not searched for ever.

    orders.new, orders.*.paid      root ─ orders ─┬─ new ─ END
                                                  └─ * ─ paid ─ END
"""

from collections.abc import Iterable
from typing import Any

BRANCHES_MAX = 200_000  # a fifth of a second
_END = "."  # no token has a dot


class Overlaps:
    """Subjects and what they have in common; `add` them, ask `with_subject`."""

    def __init__(self, subjects: Iterable[str] = ()) -> None:
        self._root: dict[str, Any] = {}
        self._branches_left = BRANCHES_MAX
        for subject in subjects:
            self.add(subject)

    def add(self, subject: str) -> None:
        """One more."""
        node = self._root
        for token in subject.split("."):
            node = node.setdefault(token, {})
        node[_END] = {}

    def with_subject(self, subject: str) -> bool:
        """True if some literal subject matches both `subject` and one of the set."""
        tokens = subject.split(".")
        waiting = [(self._root, 0)]
        while waiting:
            node, at = waiting.pop()
            if at == len(tokens):
                if _END in node:
                    return True
                continue
            if ">" in node or (tokens[at] == ">" and any(token != _END for token in node)):
                return True
            before = len(waiting)
            waiting += [(child, at + 1) for child in _matching(node, tokens[at])]
            self._branches_left -= max(len(waiting) - before - 1, 0)
            if self._branches_left < 0:
                return True
        return False


def _matching(node: dict[str, Any], token: str) -> Iterable[dict[str, Any]]:
    """What `token` and the tokens of the set have in common here."""
    if token == "*":
        return [child for name, child in node.items() if name != _END]
    return [node[name] for name in (token, "*") if name in node]
