"""Documents that take a while: made in slices, with everything else between two of them.

A document of that kind is a generator: it yields when it has done a slice of work, and returns
what it made. Whoever runs it (the HTTP shell, the system account's services) lets the loop turn at
each yield; `at_once` is for callers that have nothing else to do.
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Sliced = Generator[None, None, T]


def at_once(sliced: Sliced[T]) -> T:
    """What it makes, without a pause."""
    while True:
        try:
            next(sliced)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # the type of what is returned is T
