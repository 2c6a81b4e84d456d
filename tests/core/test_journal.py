"""The journal against two lists: what is taken, what is released, and in which order."""

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import binary, integers, sampled_from

from isthmus.base.errors import StoreError
from isthmus.core.journal import Journal
from isthmus.core.segment import KINDS, decode, epoch
from isthmus.core.turn import Turn
from models.journal import JournalModel
from support.soak import examples

SECRET = 0xC0FFEE
SEGMENT_BYTES = 1024
COMMIT = KINDS["commit"]


class RecordingOwner:
    def __init__(self):
        self.told = []

    def appended(self, turn):
        self.told.append(turn)


def make_journal(owner=None, **options):
    options = {
        "secret": SECRET,
        "segment_bytes": SEGMENT_BYTES,
        "start_lsn": 5 * SEGMENT_BYTES,
        "pending_max": 1 << 20,
    } | options
    return Journal(owner or RecordingOwner(), **options)


def read_pieces(pieces):
    """`(lsn, entry)` of every record, each read with the epoch of its segment."""
    out = []
    for lsn, view in pieces:
        data, offset = bytes(view), 0
        number = lsn // SEGMENT_BYTES
        assert (lsn + len(data) - 1) // SEGMENT_BYTES == number, "a piece lies in one segment"
        while offset < len(data):
            entry, occupied = decode(data, offset, epoch=epoch(SECRET, number))
            assert entry is not None
            out.append((lsn + offset, entry))
            offset += occupied
    return out


class JournalMachine(RuleBasedStateMachine):
    """Small segments and a small arena of facts; one group is written at a time."""

    def __init__(self):
        super().__init__()
        self.owner = RecordingOwner()
        self.journal = make_journal(self.owner)
        self.model = JournalModel()
        self.turn = Turn(1)
        self.released = []
        self.writing = None
        self.end = 5 * SEGMENT_BYTES

    @rule(payload=binary(max_size=300), seq=integers(1, 9))
    def append(self, payload, seq):
        lsn = self.journal.write(self.turn, KINDS["message"], 3, seq, payload=payload)
        if not self.model.failed:
            assert lsn > self.end
            self.end = lsn
            self.model.records.append((lsn, (seq, payload)))

    @rule(count=integers(1, 40), size=sampled_from([10, 100, 800]))
    def append_many(self, count, size):
        for number in range(count):
            self.append(b"x" * size, number)

    @rule(reply=binary(max_size=60), seq=integers(0, 2**64 - 1), note=integers(0, 2**32 - 1))
    def hold(self, reply, seq, note):
        if self.journal.durable_lsn < self.journal.end_lsn or self.model.failed:
            self.journal.when_durable(self.journal.end_lsn, self.on_durable, seq, reply, note)
            if not self.model.failed:
                self.model.held.append((self.journal.end_lsn, seq, reply, note))

    @rule(count=integers(1, 100))
    def hold_many(self, count):
        for number in range(count):
            self.hold(b"r" * 1000, number, 0)

    def on_durable(self, seq, reply, note, turn):
        assert turn is self.turn
        self.released.append((seq, reply, note))

    @rule()
    def turn_ends(self):
        told = len(self.owner.told)
        self.turn.finish()
        if self.journal.end_lsn > self.journal.taken_lsn:
            assert self.owner.told[told:] in ([], [self.turn])

    @rule()
    def take(self):
        if self.writing is not None:
            return
        group = read_pieces(self.journal.take())
        records = [(e.seq, e.payload) for _, e in group if e.kind != COMMIT]
        assert records == self.model.take()
        if group:
            self.check_commits(group)
        self.writing = self.journal.taken_lsn

    def check_commits(self, group):
        """The group and each segment begin with a commit that names its place."""
        assert group[0][1].kind == COMMIT
        for lsn, entry in group:
            assert (entry.kind == COMMIT) or lsn % SEGMENT_BYTES
            if entry.kind == COMMIT:
                assert entry.owner == lsn
                assert entry.seq == self.journal.durable_lsn
                assert bool(entry.payload) == (lsn % SEGMENT_BYTES == 0)

    @rule()
    def write_completes(self):
        if self.writing is None:
            return
        self.journal.release(self.writing, self.turn)
        assert self.released == self.model.release(self.writing)
        self.released = []
        self.writing = None

    @rule(unlikely=integers(0, 30))
    def fail(self, unlikely):
        if unlikely == 0:
            self.journal.fail("disk on fire")
            self.model.failed = True
            self.model.records = self.model.records[: self.model.taken]
            self.model.held = []

    @invariant()
    def agrees_with_model(self):
        assert self.journal.held_count == len(self.model.held)
        assert self.journal.failed == self.model.failed
        assert self.journal.refusing == self.model.failed
        assert self.journal.durable_lsn <= self.journal.taken_lsn <= self.journal.end_lsn


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=examples(60), stateful_step_count=40, deadline=None)
TestJournal.pytestmark = [pytest.mark.soak]


