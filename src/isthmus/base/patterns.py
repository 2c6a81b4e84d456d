"""A set of subjects, asked which of them cover one more.

Owns the subjects and their shapes: where their wildcards are. Knows no meaning of them. However
many there are, they have few shapes, and for each there is one pattern that could cover a subject;
so nothing compares each with each, which takes minutes for as many as fit into one token.

    orders.*.new, stock.*.>       two shapes:  * at 1 of 3,  * at 1 of 2 and a tail
    orders.7.new                  asks for     orders.*.new  and  orders.*.>

A `>` of the subject asked for passes for a `*`, as it does where account tokens are checked; who
grants something asks `subjects.covers` about what is found.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

SHAPES_MAX = 256  # of one set; more are no sane account's, and cost each subject as many look-ups


class _Shape(NamedTuple):
    stars: tuple[int, ...]
    length: int  # of what is before `>`
    tail: bool  # it ends in `>`


class Patterns:
    """The set; `add` to it, ask `covering`."""

    def __init__(self, subjects: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._shapes: dict[_Shape, None] = {}
        for subject in subjects:
            self.add(subject)

    def __contains__(self, subject: str) -> bool:
        return subject in self._known

    @property
    def too_varied(self) -> bool:
        """True if there are so many shapes that looking through them takes long."""
        return len(self._shapes) > SHAPES_MAX

    def add(self, subject: str) -> None:
        """One more."""
        self._known.add(subject)
        tokens = subject.split(".")
        tail = tokens[-1] == ">"
        length = len(tokens) - tail
        stars = tuple(at for at in range(length) if tokens[at] == "*")
        self._shapes[_Shape(stars, length, tail)] = None

    def covering(self, subject: str) -> Iterator[str]:
        """Those of the set that stand for `subject`, itself among them."""
        tokens = subject.split(".")
        for shape in self._shapes:
            if (pattern := _shaped(tokens, shape)) in self._known:
                yield pattern


def first_overlap(names: Sequence[str]) -> tuple[str, str] | None:
    """A subject and another that stands for it, or is the same; None if there are no two."""
    patterns = Patterns()
    for name in names:
        if name in patterns:
            return name, name
        patterns.add(name)
    for name in names:
        for other in patterns.covering(name):
            if other != name:
                return name, other
    return None


def _shaped(tokens: list[str], shape: _Shape) -> str:
    """The one pattern of that shape that could cover the tokens; empty if none can."""
    if len(tokens) <= shape.length if shape.tail else len(tokens) != shape.length:
        return ""
    out = tokens[: shape.length]
    for at in shape.stars:
        out[at] = "*"
    if shape.tail:
        out.append(">")
    return ".".join(out)
