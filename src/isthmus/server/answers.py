"""Answers of the system account's services, one after the other, each in slices.

Owns their line. Knows no question: it is given what makes an answer (see `base.slices`) and
where to send it. Invariant: one answer is under way at a time, so that however much is asked for,
everything else goes on; over `WAITING_MAX` requests are dropped.
"""

from __future__ import annotations

from functools import partial

from isthmus.base.slices import Sliced
from isthmus.base.values import to_json
from isthmus.core.agenda import Line
from isthmus.core.router import AccountCore, publish
from isthmus.core.turn import Turn
from isthmus.server.logs import Log

WAITING_MAX = 4096


class Answers:
    """Makes answers and sends them, as JSON unless they are that already; None is not sent."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._line = Line(WAITING_MAX)

    def take(self, core: AccountCore, reply: bytes, making: Sliced[object], turn: Turn) -> None:
        """Answer on `reply` in the account of `core`, now if it is short and nobody waits."""
        if reply:
            self._line.take(self._safely(making), partial(_send, core, reply), turn)

    def _safely(self, making: Sliced[object]) -> Sliced[object]:
        """`making`; one that breaks is no answer, and no trouble for who asks in the same read."""
        try:
            return (yield from making)
        except Exception as error:  # noqa: BLE001 — as above
            self._log.error(f"internal error: {error!r}", error)
            return None


def _send(core: AccountCore, reply: bytes, answer: object, turn: Turn) -> None:
    if answer is not None:
        payload = answer if isinstance(answer, bytes) else to_json(answer)
        publish(core, reply, payload, turn)
