"""Group commit: one group at a time, released after its sync and never before."""

from isthmus.core.replay import survey
from isthmus.core.segment import KINDS
from isthmus.core.turn import Turn
from isthmus.store.journal import REST_BYTES, REST_NS, JournalOwner
from isthmus.testing.disks import MemoryDisk

SEGMENT_BYTES = 4096


class Bench:
    """An owner whose jobs wait until they are run by hand."""

    def __init__(self, **options):
        self.jobs = []
        self.told = []
        self.released = []
        self.disk = MemoryDisk()
        self.turn = Turn(1)
        self.owner = JournalOwner(
            self.jobs.append,
            secret=5,
            segment_bytes=SEGMENT_BYTES,
            first=1,
            tell=self.told.append,
            **options,
        )
        self.journal = self.owner.journal

    def publish(self, *names, size=10):
        for name in names:
            lsn = self.journal.write(self.turn, KINDS["message"], 1, payload=bytes(size))
            self.journal.when_durable(lsn, lambda *_, name=name: self.released.append(name))
        self.turn.finish()

    def lane(self, lane):
        return [job for job in self.jobs if job.lane == lane]

    def complete(self, lane="journal", error=None):
        job = self.lane(lane)[0]
        self.jobs.remove(job)
        if error is None:
            job.run(self.disk)
        job.done(error, self.turn)
        self.turn.finish()


def test_nothing_is_released_before_the_disk_is_done():
    bench = Bench()
    bench.publish("a", "b")
    (job,) = bench.jobs
    assert bench.released == []
    job.run(bench.disk)
    assert bench.released == []
    job.done(None, bench.turn)
    assert bench.released == ["a", "b"]


def test_a_group_is_written_then_synced_then_marked():
    bench = Bench()
    bench.publish("a")
    bench.complete()
    path = "journal/00000000000000000001.seg"
    assert bench.disk.operations == [
        ("preallocate", "journal/spare-1"),
        ("rename", path),
        ("sync_folder", "journal"),
        ("write", path),
        ("sync", path),
        ("write", path),
    ]


def test_a_group_is_released_before_its_mark_is_written_and_the_mark_says_so():
    bench = Bench()
    bench.publish("a")
    (job,) = bench.lane("journal")
    bench.jobs.remove(job)
    job.run_first(bench.disk)
    job.done(None, bench.turn)
    assert bench.released == ["a"]
    path = "journal/00000000000000000001.seg"
    found = survey(
        bench.disk.read(path, 0, SEGMENT_BYTES), secret=5, number=1, segment_bytes=SEGMENT_BYTES
    )
    assert found.released < bench.journal.durable_lsn
    job.run_rest(bench.disk)
    found = survey(
        bench.disk.read(path, 0, SEGMENT_BYTES), secret=5, number=1, segment_bytes=SEGMENT_BYTES
    )
    assert found.released == bench.journal.durable_lsn


def test_a_mark_that_cannot_be_written_releases_nothing_more():
    bench = Bench()
    bench.publish("a")
    bench.publish("b")
    job = bench.lane("journal")[0]
    bench.complete()
    job.failed_late(OSError(5, "Input/output error"))
    assert bench.released == ["a"]
    bench.complete()
    assert bench.released == ["a"]
    assert bench.told == ["journal write failed: [Errno 5] Input/output error"]
    bench.publish("c")
    assert bench.lane("journal") == []


def test_what_comes_meanwhile_is_the_next_group():
    bench = Bench()
    bench.publish("a")
    bench.publish("b")
    bench.publish("c")
    assert len(bench.lane("journal")) == 1
    bench.complete()
    assert bench.released == ["a"]
    bench.complete()
    assert bench.released == ["a", "b", "c"]
    assert bench.lane("journal") == []


def test_a_failed_sync_releases_nothing_ever_again():
    bench = Bench()
    bench.publish("a")
    bench.publish("b")
    bench.complete(error=OSError(5, "Input/output error"))
    assert bench.released == []
    assert bench.journal.failed
    assert bench.told == ["journal write failed: [Errno 5] Input/output error"]
    bench.publish("c")
    assert bench.jobs == []
    assert bench.owner.idle


def test_with_an_interval_it_is_released_after_the_write_and_synced_by_timer():
    bench = Bench(sync_interval_ns=100)
    bench.turn.begin(1000)
    bench.publish("a")
    bench.complete()
    assert bench.released == ["a"]
    assert "sync" not in [what for what, _ in bench.disk.operations]
    assert bench.owner.deadline_ns() == 1100
    bench.owner.tick(1099)
    assert bench.lane("journal") == []
    bench.owner.tick(1100)
    bench.complete()
    assert bench.disk.operations[-1] == ("sync", "journal/00000000000000000001.seg")
    assert bench.owner.deadline_ns() is None


def test_a_failed_timed_sync_stops_the_journal_too():
    bench = Bench(sync_interval_ns=100)
    bench.publish("a")
    bench.complete()
    bench.owner.tick(1 << 60)
    bench.complete(error=OSError(5, "Input/output error"))
    assert bench.journal.failed


