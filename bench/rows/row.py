"""One line of the table: what is done, what counts, what must hold."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.lab import Figures, Lab
from bench.tenants import Tenants


@dataclass(frozen=True)
class Row:
    """`run` does it once, on one server; `most` tells whether the ratio is bounded from above.

    `ratio` bounds ours / theirs. `own` bounds our value alone. A row with `lacking` is not run:
    the table says what is missing. `rounds` is the most that is worth its time.
    """

    name: str
    title: str
    unit: str
    run: Callable[[Lab, Tenants | None], Figures]
    ratio: float | None = None
    own: float | None = None
    most: bool = False
    tenants: bool = False
    lacking: str = ""
    rounds: int = 99


@dataclass(frozen=True)
class Curve:
    """A row's cost at `points` of `axis`; its value is the last point's over the first's."""

    name: str
    title: str
    axis: str
    points: tuple[int, ...]
    run: Callable[[Lab, int], Figures]
    own: float
    rounds: int


def rate(name: str, title: str, ratio: float, run: Callable[[Lab], Figures], **more: object) -> Row:
    """Messages per second, at least `ratio` times as many."""
    return Row(name, title, "1/s", lambda lab, _: run(lab), ratio=ratio, **more)  # type: ignore[arg-type]


def rate_in_accounts(
    name: str, title: str, ratio: float, run: Callable[[Lab, Tenants], Figures], **more: object
) -> Row:
    """The same with an operator's accounts."""
    return Row(name, title, "1/s", run, ratio=ratio, tenants=True, **more)  # type: ignore[arg-type]
