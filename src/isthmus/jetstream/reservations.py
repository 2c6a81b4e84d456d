"""What streams reserve by their `max_bytes`: those of an account, and within those of the server.

Counted as streams come, change and go, so that a new one is not compared with all there are.
"""

from __future__ import annotations

from msgspec.structs import replace

from isthmus.jetstream.limits import AccountLimits
from isthmus.jetstream.stream_config import Storage, StreamConfig


class Reservations:
    """Bytes reserved in memory and on disk, and the most there may be; -1: no bound."""

    def __init__(
        self, max_memory: int = -1, max_storage: int = -1, *, above: Reservations | None = None
    ) -> None:
        self.max_memory = max_memory
        self.max_storage = max_storage
        self.memory = 0
        self.storage = 0
        self._above = above

    def add(self, config: StreamConfig) -> None:
        """A stream is there, with this configuration."""
        self.count(config, size_of(config))

    def remove(self, config: StreamConfig) -> None:
        """It is not any more."""
        self.count(config, -size_of(config))

    def within(self, limits: AccountLimits) -> AccountLimits:
        """The `limits` of who reserves here, and no more than others leave of what is above."""
        above = self._above
        if above is None:
            return limits
        return replace(
            limits,
            max_memory=_lower(limits.max_memory, above.max_memory, above.memory - self.memory),
            max_storage=_lower(limits.max_storage, above.max_storage, above.storage - self.storage),
        )

    def count(self, config: StreamConfig, size: int) -> None:
        """`size` more bytes where this configuration stores, here and above."""
        if config.storage is Storage.MEMORY:
            self.memory += size
        else:
            self.storage += size
        if self._above is not None:
            self._above.count(config, size)


def size_of(config: StreamConfig) -> int:
    """Bytes that a stream reserves."""
    return max(config.max_bytes, 0)


def _lower(limit: int, whole: int, others: int) -> int:
    if whole < 0:
        return limit
    left = max(whole - others, 0)
    return left if limit < 0 else min(limit, left)
