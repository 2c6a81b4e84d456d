"""Answers of the system account's services, one after the other, each in slices.

Owns the queue. Knows no question: it is given what makes an answer (see `monitor.slices`) and where
to send it. Invariant: one answer is under way at a time, and works one slice in a turn, so that
however much is asked for, everything else goes on; over `WAITING_MAX` requests are dropped.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from isthmus.base.values import to_json
from isthmus.core.router import AccountCore, publish
from isthmus.core.turn import Turn
from isthmus.monitor.slices import Sliced
from isthmus.server.hub import Hub

WAITING_MAX = 4096
_WHOLE_MAX = 16  # short answers made in one turn


class _Answer(NamedTuple):
    core: AccountCore
    reply: bytes
    making: Sliced[object]


class Answers:
    """Makes answers and sends them; None is not sent."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiting: deque[_Answer] = deque()
        self._scheduled = False

    def take(self, core: AccountCore, reply: bytes, making: Sliced[object], turn: Turn) -> None:
        """Answer on `reply` in the account of `core`, now if it is short and nobody waits."""
        if not reply or len(self._waiting) >= WAITING_MAX:
            return
        self._waiting.append(_Answer(core, reply, making))
        if not self._scheduled:
            self._work(turn)

    def _work(self, turn: Turn) -> None:
        """One slice; whole answers until one has a pause."""
        self._scheduled = False
        for _ in range(min(len(self._waiting), _WHOLE_MAX)):
            core, reply, making = self._waiting[0]
            try:
                next(making)
            except StopIteration as done:
                self._waiting.popleft()
                if done.value is not None:
                    publish(core, reply, to_json(done.value), turn)
            except Exception as error:  # noqa: BLE001 — one broken answer must not end the others
                self._waiting.popleft()
                self._hub.log.error(f"internal error: {error!r}", error)
            else:
                break
        if self._waiting:
            self._scheduled = True
            self._hub.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        turn = self._hub.begin_turn()
        try:
            self._work(turn)
        finally:
            self._hub.finish_turn()
