"""The real clock and the real source of random bytes (`base/ports.py`)."""

import os
import time


class SystemClock:
    """The machine's clocks."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may step."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds since some start; never steps back."""
        return time.monotonic_ns()


class SystemEntropy:
    """The operating system's random bytes."""

    def bytes(self, count: int, /) -> bytes:
        """`count` random bytes."""
        return os.urandom(count)
