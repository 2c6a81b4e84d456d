"""A directory that holds the account tokens used last; all others are asked for elsewhere.

Owns which token makes room for a new one and which was not used for so long that it goes. Like the
full directory otherwise, and with the same rule for threads. Running accounts do not depend on what
is here: a token that leaves changes nothing for those who are connected.
"""

import contextlib
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from pathlib import Path

from isthmus.server.resolvers import DirectoryResolver


class CacheResolver(DirectoryResolver):
    """At most `limit` tokens; each goes `ttl_ns` after its last use (0: never).

    `wall_ns` tells the time.
    """

    def __init__(
        self, folder: Path, *, limit: int, ttl_ns: int = 0, wall_ns: Callable[[], int]
    ) -> None:
        assert limit > 0
        self._bound = limit
        self._ttl_ns = ttl_ns
        self._wall_ns = wall_ns
        self._used_ns: OrderedDict[str, int] = OrderedDict()  # the one used longest ago first
        super().__init__(folder, hard_delete=True)
        for key in self._digests:
            self._use(key)
        self._make_room(limit)

    def load(self, key: str) -> str:
        """The token of an account, or an empty text."""
        token = super().load(key)
        if token:
            self._use(key)
        return token

    def _take_some(self, waiting: deque[tuple[str, str]]) -> dict[str, str]:
        """One: it may be that another one makes room for it."""
        key, token = waiting.popleft()
        return {key: token}

    def _put(self, some: Mapping[str, str]) -> list[OSError | None]:
        """The one used longest ago makes room."""
        [key] = some
        try:
            if key not in self._digests:
                self._make_room(self._bound - 1)
        except OSError as error:
            return [error]
        errors = super()._put(some)
        if errors == [None]:
            self._use(key)
        return errors

    def delete(self, key: str) -> bool:
        """Forget an account; false if nobody knew it."""
        self._used_ns.pop(key, None)
        return super().delete(key)

    def sweep(self, now_ns: int) -> list[str]:
        """Delete what was not used for `ttl_ns`, and what has expired: whose the latter were."""
        if self._ttl_ns:
            used = list(self._used_ns.items())  # at once: another thread may be loading
            for key, used_ns in used:
                if now_ns - used_ns >= self._ttl_ns:
                    self.delete(key)
        return super().sweep(now_ns)

    def _make_room(self, most: int) -> None:
        while len(self._digests) > most:
            self.delete(next(iter(list(self._used_ns))))

    def _use(self, key: str) -> None:
        self._used_ns[key] = self._wall_ns()
        with contextlib.suppress(KeyError):  # deleted by the other thread meanwhile
            self._used_ns.move_to_end(key)
