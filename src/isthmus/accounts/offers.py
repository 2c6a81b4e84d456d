"""What one account exports, found by subject: the same subject first, else one that covers it.

Owns the look-up. Knows no rights: who may have an export is decided in `imports`. An account may
export as much as fits into a token, and who imports as much asks as often, so nothing walks all
exports. Invariant: what is found is what a walk through the exports in their order would find.
"""

from collections.abc import Iterable
from operator import itemgetter

from isthmus.accounts.spec import Export, Kind
from isthmus.base import subjects
from isthmus.base.patterns import Patterns


class Offers:
    """The exports of an account."""

    def __init__(self, exports: Iterable[Export] = ()) -> None:
        self._exports: dict[tuple[Kind, str], tuple[int, Export]] = {}
        self._patterns: dict[Kind, Patterns] = {"service": Patterns(), "stream": Patterns()}
        for place, export in enumerate(exports):
            self._exports.setdefault((export.kind, export.subject), (place, export))
            self._patterns[export.kind].add(export.subject)

    def find(self, kind: Kind, subject: str) -> Export | None:
        """The export that offers `subject`, which may be a pattern itself."""
        exact = self._exports.get((kind, subject))
        if exact is not None:
            return exact[1]
        covering = [
            self._exports[kind, pattern]
            for pattern in self._patterns[kind].covering(subject)
            if subjects.covers(pattern, subject)
        ]
        return min(covering, key=itemgetter(0))[1] if covering else None
