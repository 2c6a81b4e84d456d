"""What a stream's retention asks of its consumers, and when it looks at its messages again.

In a work queue every message belongs to one consumer, which must acknowledge it; by interest a
message stays as long as some consumer needs it. What goes with an acknowledgement goes in the
compiled half (`Stored.done`). Here is the rest: rules for new consumers, and the sweep over what is
stored by interest when a consumer goes or changes its filters, and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from isthmus.base import subjects
from isthmus.core import upkeep
from isthmus.core.turn import Turn
from isthmus.jetstream import errors, removals
from isthmus.jetstream.consumer_config import AckPolicy, ConsumerConfig, DeliverPolicy
from isthmus.jetstream.stream_config import Retention, StreamConfig

if TYPE_CHECKING:
    from isthmus.jetstream.stream import Stream

CODES = {Retention.LIMITS: 0, Retention.INTEREST: 1, Retention.WORK_QUEUE: 2}  # core/stored.pxd


def require_consumer(
    stream: StreamConfig, config: ConsumerConfig, others: Iterable[ConsumerConfig]
) -> None:
    """Refuse a consumer that a work queue can not have beside `others`."""
    if stream.retention is not Retention.WORK_QUEUE or config.direct or config.sourcing:
        return
    if config.ack_policy is AckPolicy.NONE and not config.deliver_subject:
        raise errors.make(errors.PULL_ON_WORKQUEUE_NOT_EXPLICIT)
    if config.ack_policy not in {AckPolicy.EXPLICIT, AckPolicy.FLOW_CONTROL}:
        raise errors.make(errors.WORKQUEUE_NOT_EXPLICIT)
    if config.deliver_policy is not DeliverPolicy.ALL:
        raise errors.make(errors.WORKQUEUE_NOT_DELIVER_ALL)
    others = list(others)
    if others and not config.filters:
        raise errors.make(errors.WORKQUEUE_CONSUMER_NOT_FILTERED)
    taken = [one for other in others for one in other.filters or (">",)]
    if any(subjects.collide(mine, its) for mine in config.filters for its in taken):
        raise errors.make(errors.WORKQUEUE_FILTER_NOT_UNIQUE)


def look_again(stream: Stream, turn: Turn) -> None:
    """By interest: remove what nobody needs any more, a slice in each turn.

    A work queue's message leaves only with its acknowledgement: what a consumer passed before its
    filters were changed is still somebody's work.
    """
    if stream.config.retention is Retention.INTEREST and stream.stored.log.messages:
        removals.run(Sweep(stream), turn)


class Sweep:
    """Look at every message that is stored now."""

    def __init__(self, stream: Stream) -> None:
        self._stored = stream.stored
        self._next_seq = stream.stored.log.first_seq
        self._last_seq = stream.stored.log.last_seq

    def step(self, turn: Turn) -> bool:
        """One slice; True if more is left."""
        if self._stored.closed:
            return False
        self._next_seq = upkeep.sweep(
            self._stored, self._next_seq, self._last_seq, removals.SLICE, turn
        )
        return self._next_seq > 0
