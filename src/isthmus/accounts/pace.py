"""How much of a change was carried out: where the next slice begins.

A change of one account may concern thousands of imports. Whoever carries it out is a generator that
yields whenever its `Pace` says that a slice is full. Prices are microseconds, estimated for the
machine of the budget (`docs/decisions/0007`).
"""

from isthmus.base.slices import Sliced

Steps = Sliced[None]  # yields between slices

LIST_US = 3  # an import looked at, or entered into a list
MAP_US = 15  # a mapped subject or one of its destinations, understood
DECIDE_US = 40  # an import decided: the two subjects fitted, the crossing made or opened
VERIFY_US = 150  # beside that, an activation whose signature is verified
FETCH_US = 500  # the token of an account: read, verified, understood
SLICE_US = 500


class Pace:
    """Adds up what was done since the last slice was full."""

    __slots__ = ("_done_us",)

    def __init__(self) -> None:
        self._done_us = 0

    def full(self, cost_us: int) -> bool:
        """So much more was done; true if that fills a slice, and the next one begins."""
        self._done_us += cost_us
        if self._done_us < SLICE_US:
            return False
        self._done_us = 0
        return True
