"""A file stream against the same model as a memory stream, with a small cache and restarts."""

import pytest
from hypothesis import settings
from hypothesis.stateful import rule
from hypothesis.strategies import integers

from isthmus.core import write_back
from isthmus.core.turn import Turn
from isthmus.store.blocks import BlockCache, StreamNow
from isthmus.store.recover import Options, open_store
from isthmus.testing.disks import FaultyDisk, MemoryDisk
from support.entropy import SeededEntropy
from support.log_machine import LogMachine
from support.soak import examples

OPTIONS = Options(segment_bytes=4096, block_bytes=512, checkpoint_bytes=1 << 40, cache_bytes=2048)


class StillKeeper:
    """A stream without consumers."""

    def __init__(self):
        self.reasons = []

    def checkpoint(self):
        return StreamNow(account=b"A", name=b"S", config=b"{}", consumers=[])

    def store_failed(self, reason):
        self.reasons.append(reason)


class StoreOfOne:
    """A store with the stream 5, its jobs carried out when asked."""

    def __init__(self, disk):
        self.disk = disk
        self.turn = Turn(1)
        self.jobs = []
        self.told = []
        self.keeper = StillKeeper()
        self.store = open_store(
            disk, SeededEntropy("store"), options=OPTIONS, tell=self.told.append
        )
        self.store.start(self.jobs.append, self.turn)

    def make_log(self, first_seq=1):
        log = self.store.make_log(5, first_seq)
        self.store.keep(5, self.keeper)
        return log

    def work(self, count=1 << 30):
        while self.jobs and count:
            count -= 1
            job = self.jobs.pop(0)
            error = None
            try:
                job.run(self.disk)
            except OSError as caught:
                error = caught
            job.done(error, self.turn)
            self.turn.finish()

    def checkpoint(self):
        self.store.finish(self.turn)
        self.work()
        assert self.store.idle


class FileLogMachine(LogMachine):
    memory = False

    def make_log(self, first_seq):
        self.disk = MemoryDisk()
        self.one = StoreOfOne(self.disk)
        return self.one.make_log(first_seq)

    @rule(count=integers(1, 5))
    def work(self, count):
        self.one.work(count)

    @rule()
    def checkpoint(self):
        self.one.checkpoint()

    @rule()
    def restart(self):
        self.one.checkpoint()
        self.disk._locked.clear()
        self.one = StoreOfOne(self.disk)
        assert self.one.store.report.findings == []
        (found,) = self.one.store.recovered
        self.log, self.tree = found.log, found.tree
        self.one.store.keep(5, self.one.keeper)
        files = {f"{first}-{generation}.blk" for first, generation, _ in write_back.files(self.log)}
        assert files | {"meta", "meta.copy"} == set(self.disk.list("streams/5"))


TestFileLog = FileLogMachine.TestCase
TestFileLog.settings = settings(max_examples=examples(30), stateful_step_count=40, deadline=None)
TestFileLog.pytestmark = [pytest.mark.soak]


def filled(count=200):
    disk = MemoryDisk()
    one = StoreOfOne(disk)
    log = one.make_log()
    for number in range(count):
        log.add(b"s.%d" % (number % 3), b"%06d" % number)
    one.work()
    one.checkpoint()
    return disk, one, log


def test_blocks_in_files_leave_memory():
    _, one, log = filled(2000)
    assert log.resident <= OPTIONS.cache_bytes * 2
    assert [log.get(seq).payload for seq in (1, 777, 2000)] == [b"000000", b"000776", b"001999"]
    assert one.told == []


def test_reading_on_brings_whole_blocks_and_one_message_does_not():
    disk, _, log = filled(2000)
    reads = []
    read = disk.read
    disk.read = lambda path, offset, size: reads.append(size) or read(path, offset, size)
    log.get(100)
    assert max(reads) < 64
    reads.clear()
    for seq in range(500, 600):
        assert log.get(seq) is not None
    assert len(reads) < 60


