"""A loop on which every callback takes as long as it costs, counted by a meter.

`ChargedLoop` is `SimLoop` with one more way in which time passes: when a callback has run, what the
meter counted meanwhile. So latency under load can be looked at in virtual time, and a callback that
does too much is found on any machine, however busy. Work that a real server leaves to threads costs
the loop nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from isthmus.base.ports import Disk
from isthmus.store.jobs import Job
from isthmus.testing.loop import SimLane, SimLoop


class Spent(NamedTuple):
    """What one callback cost, and whose it was."""

    ns: int
    what: str


class ChargedLoop(SimLoop):
    """`cost()` is a number of nanoseconds that grows as this thread works (`meter.Meter`)."""

    def __init__(self, start_ns: int, cost: Callable[[], int]) -> None:
        self._cost = cost
        self._aside_ns = 0
        self.spent: list[Spent] = []
        super().__init__(start_ns)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Charged when it has run, like every callback."""
        return super().call_soon(self._charge, callback, args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Charged when it has run."""
        return super().call_at(when, self._charge, callback, args, context=context)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What happens in here is another thread's, or another machine's."""
        began = self._cost()
        try:
            yield
        finally:
            self._aside_ns += self._cost() - began

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """At once, and for nothing."""
        with self.aside():
            return super().run_in_executor(executor, func, *args)

    def _charge(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        began, aside = self._cost(), self._aside_ns
        try:
            callback(*args)
        finally:
            ns = self._cost() - began - (self._aside_ns - aside)
            self.spent.append(Spent(ns, _name(callback)))
            self.pass_time(max(ns, 0))


class ChargedLane(SimLane):
    """A lane of the disk, which works beside the loop."""

    def __init__(
        self,
        name: str,
        disk: Disk,
        loop: asyncio.AbstractEventLoop,
        done: Callable[[Job, BaseException | None], None],
    ) -> None:
        assert isinstance(loop, ChargedLoop)
        super().__init__(name, disk, loop, done)
        self._charged = loop

    def submit(self, job: Job) -> None:
        """Carry it out."""
        with self._charged.aside():
            super().submit(job)


def _name(callback: Callable[..., object]) -> str:
    """Whose callback it is: of a task, its coroutine."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", owner))
    return str(getattr(callback, "__qualname__", callback))
