"""Errands that wait for a file, off the loop: in order, one thread, told of in turns.

Owns the queue and the thread. Knows no errand's meaning. For what happens once per request, such
as saving an account's token; what a message waits for goes through `lanes`. Errands of one kind may
share what they wait for: whatever came while the thread was busy is carried out in one go, and of
that, neighbours of one kind by one call.

    waiting ── at most GROUP_MAX ──► thread: kind([one, one, …]), kind([one]) ──► told, in slices

Invariant: errands are carried out and told of in the order they came; one that goes wrong is
logged, and the others of its group are not concerned.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import NamedTuple, TypeVar

from isthmus.core.turn import Turn
from isthmus.server.hub import Hub

WAITING_MAX = 65_536  # more is no sane client's; what comes over it is not answered
WAITING_BYTES_MAX = 1 << 28
GROUP_MAX = 64  # carried out in one go
GROUP_BYTES = 1 << 20  # likewise; it may be that the last one of a group goes over that
SLICE_MAX = 8  # told of in one turn

A = TypeVar("A")
T = TypeVar("T")
Kind = Callable[[list[A]], Sequence[T | Exception]]


class _Errand(NamedTuple):
    """What to do (`kind`, with others of it), what is special about this one, whom to tell."""

    kind: Kind[object, object]
    one: object
    size: int
    tell: Callable[[object, Turn], None]


class Desk:
    """Takes errands until `close`."""

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self._waiting: deque[_Errand] = deque()
        self._bytes = 0  # of those that wait
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"isthmus-{name}")
        self._task: asyncio.Task[None] | None = None

    def take(self, work: Callable[[], T], tell: Callable[[T, Turn], None]) -> bool:
        """`work` in the thread, then `tell` its result on the loop; False if too many wait."""
        return self.share(_do_each, work, tell)

    def share(
        self, kind: Kind[A, T], one: A, tell: Callable[[T, Turn], None], *, size: int = 0
    ) -> bool:
        """The same for `kind`, which is given all that came together and says what came of each.

        `size`: the bytes that wait with it.
        """
        if len(self._waiting) >= WAITING_MAX or self._bytes + size > WAITING_BYTES_MAX:
            return False
        # what a kind returns, it is told
        self._waiting.append(_Errand(kind, one, size, tell))  # type: ignore[arg-type]
        self._bytes += size
        if self._task is None:
            self._begin()
        return True

    def close(self) -> None:
        """Wait for the errand that is under way, drop the others."""
        self._waiting.clear()
        self._bytes = 0
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        self._task = self._hub.loop.create_task(self._work_off())
        self._task.add_done_callback(self._worked_off)

    async def _work_off(self) -> None:
        hub = self._hub
        while self._waiting:
            group = self._take_group()
            found = await hub.loop.run_in_executor(self._thread, _carry_out, group)
            for at in range(0, len(group), SLICE_MAX):
                if at:
                    await asyncio.sleep(0)
                turn = hub.begin_turn()
                try:
                    for number in range(at, min(at + SLICE_MAX, len(group))):
                        self._tell(group[number].tell, found[number], turn)
                finally:
                    hub.finish_turn()

    def _take_group(self) -> list[_Errand]:
        group: list[_Errand] = []
        size = 0
        while self._waiting and len(group) < GROUP_MAX and size < GROUP_BYTES:
            errand = self._waiting.popleft()
            size += errand.size
            group.append(errand)
        self._bytes -= size
        return group

    def _tell(self, tell: Callable[[object, Turn], None], result: object, turn: Turn) -> None:
        if isinstance(result, Exception):
            self._failed(result)
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


def _carry_out(group: list[_Errand]) -> list[object]:
    """In the thread: what came of each; an exception is what went wrong."""
    out: list[object] = []
    for kind, errands in groupby(group, lambda errand: errand.kind):
        some = [errand.one for errand in errands]
        try:
            found: Sequence[object] = kind(some)
            assert len(found) == len(some)
        except Exception as error:  # noqa: BLE001 — it is logged where this is told of
            found = [error] * len(some)
        out += found
    return out


def _do_each(works: list[Callable[[], T]]) -> list[T | Exception]:
    """The kind of those that share nothing."""
    return [_do(work) for work in works]


def _do(work: Callable[[], T]) -> T | Exception:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 — it is logged where this is told of
        return error