def test_the_next_segment_is_ready_before_it_is_needed():
    bench = Bench()
    bench.publish("a")
    bench.complete()
    bench.complete("segments")
    assert bench.disk.size("journal/00000000000000000002.seg") == SEGMENT_BYTES
    bench.disk.operations.clear()
    bench.publish("b", size=3000)
    bench.publish("c", size=3000)
    bench.complete()
    bench.complete()
    assert "preallocate" not in [what for what, _ in bench.disk.operations]
    assert bench.released == ["a", "b", "c"]


def test_a_group_waits_for_a_segment_that_is_being_made_ready():
    bench = Bench()
    bench.publish("a")
    bench.complete()
    bench.publish("b", size=3900)
    assert bench.lane("journal") == []
    bench.complete("segments")
    bench.complete()
    assert bench.released == ["a", "b"]


def test_a_segment_that_could_not_be_made_ready_is_made_by_the_group_that_needs_it():
    bench = Bench()
    bench.publish("a")
    bench.complete()
    bench.complete("segments", OSError(28, "No space left on device"))
    bench.publish("b", size=3900)
    bench.complete()
    assert bench.released == ["a", "b"]


def test_freed_segments_are_used_again_when_a_commit_says_so():
    bench = Bench()
    for number in range(12):
        bench.publish(number, size=2000)
        while bench.jobs:
            bench.complete(bench.jobs[0].lane)
    before = bench.disk.list("journal")
    bench.owner.free_below(4 * SEGMENT_BYTES)
    assert bench.disk.list("journal") == before
    for number in range(3):
        bench.publish(number)
        while bench.jobs:
            bench.complete(bench.jobs[0].lane)
    assert "00000000000000000003.seg" not in bench.disk.list("journal")
    assert "00000000000000000004.seg" in bench.disk.list("journal")
    assert [name for name in bench.disk.list("journal") if name.startswith("spare")]


def test_an_ingest_must_refuse_while_the_disk_is_behind():
    bench = Bench(pending_max=10_000)
    while not bench.journal.refusing:
        bench.publish("x", size=500)
    assert bench.journal.end_lsn - bench.journal.durable_lsn < 15_000
    while bench.jobs:
        bench.complete(bench.jobs[0].lane)
    assert not bench.journal.refusing


def append(bench, size=10):
    """A record that nobody waits for."""
    bench.journal.write(bench.turn, KINDS["ack"], 1, payload=bytes(size))
    bench.turn.finish()


def test_what_nobody_waits_for_rests_until_its_time_has_come():
    bench = Bench()
    bench.turn.begin(1000)
    append(bench)
    assert bench.jobs == []
    assert bench.turn.take_wake() == bench.owner.deadline_ns() == 1000 + REST_NS
    assert not bench.owner.idle
    bench.owner.tick(1000 + REST_NS - 1)
    assert bench.jobs == []
    bench.owner.tick(1000 + REST_NS)
    assert len(bench.lane("journal")) == 1
    assert bench.owner.deadline_ns() is None


def test_what_comes_while_it_rests_does_not_prolong_the_rest():
    bench = Bench()
    bench.turn.begin(1000)
    append(bench)
    bench.turn.begin(2000)
    append(bench)
    assert bench.owner.deadline_ns() == 1000 + REST_NS


def test_what_somebody_waits_for_takes_along_what_rests():
    bench = Bench()
    append(bench)
    end_lsn = bench.journal.end_lsn
    bench.publish("a")
    assert bench.journal.taken_lsn > end_lsn
    assert bench.owner.deadline_ns() is None
    bench.complete()
    assert bench.released == ["a"]


def test_what_collects_behind_a_group_rests_too_unless_somebody_waits_for_it():
    bench = Bench()
    bench.publish("a")
    append(bench)
    bench.complete()
    assert bench.lane("journal") == []
    assert bench.owner.deadline_ns() is not None
    bench.publish("b")
    append(bench)
    bench.publish("c")
    bench.complete()
    assert len(bench.lane("journal")) == 1, "c is waited for"


def test_a_bound_of_bytes_ends_the_rest():
    bench = Bench()
    while bench.journal.end_lsn - bench.journal.taken_lsn < REST_BYTES - SEGMENT_BYTES:
        assert bench.jobs == []
        append(bench, size=SEGMENT_BYTES // 2)
    for _ in range(4):
        append(bench, size=SEGMENT_BYTES // 2)
    assert len(bench.lane("journal")) == 1


def test_a_clock_that_was_set_back_does_not_prolong_the_rest():
    bench = Bench()
    bench.turn.begin(10 * REST_NS)
    append(bench)
    bench.owner.tick(REST_NS)
    assert len(bench.lane("journal")) == 1


def test_after_a_flush_nothing_rests():
    bench = Bench()
    append(bench)
    bench.owner.flush()
    bench.complete()
    assert bench.lane("journal") == []
    append(bench)
    assert len(bench.lane("journal")) == 1


def test_the_loop_is_told_when_a_sync_is_due():
    bench = Bench(sync_interval_ns=10**9)
    bench.publish("a")
    bench.turn.begin(7)
    bench.complete()
    assert bench.turn.take_wake() == bench.owner.deadline_ns() == 7 + 10**9