def test_a_damaged_message_is_named_and_the_others_stay():
    disk, one, log = filled()
    (path,) = [f"streams/5/{name}" for name in disk.list("streams/5") if name.startswith("1-")]
    offset = disk.read(path, 0, 512).index(b"000003")
    disk.flip(path, offset)
    assert log.get(4) is None
    assert log.get(5).payload == b"000004"
    assert one.told == ["stream 5: message 4 is damaged on disk (block 1, offset 168)"]
    one.checkpoint()
    disk._locked.clear()
    again = StoreOfOne(disk)
    (found,) = again.store.recovered
    assert found.log.messages == 199
    assert again.store.report.lost == 1
    assert "1-0.blk is damaged at offset 168, behind message 3" in again.store.report.findings[0]


def test_a_block_that_is_missing_is_named():
    disk, _, _ = filled()
    (path,) = [f"streams/5/{name}" for name in disk.list("streams/5") if name.startswith("1-")]
    disk.remove(path)
    disk._locked.clear()
    again = StoreOfOne(disk)
    assert again.store.report.lost > 0
    assert path in again.store.report.findings[0]
    assert again.store.recovered[0].log.messages == 200 - again.store.report.lost


def test_a_stream_whose_files_can_not_be_written_stops_alone_and_goes_on_when_they_can():
    disk = MemoryDisk()
    one = StoreOfOne(disk)
    log = one.make_log()
    one.disk = FaultyDisk(
        disk, 1, fault=lambda: OSError(28, "No space left on device"), for_good=True
    )
    for number in range(50):
        log.add(b"a", b"%d" % number)
    one.work()
    assert "No space left on device" in one.keeper.reasons[-1]
    assert "No space left on device" in one.store.health()
    assert not one.store.journal.failed
    one.disk = disk
    one.checkpoint()
    assert one.keeper.reasons[-1] == ""
    assert one.store.health() == ""
    disk._locked.clear()
    (found,) = StoreOfOne(disk).store.recovered
    assert [found.log.get(seq).payload for seq in (1, 50)] == [b"0", b"49"]


def test_a_mostly_removed_block_is_written_anew():
    disk, one, log = filled()
    before = sum(size for _, _, size in write_back.files(log))
    for seq in range(1, 201):
        if seq % 5:
            log.discard(seq)
    for _ in range(20):
        one.checkpoint()
        log.use_up(log.last_seq + 1)  # something changed: the next checkpoint is a real one
    after = sum(size for _, _, size in write_back.files(log))
    assert after < before // 2
    on_disk = sum(
        disk.size(f"streams/5/{name}") for name in disk.list("streams/5") if name.endswith(".blk")
    )
    assert on_disk == after
    assert log.get(200).payload == b"000199"


class BlocksOfOne:
    """Stands for a log: which blocks are read, and which have left memory."""

    number = 5

    def __init__(self):
        self.read, self.gone = set(), []

    def touched(self, first_seq):
        was = first_seq in self.read
        self.read.discard(first_seq)
        return was

    def evict(self, first_seq):
        self.gone.append(first_seq)


def test_what_nobody_reads_has_a_part_of_the_cache():
    cache, log = BlockCache(1000), BlocksOfOne()
    for number in range(10):
        cache.add(log, number, 100)
    assert cache.bytes_held == 100
    assert log.gone == list(range(9))


def test_what_is_read_between_two_others_fills_the_cache_and_no_more():
    cache, log = BlockCache(1000), BlocksOfOne()
    for number in range(15):
        log.read = set(range(number))
        cache.add(log, number, 100)
    assert cache.bytes_held == 1000
    assert len(log.gone) == 5
    log.read = {14}
    cache.add(log, 15, 100)
    assert cache.bytes_held == 200
    assert {14, 15} & set(log.gone) == set()


def test_a_block_that_comes_stays_whatever_is_read():
    cache, log = BlockCache(1000), BlocksOfOne()
    for number in range(3):
        log.read = set(range(number))
        cache.add(log, number, 300)
    assert log.gone == []


def test_the_cache_keeps_what_was_read():
    _, one, log = filled(2000)
    cache = BlockCache(1 << 20)
    assert cache.bytes_held == 0
    assert one.store._cache.bytes_held <= OPTIONS.cache_bytes
    one.store._cache.forget_stream(5)
    assert one.store._cache.bytes_held == 0
    assert log.get(1) is not None
