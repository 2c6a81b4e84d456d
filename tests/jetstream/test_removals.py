"""Purges in slices, while other messages come and go: what they were to keep is kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core import upkeep
from isthmus.jetstream import removals
from support.jetstream import StreamWorld
from support.soak import examples

SLICE = 4
FILTERS = [None, "s.*", "s.a"]


class Purged:
    """A stream of which all but the newest messages go, slice by slice."""

    def __init__(self, published: str, keep: int, pattern: str | None) -> None:
        self.world = StreamWorld()
        self.client = self.world.client()
        self.client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "storage": "memory"})
        for leaf in published:
            self.client.publish(f"s.{leaf}")
        self.stream = self.world.jetstream().streams["S"]
        self.pattern, self.keep, self.told = pattern, keep, None
        self.old = [number for number, leaf in enumerate(published, 1) if self._goes(leaf)]
        self.others = set(range(1, len(published) + 1)) - set(self.old)
        self.gone: set[int] = set()
        if pattern is None:
            self.removal = removals.Purge(self.stream, 0, keep, self._done)
        else:
            self.sliced = removals.purge_matching(self.stream, pattern, 0, keep, self.world.turn)

    def _goes(self, leaf: str) -> bool:
        return self.pattern in {None, "s.*", f"s.{leaf}"}

    def _done(self, count, _turn):
        self.told = count

    def step(self) -> bool:
        self.world.begin()
        if self.pattern is None:
            return self.told is None and self.removal.step(self.world.turn)
        try:
            next(self.sliced)
        except StopIteration as end:
            self.told = self.told if end.value is None else end.value
            return False
        return True

    def delete(self, seq: int) -> None:
        if upkeep.discard(self.stream.stored, seq, self.world.begin()):
            self.gone.add(seq)

    def left(self) -> set[int]:
        log = self.stream.stored.log
        found = (log.get(seq) for seq in range(1, log.last_seq + 1))
        return {entry.seq for entry in found if entry is not None}

    def close(self) -> None:
        self.world.finish()
        self.stream.stored.check()
        self.world.forget()


@pytest.mark.parametrize("pattern", FILTERS)
def test_what_goes_by_itself_is_not_taken_from_what_is_kept(monkeypatch, pattern):
    monkeypatch.setattr(removals, "SLICE", SLICE)
    it = Purged("a" * 20, 10, pattern)
    assert it.step()
    assert len(it.left()) == 16
    for seq in range(5, 10):
        it.delete(seq)
    while it.step():
        pass
    assert it.left() == set(range(11, 21))
    assert it.told == 5
    it.close()


@given(
    st.text("ab", min_size=1, max_size=40),
    st.integers(1, 12),
    st.sampled_from(FILTERS),
    st.lists(st.integers(0, 45), max_size=30),
)
@settings(max_examples=examples(150), deadline=None)
def test_of_what_was_there_the_newest_stay_and_nothing_older(published, keep, pattern, meanwhile):
    """Zero publishes, another number deletes that message, each between two slices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removals, "SLICE", SLICE)
        it = Purged(published, keep, pattern)
        more = it.step()
        for seq in meanwhile:
            if seq:
                it.delete(seq)
            else:
                it.client.publish("s.a")
            more = more and it.step()
        while more:
            more = it.step()
    last = it.stream.stored.log.last_seq
    new = set(range(len(published) + 1, last + 1))
    assert it.left() == (it.others | set(it.old[-keep:]) | new) - it.gone
    it.close()


def test_messages_are_counted_from_the_end_across_blocks_and_gaps():
    world = StreamWorld()
    client = world.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "storage": "memory"})
    body = b"x" * 100_000
    for number in range(40):
        client.publish(f"s.{number}", body)
    stored = world.jetstream().streams["S"].stored
    world.begin()
    gone = {1, 2, 11, 12, 20, *range(25, 38), 40}
    for seq in gone:
        upkeep.discard(stored, seq, world.turn)
    there = [seq for seq in range(1, 41) if seq not in gone]
    for count in range(1, len(there) + 1):
        first = upkeep.newest(stored, count)
        assert [seq for seq in there if seq >= first] == there[-count:]
    assert upkeep.newest(stored, 1000) == 3
    world.finish()
    world.forget()
