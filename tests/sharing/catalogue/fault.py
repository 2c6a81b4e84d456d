"""What a planted fault is: how it is planted, what it breaks, and what an explanation must say."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sharing.catalogue.healthy import SETUPS
from sharing.catalogue.lab import Lab
from sharing.catalogue.world import GIVER, TAKER, World

Plant = Callable[[World], object]
Act = Callable[[Lab, World], object]

EVERYTHING = frozenset({"*"})


class Fault(NamedTuple):
    """One fault in one healthy set-up.

    `codes`: the first finding has one of them; there are two only where the same facts may be told
    in two ways. `names`: what its cause, or its subject, must name. `broken`: the steps that no
    longer work, all others do.
    """

    setup: str
    plant: Plant
    codes: tuple[str, ...]
    names: str
    broken: frozenset[str] = EVERYTHING
    ask: str = ""  # else the first question of the set-up
    act: Act | None = None  # on the server, after the push: the store knows nothing of it
    pushed: tuple[str, ...] = (GIVER, TAKER)  # again after planting
    before: tuple[str, ...] = (GIVER,)  # pushed before planting, when all was well
    only: Mapping[str, frozenset[str]] = MappingProxyType({})  # broken, on one kind of server
    kinds: tuple[str, ...] = ("isthmus", "real")  # of servers on which it can occur
    hidden: bool = False  # the store shows something that could be meant
    refusal: str = ""  # part of what the server says to the push

    @property
    def question(self) -> str:
        """What is asked about it."""
        return self.ask or SETUPS[self.setup].asks[0]

    @property
    def live(self) -> bool:
        """True if only the server knows."""
        return self.hidden or self.act is not None or not {GIVER, TAKER} <= set(self.pushed)


def nobody(world: World) -> None:
    """Nothing is wrong in the store."""


def steps(*names: str) -> frozenset[str]:
    return frozenset(names)
