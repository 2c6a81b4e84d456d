"""What a healthy set-up is: a store to build, what its giver owns, what works, what to ask."""

from collections.abc import Callable
from typing import NamedTuple

from sharing.catalogue.lab import Lab
from sharing.catalogue.probes import Probe
from sharing.catalogue.world import World

Build = Callable[[World], None]
Prepare = Callable[[Lab, World], None]

SERVICE = "--service"
MANY = "--response-type Stream"


class Setup(NamedTuple):
    """One healthy share."""

    build: Build
    prepare: Prepare
    probe: Probe
    steps: frozenset[str]
    asks: tuple[str, ...]


def nothing(lab: Lab, world: World) -> None:
    """The giver has nothing to prepare."""
