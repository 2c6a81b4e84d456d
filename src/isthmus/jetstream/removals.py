"""Removals of many messages, a slice in each turn: purges, and limits that became narrower.

        first slices at once ── done? ── answer
                                 └─ else slices in turns that go on until done, then answer

So a small purge is finished before the next request is looked at, and a large one holds up nobody.
Each removal works towards a goal that was fixed when it began: what is published meanwhile stays,
and what a purge keeps is a sequence, not a number, since other messages come and go meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from isthmus.base import subjects
from isthmus.base.slices import Sliced
from isthmus.core import lookup, upkeep
from isthmus.core.agenda import run_in_slices
from isthmus.core.census import Census
from isthmus.core.turn import Turn

if TYPE_CHECKING:
    from isthmus.core.stored import Stored
    from isthmus.jetstream.consumer import Consumer
    from isthmus.jetstream.stream import Stream

SLICE = 4096  # messages in one turn: a millisecond or two
SUBJECT_SLICE = 1024

Done = Callable[[int | None, Turn], None]  # how many went; None: first the stream did


class Removal(Protocol):
    """Work that is done in slices."""

    def step(self, turn: Turn) -> bool:
        """Do one slice; True if more is left."""


def run(removal: Removal, turn: Turn) -> None:
    """The first slices now, the others in the turns to come."""
    run_in_slices(removal.step, turn)


class Purge:
    """Remove everything, or what lies below `seq`, or all but the newest `keep`."""

    def __init__(self, stream: Stream, seq: int, keep: int, done: Done) -> None:
        log = stream.stored.log
        self._stream = stream
        self._done = done
        self._gone = 0
        self._below = seq or log.last_seq + 1
        if keep and log.messages:
            kept = upkeep.newest(stream.stored, min(keep, log.messages))
            self._below = min(self._below, kept)

    def step(self, turn: Turn) -> bool:
        """One slice."""
        stored = self._stream.stored
        if stored.closed:
            self._done(None, turn)
            return False
        if self._below > stored.log.last_seq:
            self._gone += upkeep.purge(stored, turn)
        else:
            count = upkeep.trim(stored, self._below, SLICE, turn)
            self._gone += count
            if count == SLICE:
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


def purge_matching(
    stream: Stream, pattern: str, seq: int, keep: int, turn: Turn
) -> Sliced[int | None]:
    """The same for the messages that `pattern` matches; how many went, None if the stream did."""
    stored, log = stream.stored, stream.stored.log
    below = min(seq or log.last_seq + 1, log.last_seq + 1)
    after = log.first_seq
    left = log.messages
    if keep:
        left, kept_from = yield from _surplus(stored, pattern.encode(), keep)
        below = min(below, kept_from)
    gone = 0
    swept = [consumer.cursor for consumer in stream if _covers(pattern, consumer)]
    while left and after and not stored.closed:
        for cursor in swept:
            cursor.swept = True
        count, after = upkeep.purge_matching(
            stored, pattern.encode(), after, below, left, SLICE, turn
        )
        for cursor in swept:
            cursor.swept = False
        gone += count
        left -= count
        yield
    if gone and not stored.closed:
        upkeep.purged(stored, pattern.encode(), after or below, turn)
        search = stream.search(pattern, seq=log.first_seq)
        while search.step():
            yield
        _pass_purged(stream, pattern, search.found or log.last_seq + 1, turn)
    return None if stored.closed else gone


def _surplus(stored: Stored, pattern: bytes, keep: int) -> Sliced[tuple[int, int]]:
    """`(how many at most, below which sequence)` go if the newest `keep` of now are to stay."""
    log, last_seq = stored.log, stored.log.last_seq
    census = Census(log, stored.tree, [pattern])
    while not stored.closed and census.step():
        yield
    if census.total <= keep:
        return 0, 0
    search = lookup.SearchBack(log, stored.tree, pattern, last_seq, count=keep)
    while not stored.closed and search.step():
        yield
    return census.total - keep, search.found  # 0: of those no more than `keep` are left


def _covers(pattern: str, consumer: Consumer) -> bool:
    """True if the consumer sees nothing that `pattern` does not match."""
    return all(subjects.covers(pattern, one) for one in consumer.config.filters or (">",))


def _pass_purged(stream: Stream, pattern: str, first_left: int, turn: Turn) -> None:
    """Consumers need not look for what is gone: up to `first_left` nothing matches `pattern`."""
    log = stream.stored.log
    for consumer in stream:
        if _covers(pattern, consumer):
            consumer.cursor.purged(first_left, turn)
        # not `next_seq`: who found nothing is further than the original says it is
        elif consumer.cursor.delivered_seq + 1 < log.first_seq and any(
            subjects.collide(pattern, one) for one in consumer.config.filters or (">",)
        ):
            consumer.cursor.purged(log.first_seq, turn)


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
