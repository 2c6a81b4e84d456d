"""Stream imports as a list of subscriptions, looked through for each message.

Every subscription of the importer stands in the exporter once for each import, under the subject
that the import gives a message; a queue group is one over both accounts.
"""

from collections import Counter

from models.crossing import rewrite
from models.sublist import matches


class StreamImportModel:
    """Subscriptions of the exporter (`own`) and of the importer, with the imports between them.

    Both map a name to (pattern, queue); `imports` maps one to (remote, inward parts).
    """

    def __init__(self) -> None:
        self.own: dict[bytes, tuple[bytes, bytes]] = {}
        self.theirs: dict[bytes, tuple[bytes, bytes]] = {}
        self.imports: dict[str, tuple[bytes, list[bytes | int] | None]] = {}
        self.closed: set[str] = set()

    def local(self, name: str, subject: bytes) -> bytes | None:
        """What the import makes of a subject of the exporter; None if it does not concern it."""
        remote, inward = self.imports[name]
        if name in self.closed or not matches(remote, subject):
            return None
        return rewrite(remote, inward, subject)

    def publish(
        self, subject: bytes
    ) -> tuple[Counter[tuple[bytes, bytes]], dict[bytes, set[tuple[bytes, bytes]]]]:
        """All that get it, as (name, subject shown), and who may be picked in each queue group."""
        plain: Counter[tuple[bytes, bytes]] = Counter()
        groups: dict[bytes, set[tuple[bytes, bytes]]] = {}
        entries = [(name, subject, *wanted) for name, wanted in self.own.items()]
        for way in self.imports:
            shown = self.local(way, subject)
            if shown is not None:
                entries += [(name, shown, *wanted) for name, wanted in self.theirs.items()]
        for name, shown, pattern, queue in entries:
            if not matches(pattern, shown):
                continue
            if queue:
                groups.setdefault(queue, set()).add((name, shown))
            else:
                plain[name, shown] += 1
        return plain, groups
