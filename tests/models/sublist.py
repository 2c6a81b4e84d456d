"""Who is interested in a subject: a list of everything that was added, looked through each time."""

from collections import Counter


def matches(pattern: bytes, subject: bytes) -> bool:
    """Does the literal `subject` fall under `pattern`? No pattern has an empty token in it."""
    if pattern == subject and b"*" not in pattern.split(b".") and b">" not in pattern.split(b"."):
        return True
    tokens, wanted = subject.split(b"."), pattern.split(b".")
    if b"" in tokens or (b"*" not in wanted and b">" not in wanted):
        return False
    if wanted[-1] == b">":
        return len(tokens) >= len(wanted) and all(
            want in (b"*", token) for want, token in zip(wanted[:-1], tokens, strict=False)
        )
    return len(tokens) == len(wanted) and all(
        want in (b"*", token) for want, token in zip(wanted, tokens, strict=True)
    )


class SublistModel:
    """`entries` are (subject, queue, receiver); a receiver may be there more than once."""

    def __init__(self) -> None:
        self.entries: list[tuple[bytes, bytes, object]] = []

    def add(self, subject: bytes, receiver: object, queue: bytes = b"") -> None:
        self.entries.append((subject, queue, receiver))

    def discard(self, subject: bytes, receiver: object, queue: bytes = b"") -> bool:
        if (subject, queue, receiver) not in self.entries:
            return False
        self.entries.remove((subject, queue, receiver))
        return True

    def receivers(self, subject: bytes) -> tuple[Counter[int], list[Counter[int]]]:
        """Plain receivers, and the members of each queue group, each counted, in no order."""
        plain: Counter[int] = Counter()
        groups: dict[bytes, Counter[int]] = {}
        for pattern, queue, receiver in self.entries:
            if matches(pattern, subject):
                found = groups.setdefault(queue, Counter()) if queue else plain
                found[id(receiver)] += 1
        return plain, list(groups.values())
