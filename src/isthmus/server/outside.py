"""The machine: its clocks and random bytes (`base/ports.py`), and its cores."""

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


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
