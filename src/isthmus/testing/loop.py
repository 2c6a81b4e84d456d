"""An event loop in which time passes only when nothing else is left to do: a day of idling costs
nothing, and a run repeats exactly.

Owns virtual time: what has passed since the loop was made, and a wall clock that can be stepped
apart from it. Knows no server. No thread takes part: what would run in a worker runs at once, and
listeners are in memory (`links.py`). Invariant: time never passes while a callback is due.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

from isthmus.base.ports import Disk
from isthmus.base.values import NS_PER_S
from isthmus.store.jobs import Job


class SimClock:
    """`base.ports.Clock` of a loop. `step` is what an operator or a time daemon does to it."""

    def __init__(self, loop: SimLoop, start_ns: int) -> None:
        self._loop = loop
        self._offset_ns = start_ns

    def wall_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self._offset_ns + self._loop.passed_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds since the loop was made; `step` leaves it alone."""
        return self._loop.passed_ns

    def step(self, by_ns: int) -> None:
        """Set the wall clock; timers do not notice."""
        self._offset_ns += by_ns


class _Selector(selectors.DefaultSelector):
    """Waits by letting virtual time pass."""

    loop: SimLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        """Never blocks: with nothing ready, the wait is over and has taken its time."""
        ready: list[Any] = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing is due and nothing will ever happen")
            self.loop.pass_time(int(timeout * NS_PER_S) + 1 if timeout > 0 else 0)
        return ready


class SimLoop(asyncio.SelectorEventLoop):
    """asyncio with virtual time, from `start_ns` of wall clock on."""

    def __init__(self, start_ns: int) -> None:
        self.passed_ns = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-7  # more than a float of seconds loses within years
        self.clock = SimClock(self, start_ns)
        self.listeners: list[SimListener] = []

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.passed_ns / NS_PER_S

    def pass_time(self, by_ns: int) -> None:
        """Time passes and nothing happens: the process is suspended; timers fire late."""
        assert by_ns >= 0
        self.passed_ns += by_ns

    def run_for(self, duration_ns: int) -> None:
        """Run what becomes due in so much time."""
        self.run_until_complete(asyncio.sleep(duration_ns / NS_PER_S))

    def settle(self) -> None:
        """Run what is due now, and what follows from it; no time passes."""
        for _ in range(20):
            self.run_until_complete(asyncio.sleep(0))

    def run_in_executor(  # type: ignore[override]
        self, _executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """At once: a thread's pace cannot be repeated."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 — whoever waits for it hears of it
            future.set_exception(error)
        return future

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BufferedProtocol], *_: Any, **__: Any
    ) -> SimListener:
        """A listener in memory; `links.Link` connects to it."""
        listener = SimListener(protocol_factory)
        self.listeners.append(listener)
        return listener


class SimListener:
    """What `create_server` returns: port 4222 of a machine that has no network."""

    def __init__(self, make_protocol: Callable[[], asyncio.BufferedProtocol]) -> None:
        self.make_protocol = make_protocol
        self.sockets = [self]
        self.closed = False

    def getsockname(self) -> tuple[str, int]:
        """As of a socket."""
        return ("127.0.0.1", 4222)

    def close(self) -> None:
        """Take nobody any more."""
        self.closed = True


class SimLane:
    """A lane of the disk without a thread: carried out at once, told of in the next round."""

    def __init__(
        self,
        _name: str,
        disk: Disk,
        loop: asyncio.AbstractEventLoop,
        done: Callable[[Job, BaseException | None], None],
    ) -> None:
        self._disk = disk
        self._loop = loop
        self._done = done

    def submit(self, job: Job) -> None:
        """Carry it out."""
        try:
            job.run_first(self._disk)
        except OSError as error:
            self._loop.call_soon(self._done, job, error)
            return
        self._loop.call_soon(self._done, job, None)
        try:
            job.run_rest(self._disk)
        except OSError as error:
            self._loop.call_soon(job.failed_late, error)

    def close(self, _wait_s: float) -> bool:
        """Nothing is waiting."""
        return True