def release_all(journal, turn):
    journal.take()
    journal.release(journal.taken_lsn, turn)


def test_an_ingest_must_refuse_while_too_much_waits():
    journal, turn = make_journal(pending_max=4096), Turn(1)
    while not journal.refusing:
        journal.write(turn, KINDS["message"], 1, payload=bytes(100))
    assert 4096 < journal.end_lsn - journal.durable_lsn < 6000
    release_all(journal, turn)
    assert not journal.refusing


def test_a_failed_journal_releases_nothing_and_keeps_nothing():
    journal, turn, released = make_journal(), Turn(1), []
    lsn = journal.write(turn, KINDS["message"], 1, payload=b"x")
    journal.when_durable(lsn, lambda *_: released.append(1))
    journal.take()
    journal.fail("no space left on device")
    journal.release(journal.taken_lsn, turn)
    assert released == []
    assert (journal.failed, journal.refusing, journal.reason) == (
        True,
        True,
        "no space left on device",
    )
    assert journal.write(turn, KINDS["message"], 1, payload=b"y") == lsn
    assert journal.take() == []


def test_what_is_appended_while_things_are_released_waits_for_the_next_group():
    journal, turn, seen = make_journal(), Turn(1), []

    def first(seq, reply, note, turn):
        seen.append(reply)
        for number in range(3000):  # enough to need new shelves while this one is read
            later = journal.write(turn, KINDS["ack"], 1, payload=b"republished")
            journal.when_durable(later, lambda *args: seen.append(args[1]), 0, b"%d" % number)
        seen.append(reply)

    journal.when_durable(journal.write(turn, KINDS["message"], 1), first, 0, b"one")
    release_all(journal, turn)
    assert seen == [b"one", b"one"]
    release_all(journal, turn)
    assert seen[2:] == [b"%d" % number for number in range(3000)]


def test_an_error_in_one_holder_leaves_the_others_to_the_next_release():
    journal, turn, seen = make_journal(), Turn(1), []

    def fails(*_):
        raise ValueError("bug")

    lsn = journal.write(turn, KINDS["message"], 1)
    journal.when_durable(lsn, fails)
    journal.when_durable(lsn, lambda *_: seen.append("second"))
    with pytest.raises(ValueError, match="bug"):
        release_all(journal, turn)
    release_all(journal, turn)
    assert seen == ["second"]


def test_a_record_larger_than_a_segment_is_refused():
    journal = make_journal()
    with pytest.raises(StoreError, match="at most 912"):
        journal.write(None, KINDS["message"], 1, payload=bytes(873))
    assert journal.record_max == 912
    assert journal.write(None, KINDS["message"], 1, payload=bytes(872)) > 0


def test_after_a_restart_a_new_segment_names_where_the_old_records_end():
    journal = make_journal(previous_end=5 * SEGMENT_BYTES - 600)
    journal.oldest_lsn, journal.next_number = 2 * SEGMENT_BYTES, 77
    journal.write(None, KINDS["message"], 1)
    (lsn, head), _ = read_pieces(journal.take())
    assert lsn == 5 * SEGMENT_BYTES
    assert head.seq == 5 * SEGMENT_BYTES - 600
    assert head.payload == b"".join(
        number.to_bytes(8, "little")
        for number in (1, 5 * SEGMENT_BYTES - 600, 2 * SEGMENT_BYTES, 77)
    )


def test_the_mark_stands_where_the_next_group_will_begin():
    journal, turn = make_journal(), Turn(1)
    journal.write(turn, KINDS["message"], 1)
    journal.take()
    lsn, raw = journal.mark()
    entry, _ = decode(raw, epoch=epoch(SECRET, 5))
    assert (entry.kind, entry.owner, entry.seq) == (COMMIT, lsn, lsn)
    journal.release(lsn, turn)
    journal.write(turn, KINDS["message"], 1)
    assert journal.take()[0][0] == lsn


def test_buffers_are_used_again():
    journal, turn = make_journal(segment_bytes=1 << 24, start_lsn=1 << 24), Turn(1)
    seen = set()
    for _ in range(100):
        for _ in range(40):
            journal.write(turn, KINDS["message"], 1, payload=bytes(10_000))
        for _, view in journal.take():
            seen.add(id(view.obj))
        journal.release(journal.taken_lsn, turn)
    assert len(seen) <= 4
