"""The end of a consumer that nobody uses: after its `inactive_threshold`.

        pull      used: by who pulls, waits or owes an acknowledgement       ┐
        push      used: while somebody listens where messages are pushed to  ┘ threshold ─► it ends

Owns one alarm, which is early rather than late: when it goes off, the use since is looked at, and
the alarm set anew. Knows no message. Invariant: what is bound, or rests because JetStream is off,
does not end; many that end at once wait for one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.base.values import later_ns
from isthmus.core.agenda import Alarm, Job
from isthmus.core.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Generator

    from isthmus.jetstream.consumer import Consumer

_ENDING_AGAIN_NS = 1_000_000_000  # where too many end at once


class Inactivity:
    """Ends `consumer` when nobody used it for as long as its configuration says."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._premises = consumer.stream.premises
        self._deserted_ns = 0  # since when nobody listens to a push consumer; 0: somebody does
        self._alarm = Alarm(Job(self._check))

    def hear(self, turn: Turn, *, listened_to: bool) -> None:
        """Somebody listens to a push consumer from now on, or nobody does."""
        self._deserted_ns = 0 if listened_to else turn.now_ns

    def watch(self, turn: Turn) -> None:
        """It begins, its configuration changed, or somebody came or went: set the alarm."""
        consumer = self._consumer
        threshold_ns = consumer.config.inactive_threshold_ns
        waits = threshold_ns > 0 and not consumer.bound
        due_ns = later_ns(turn.now_ns, threshold_ns) if waits else 0
        self._premises.agenda.put(self._alarm, due_ns, turn)

    def rest(self, turn: Turn) -> None:
        """It is gone, or JetStream is off: no alarm."""
        self._premises.agenda.put(self._alarm, 0, turn)

    @property
    def _may_end(self) -> bool:
        """True if it ends when nobody uses it: not while it is bound, or JetStream is off."""
        consumer = self._consumer
        threshold_ns = consumer.config.inactive_threshold_ns
        return consumer.listening and not consumer.bound and threshold_ns > 0

    def _due_ns(self, turn: Turn) -> int:
        threshold_ns = self._consumer.config.inactive_threshold_ns
        return later_ns(self._rested_from_ns(turn), threshold_ns)

    def _check(self, turn: Turn) -> bool:
        """End it if nobody used it for as long as it may rest."""
        if not self._may_end:
            return False
        due_ns = self._due_ns(turn)
        if due_ns <= turn.now_ns and not self._premises.endings.take(
            _nothing_before(), self._end, turn
        ):
            due_ns = turn.now_ns + _ENDING_AGAIN_NS
        if due_ns > turn.now_ns:
            self._premises.agenda.put(self._alarm, due_ns, turn)
        return False

    def _end(self, _: None, turn: Turn) -> None:
        """Its turn to end has come; unless somebody has come, too, or it is to stay now."""
        if not self._may_end:
            return
        due_ns = self._due_ns(turn)
        if due_ns <= turn.now_ns:
            self._consumer.stream.delete_consumer(self._consumer, turn)
        else:
            self._premises.agenda.put(self._alarm, due_ns, turn)

    def _rested_from_ns(self, turn: Turn) -> int:
        """Since when nobody has used it."""
        consumer = self._consumer
        if consumer.pushed:
            return self._deserted_ns
        cursor = consumer.cursor
        cursor.refresh(turn)
        if cursor.num_waiting:
            return turn.now_ns
        rested_from_ns = max(cursor.active_ns, consumer.created_ns)
        if cursor.num_ack_pending:
            return max(rested_from_ns, cursor.delivered_ns + consumer.config.ack_wait_ns)
        return rested_from_ns


def _nothing_before() -> Generator[None]:
    """All of an ending is one slice."""
    yield from ()
