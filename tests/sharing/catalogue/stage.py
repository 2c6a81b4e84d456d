"""Where cases are played: stores made from the set-ups, and a server if one is wanted."""

import time
from collections.abc import Collection
from pathlib import Path

from sharing.catalogue.faults import FAULTS
from sharing.catalogue.healthy import SETUPS
from sharing.catalogue.lab import Lab
from sharing.catalogue.setup import Setup
from sharing.catalogue.world import GIVER, TAKER, World

AGE_S = 600  # of the operator: commands take a second of a world's time, none of ours


class Stage:
    """Worlds below one operator; with a `kind` of server they can be pushed."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._folder = folder
        self._worlds = 0
        self._base = World(folder / "operator", seed="operator", now_s=int(time.time()) - AGE_S)
        self._base.operator()
        self._lab: Lab | None = None
        if kind:
            self._lab = Lab(kind, folder, self._base)
            url = self.lab.server.url
            self._base.ok(f"edit operator --account-jwt-server-url {url} --service-url {url}")

    @property
    def lab(self) -> Lab:
        assert self._lab is not None
        return self._lab

    def stop(self) -> None:
        if self._lab is not None:
            self._lab.stop()

    def healthy(self, name: str, *, case: str = "") -> World:
        """A new store with the set-up `name`, its keys its own."""
        self._worlds += 1
        world = World(
            self._folder / f"world-{self._worlds}",
            seed=f"{name} {case} {self._worlds}",
            now_s=self._base.now_s,
        )
        world.inherit(self._base)
        SETUPS[name].build(world)
        return world

    def push(self, world: World, *accounts: str) -> list[str]:
        """Hand accounts of the store to the server, all by default; its complaints.

        Givers first: the server waits two seconds for the giver of a taker that it does not know.
        """
        names = accounts or world.account_names()
        by_imports = sorted(names, key=lambda name: len(world.claims(name).nats.imports))
        return self.lab.push(world, *by_imports)

    def play(self, name: str) -> World:
        """Plant the fault `name` into a share that is in use, as far as a server is concerned."""
        fault = FAULTS[name]
        world = self.healthy(fault.setup, case=name)
        if fault.before:
            assert self.push(world, *fault.before) == []
            SETUPS[fault.setup].prepare(self.lab, world)
        fault.plant(world)
        bystanders = set(world.account_names()) - {GIVER, TAKER}
        refusals = self.push(world, *fault.pushed, *bystanders)
        assert len(refusals) == bool(fault.refusal), refusals
        assert fault.refusal in "".join(refusals), refusals
        if fault.act is not None:
            fault.act(self.lab, world)
        return world

    def works(self, setup: Setup, world: World, broken: Collection[str] = ()) -> set[str]:
        """The steps that work; nobody expects it of those in `broken`."""
        try:
            return setup.probe(self.lab, world, broken)
        except ConnectionError:
            return set()
