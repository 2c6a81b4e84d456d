"""A set of subjects, asked whether one more collides with any of them.

Owns a trie of tokens, since comparing each with each takes minutes for the subjects that fit into
one request; as long as there are only literals, a set does. Knows no streams and no filters. A
literal costs its number of tokens; what wildcards branch into is counted against `BRANCHES_MAX`,
and behind it everything collides: a set this hard to check is refused, not searched for ever.

    orders.new, orders.*.paid      root ─ orders ─┬─ new ─ END
                                                  └─ * ─ paid ─ END
"""

from collections.abc import Iterable
from typing import Any

BRANCHES_MAX = 5000  # five milliseconds
_END = "."  # no token has a dot


class Overlaps:
    """Subjects and what they have in common; `add` them, ask `with_subject`."""

    def __init__(self, subjects: Iterable[str] = ()) -> None:
        self._root: dict[str, Any] = {}
        self._literals: set[str] | None = set()  # None: there are others, and all are in the trie
        self._branches_left = BRANCHES_MAX
        for subject in subjects:
            self.add(subject)

    def add(self, subject: str) -> None:
        """One more."""
        if self._literals is not None:
            if not _wild(subject):
                self._literals.add(subject)
                return
            self._plant()
        self._plant_one(subject)

    def _plant(self) -> None:
        """From now on all are in the trie."""
        literals, self._literals = self._literals, None
        for subject in literals or ():
            self._plant_one(subject)

    def _plant_one(self, subject: str) -> None:
        node = self._root
        for token in subject.split("."):
            node = node.setdefault(token, {})
        node[_END] = {}

    def with_subject(self, subject: str) -> bool:
        """True if some literal subject matches both `subject` and one of the set."""
        if self._literals is not None:
            if not _wild(subject):
                return subject in self._literals
            self._plant()
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


def _wild(subject: str) -> bool:
    """True if `subject` may have a wildcard: a literal with such a character counts, too."""
    return "*" in subject or ">" in subject


def _matching(node: dict[str, Any], token: str) -> Iterable[dict[str, Any]]:
    """What `token` and the tokens of the set have in common here."""
    if token == "*":
        return [child for name, child in node.items() if name != _END]
    return [node[name] for name in (token, "*") if name in node]
