"""Waiting for something another process or thread does."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], *, within_s: float = 10) -> None:
    """Return when `condition` holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
