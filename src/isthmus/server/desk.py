"""Errands that wait for a file, off the loop: in order, one thread, told of in turns.

Owns the queue and the thread. Knows no errand's meaning. For what happens once per request, such
as saving an account's token; what a message waits for goes through `lanes`. Invariant: errands are
carried out and told of in the order they came, one slice at a time; one that goes wrong is logged,
and the others of its slice are not concerned.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from isthmus.core.turn import Turn
from isthmus.server.hub import Hub

WAITING_MAX = 65_536  # more is no sane client's; what comes over it is not answered
SLICE_MAX = 8  # told of in one turn

T = TypeVar("T")
Errand = tuple[Callable[[], object], Callable[[object, Turn], None]]


class Desk:
    """Takes errands until `close`."""

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self._waiting: deque[Errand] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"isthmus-{name}")
        self._task: asyncio.Task[None] | None = None

    def take(self, work: Callable[[], T], tell: Callable[[T, Turn], None]) -> bool:
        """`work` in the thread, then `tell` its result on the loop; False if too many wait."""
        if len(self._waiting) >= WAITING_MAX:
            return False
        self._waiting.append((work, tell))  # type: ignore[arg-type]  # what it returns, it is told
        if self._task is None:
            self._begin()
        return True

    def close(self) -> None:
        """Wait for the errand that is under way, drop the others."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        self._task = self._hub.loop.create_task(self._work_off())
        self._task.add_done_callback(self._worked_off)

    async def _work_off(self) -> None:
        hub, waiting = self._hub, self._waiting
        while waiting:
            some = [waiting.popleft() for _ in range(min(SLICE_MAX, len(waiting)))]
            works = [work for work, _ in some]
            found = await hub.loop.run_in_executor(self._thread, _carry_out, works)
            turn = hub.begin_turn()
            try:
                for (_, tell), result in zip(some, found, strict=True):
                    self._tell(tell, result, turn)
            finally:
                hub.finish_turn()

    def _tell(self, tell: Callable[[object, Turn], None], result: object, turn: Turn) -> None:
        if isinstance(result, _Failed):
            self._failed(result.error)
            return
        try:
            tell(result, turn)
        except Exception as error:  # noqa: BLE001 — the others wait for their own results
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self._hub.log.error(f"internal error: {error!r}", error)

    def _worked_off(self, task: asyncio.Task[None]) -> None:
        """Whatever stopped it must not hold up the others."""
        self._task = None
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._failed(error)
        if self._waiting:
            self._begin()


class _Failed(NamedTuple):
    """What came of an errand that went wrong."""

    error: Exception


def _carry_out(works: list[Callable[[], object]]) -> list[object]:
    return [_result(work) for work in works]


def _result(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 — it is logged where this is told of
        return _Failed(error)
