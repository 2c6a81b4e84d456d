"""Removals of many messages, a slice in each turn: purges, and limits that became narrower.

        first slice at once ── done? ── answer
                                └─ else a slice in every turn until done, then answer

So a small purge is finished before the next request is looked at, and a large one holds up nobody.
Each removal works towards a goal that was fixed when it began: what is published meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from isthmus.base import subjects
from isthmus.core import upkeep
from isthmus.core.agenda import Job
from isthmus.core.turn import Turn

if TYPE_CHECKING:
    from isthmus.jetstream.stream import Stream

SLICE = 8192  # messages in one turn: some milliseconds
SUBJECT_SLICE = 1024

Done = Callable[[int, Turn], None]


class Removal(Protocol):
    """Work that is done in slices."""

    def step(self, turn: Turn) -> bool:
        """Do one slice; True if more is left."""


def run(removal: Removal, turn: Turn) -> None:
    """The first slice now, the others in the turns to come."""
    if removal.step(turn):
        Job(removal.step).start_next(turn)


class Purge:
    """Remove everything, or what lies below `seq`, or all but the newest `keep`."""

    def __init__(self, stream: Stream, seq: int, keep: int, done: Done) -> None:
        log = stream.stored.log
        self._stream = stream
        self._done = done
        self._gone = 0
        self._below = seq or log.last_seq + 1
        self._left = max(log.messages - keep, 0)

    def step(self, turn: Turn) -> bool:
        """One slice."""
        stored = self._stream.stored
        if stored.closed:
            return False
        if self._left == stored.log.messages and self._below > stored.log.last_seq:
            self._gone += upkeep.purge(stored, turn)
        else:
            count = upkeep.trim(stored, self._below, min(self._left, SLICE), turn)
            self._gone += count
            self._left -= count
            if count == SLICE and self._left:
                return True
        self._finish(turn)
        return False

    def _finish(self, turn: Turn) -> None:
        stream = self._stream
        log = stream.stored.log
        below = max(log.first_seq, self._below if not log.messages else 0)
        if self._gone or below > log.last_seq + 1:
            upkeep.purged(stream.stored, b"", below, turn)
            for consumer in stream:
                consumer.cursor.purged(below, turn)
        self._done(self._gone, turn)


class PurgeMatching:
    """The same for the messages that `pattern` matches."""

    def __init__(self, stream: Stream, pattern: str, seq: int, keep: int, done: Done) -> None:
        log = stream.stored.log
        self._stream = stream
        self._pattern = pattern
        self._done = done
        self._gone = 0
        self._below = min(seq or log.last_seq + 1, log.last_seq + 1)
        self._next = log.first_seq
        _, matching = stream.stored.tree.totals(pattern.encode())
        self._left = max(matching - keep, 0)

    def step(self, turn: Turn) -> bool:
        """One slice."""
        stored = self._stream.stored
        if stored.closed:
            return False
        count, self._next = upkeep.purge_matching(
            stored, self._pattern.encode(), self._next, self._below, self._left, SLICE, turn
        )
        self._gone += count
        self._left -= count
        if self._next and self._left:
            return True
        self._finish(turn)
        return False

    def _finish(self, turn: Turn) -> None:
        stream, pattern = self._stream, self._pattern
        log = stream.stored.log
        if self._gone:
            below = self._next or self._below
            upkeep.purged(stream.stored, pattern.encode(), below, turn)
            found = stream.next_message(pattern, log.first_seq)
            first_left = found.seq if found is not None else log.last_seq + 1
            for consumer in stream:
                filters = consumer.config.filters or (">",)
                if all(subjects.covers(pattern, one) for one in filters):
                    consumer.cursor.purged(first_left, turn)
                elif consumer.cursor.next_seq < log.first_seq and any(
                    subjects.collide(pattern, one) for one in filters
                ):
                    consumer.cursor.purged(log.first_seq, turn)
        self._done(self._gone, turn)


class Shrink:
    """Remove what is over limits that became narrower."""

    def __init__(self, stream: Stream, *, each_subject: bool) -> None:
        self._stream = stream
        self._subjects_left = each_subject
        self._after = b""

    def step(self, turn: Turn) -> bool:
        """One slice."""
        stored = self._stream.stored
        if stored.closed:
            return False
        if self._subjects_left:
            states, self._after = stored.tree.matching(b">", self._after, SUBJECT_SLICE)
            for state in states:
                upkeep.enforce(stored, state.subject, turn)
            self._subjects_left = bool(self._after)
            return True
        return upkeep.shrink(stored, SLICE, turn) == SLICE
