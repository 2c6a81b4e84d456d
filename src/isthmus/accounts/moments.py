"""When time alone next changes which account.

Owns a heap of moments by account; one moment counts for each, a moved one is forgotten when it
comes up. Knows no clock and no account but its name. Invariant: `_moment_of` is what counts, and
each of its entries is in the heap.
"""

import heapq

_FORGOTTEN_MAX = 64  # entries of the past that are kept, besides as many as count


class Moments:
    """The next moment of each account, if it has one."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._moment_of: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        """The moment of an account; 0: it has none."""
        return self._moment_of.get(name, 0)

    def put(self, name: str, when_ns: int) -> None:
        """The account has this moment now, and no other; 0: none."""
        if when_ns == self[name]:
            return
        if not when_ns:
            del self._moment_of[name]
            return
        self._moment_of[name] = when_ns
        heapq.heappush(self._heap, (when_ns, name))
        if len(self._heap) > 2 * len(self._moment_of) + _FORGOTTEN_MAX:
            self._heap = [(when, name) for name, when in self._moment_of.items()]
            heapq.heapify(self._heap)

    def first_ns(self) -> int | None:
        """The next moment of all."""
        while self._heap and self[self._heap[0][1]] != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_ns: int, most: int) -> list[str]:
        """The first accounts whose moment has come, in order; they have none any more."""
        due: list[str] = []
        while self._heap and self._heap[0][0] <= now_ns and len(due) < most:
            when_ns, name = heapq.heappop(self._heap)
            if self[name] == when_ns:
                del self._moment_of[name]
                due.append(name)
        return due

    def check(self) -> None:
        """Assert the invariant."""
        assert {(when, name) for name, when in self._moment_of.items()} <= set(self._heap)
