"""Long work as generators: a slice, a yield where everything else may go on, the next slice.

    def find(…) -> Sliced[Found]:
        for … :
            …
            yield            between two slices
        return found

Whoever runs one decides when: `core.agenda` in turns that have time left, `at_once` for callers
that have nothing else to do. Owns nothing, knows no turn. Invariant: what is true between two
slices may have changed by the next one, so a generator keeps no pointer over a yield.
"""

from collections.abc import Callable, Generator
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


def as_long_as(there: Callable[[], bool], work: Sliced[T], otherwise: Callable[[], T]) -> Sliced[T]:
    """What `work` makes, or `otherwise()` if before some slice what it works on is not `there`."""
    while there():
        try:
            next(work)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # the type of what is returned is T
        yield
    return otherwise()
