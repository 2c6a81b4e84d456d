"""Flipped bits, cut files, torn and lost sectors: what was acknowledged is there, or is named.

`make soak` goes through every bit and every length of a store of at most 8 KiB, and through 20,000
bits and every sector that was written of one of a mebibyte; `make test` through a sample.
"""

import random

import pytest

from isthmus.base.errors import StoreError
from isthmus.store.records import segment_path
from isthmus.testing.disks import SECTOR, FaultyDisk, MemoryDisk
from support.damage import Whole
from support.promises import FaultWorld, Promises
from support.soak import SOAK, examples
from support.store_world import OPTIONS, World, problems

SEEDS = 300
LIVE_MAX = 8192
FLIPS = examples(25, 20_000)  # of the large store


def lived(seed):
    disk, models = MemoryDisk(), {}
    world = World(disk, seed, models)
    world.start()
    world.run(150)
    if seed % 2:
        world.finish()
    else:
        world.settle()
    disk._locked.clear()
    return disk, models


@pytest.mark.parametrize("part", range(5))
def test_a_flipped_bit_loses_nothing_silently(part):
    damaged = 0
    for seed in range(part * SEEDS // 5, (part + 1) * SEEDS // 5):
        disk, models = lived(seed)
        chance = random.Random(seed)
        path = chance.choice(sorted(disk._files))
        disk.flip(path, chance.randrange(disk.size(path)), chance.randrange(8))
        again = World(disk, seed, models)
        found = problems(again, models)
        assert not [text for text in found if "other content" in text], f"seed {seed}"
        if found:
            damaged += 1
            assert again.store.report.findings, f"seed {seed}: {found}"
    assert damaged > 0, "a flip in a full file costs something"


def test_the_stores_own_file_survives_a_flipped_bit_anywhere():
    disk, models = lived(1)
    for offset in range(disk.size("store")):
        for path in ("store", "store.copy"):
            disk.flip(path, offset)
            disk._locked.clear()
            again = World(disk, 1, models)
            assert problems(again, models) == []
            assert again.store.report.findings == [f"the file `{path}` was damaged; repaired"]


@pytest.mark.parametrize("path", ["store", "store.copy"])
def test_one_of_the_stores_own_files_may_be_cut_or_missing(path):
    disk, models = lived(1)
    whole = disk.size(path)
    for size in range(whole):
        disk.cut(path, size)
        disk._locked.clear()
        assert problems(World(disk, 1, models), models) == []
        assert disk.size(path) == whole
    disk.remove(path)
    disk._locked.clear()
    assert problems(World(disk, 1, models), models) == []
    assert disk.size(path) == whole


def test_a_store_without_its_own_file_is_not_opened():
    disk, models = lived(1)
    disk.remove("store")
    disk.remove("store.copy")
    with pytest.raises(StoreError, match="the file `store` is missing"):
        World(disk, 1, models)


def test_a_checkpoint_with_both_copies_damaged_is_named():
    disk, models = lived(1)
    number = int(disk.list("streams")[0])
    path = f"streams/{number}/meta"
    disk.flip(path, 60)
    disk.flip(f"{path}.copy", 60)
    again = World(disk, 1, models)
    (finding,) = again.store.report.findings
    assert finding == (
        f"stream {number}: {path}: damaged, both copies; "
        "of this stream only what the journal still has is used"
    )
    assert not [text for text in problems(again, models) if "other content" in text]


def test_a_missing_segment_is_named():
    disk, models = lived(2)
    last = World(disk, 2, models).store.journal.end_lsn // OPTIONS.segment_bytes
    disk._locked.clear()
    disk.remove(segment_path(last - 1))
    again = World(disk, 2, models)
    assert f"journal: segments behind {last - 2} are missing" in again.store.report.findings


def test_a_cut_segment_is_named_even_if_nothing_shows_what_it_held():
    disk, models = lived(2)
    last = max(name for name in disk.list("journal") if name.endswith(".seg"))
    disk.cut(f"journal/{last}", 0)
    again = World(disk, 2, models)
    number = int(last.partition(".")[0])
    assert (
        f"journal: segment {number} is cut off at 0 of {OPTIONS.segment_bytes} bytes; "
        "what was recorded behind that is lost"
    ) in again.store.report.findings


def test_files_that_are_none_of_the_stores_do_not_stop_it():
    disk, models = lived(1)
    for folder in ("18446744073709551615", "9223372036854775807", "01", "\u0663", "\u00b2", "mine"):
        disk.write_at(f"streams/{folder}/notes", 0, b"x")
    for segment in ("18446744073709551615", "99999999999999999999", "7", "\u0663"):
        disk.write_at(f"journal/{segment}.seg", 0, b"x")
    again = World(disk, 1, models)
    assert problems(again, models) == []
    assert again.store.report.findings == []
    again.start()
    again.run(20)
    again.finish()


def test_what_cannot_be_read_is_not_given_up():
    """A disk that fails to read is not damage: the start ends, and the next one finds all of it."""
    disk, models = lived(1)
    for step in range(1, 10_000):
        faulty = FaultyDisk(disk, step, operations=FaultyDisk.READS)
        try:
            World(faulty, 1, models)
        except StoreError as error:
            assert str(error) == (
                "the store cannot be read or written: [Errno 5] Input/output error; "
                "nothing in it was given up, mend that and start again"
            )
        disk._locked.clear()
        if not faulty.failed:
            break
        again = World(MemoryDisk.of(disk.files()), 1, models)
        assert problems(again, models) == []
        assert again.store.report.findings == []
    assert step > 10


# --- every place ---


def small(*, stopped):
    """A store with a bit of everything: blocks, removals, a consumer, and a journal behind them."""
    world = FaultWorld(MemoryDisk())
    it = Promises(world)
    it.create("S", subjects=["s.>"])
    it.create("Q", subjects=["q.>"], retention="workqueue")
    pull = {"durable_name": "C", "ack_policy": "explicit"}
    it.ask("CONSUMER.DURABLE.CREATE.Q.C", {"stream_name": "Q", "config": pull})
    it.publish("S", *["s.a", "s.b"] * 3, size=40)
    it.publish("Q", *["q.a"] * 3, size=20)
    it.take("Q", "C", 2, removes=True)
    it.delete("S", 2)
    it.delete("S", 3, erase=True)
    it.checkpoint()
    it.publish("S", "s.c", "s.d", header=b"NATS/1.0\r\nA: b\r\n\r\n")
    it.purge("S", "s.d")
    it.take("Q", "C", 1, removes=True)
    if stopped:
        world.stop()
    assert it.problems(FaultWorld(MemoryDisk.of(world.disk.files()))) == []
    whole = Whole(world.disk.files())
    assert whole.live_bytes <= LIVE_MAX, whole.live_bytes
    return whole


def places(files, chance):
    """Every byte of every file, or a sample."""
    all_of_them = [(path, offset) for path, raw in files.items() for offset in range(len(raw))]
    return all_of_them if SOAK else chance.sample(all_of_them, 60)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stopped", [True, False])
def test_any_flipped_bit_costs_at_most_the_record_it_is_in(stopped):
    whole, bad, count = small(stopped=stopped), [], 0
    for path, offset in places(whole.files, random.Random(1)):
        for bit in range(8):
            bad += [f"{path}, {offset}, bit {bit}: {x}" for x in whole.flipped(path, offset, bit)]
            count += 1
    print(f"{count} bits of {whole.live_bytes} bytes that live")
    assert bad == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stopped", [True, False])
def test_a_file_of_any_length_costs_at_most_what_was_cut(stopped):
    whole, bad, count = small(stopped=stopped), [], 0
    for path, size in places(whole.files, random.Random(2)):
        bad += [f"{path}, {size}: {x}" for x in whole.cut(path, size)]
        count += 1
    print(f"{count} lengths")
    assert bad == []


def large(disk, *, every=None):
    """About a mebibyte of messages, in `make test` a part of that; `every` is called with the
    promises whenever more were made.
    """
    it = Promises(FaultWorld(disk))
    it.create("S", subjects=["s.>"])
    it.create("K", subjects=["k.>"])
    for number in range(examples(30, 120)):
        it.publish("S", *[f"s.{index % 9}" for index in range(10)], size=700)
        it.publish("K", "k.a", "k.b", size=200)
        if number % 10 == 9:
            it.delete("S", it.there("S")[number // 2])
            it.purge("K", "k.a", keep=20)
        if every is not None:
            every(it)
    return it


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_flipped_bits_of_a_large_store_cost_at_most_their_records():
    disk = MemoryDisk()
    large(disk)
    whole, bad, chance = Whole(disk.files()), [], random.Random(3)
    assert sum(len(raw) for raw in whole.files.values()) > examples(1 << 18, 1 << 20)
    paths = sorted(whole.files)
    sizes = [len(whole.files[path]) for path in paths]
    for path in chance.choices(paths, sizes, k=FLIPS):
        offset, bit = chance.randrange(len(whole.files[path])), chance.randrange(8)
        bad += [f"{path}, {offset}, bit {bit}: {text}" for text in whole.flipped(path, offset, bit)]
    assert bad == []


class TearingDisk:
    """`disk`; after a write, `seen(path, sectors)` may look at what a crash now would leave."""

    def __init__(self, disk):
        self.disk = disk
        self.seen = None

    def write_at(self, path, offset, data):
        self.disk.write_at(path, offset, data)
        if self.seen is not None:
            self.seen(path, range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1))

    def overwrite(self, path, offset, data):
        self.write_at(path, offset, data)

    def __getattr__(self, name):
        return getattr(self.disk, name)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_writes_torn_at_any_sector_and_lost_or_reordered_ones_cost_nothing_acknowledged():
    """At each sector of each write: cut there; only this one lost; any part of what is unsynced."""
    disk = TearingDisk(MemoryDisk())
    chance, count, bad = random.Random(4), [0], []
    promises = []

    def seen(path, sectors):
        for sector in sectors:
            if not promises or (not SOAK and chance.random() > 0.004):
                continue
            keeps = {
                "torn": lambda at, number, cut=sector: at != path or number < cut,
                "lost": lambda at, number, gone=sector: at != path or number != gone,
                "any part": None,
            }
            for how, keep in keeps.items():
                count[0] += 1
                after = FaultWorld(disk.disk.crash(count[0], keep))
                bad.extend(
                    f"{how} at {path}, sector {sector}: {x}" for x in promises[0].problems(after)
                )
                after.forget()  # or its memory stays, and there are tens of thousands

    disk.seen = seen
    large(disk, every=lambda it: promises or promises.append(it))
    print(f"{count[0]} crashes")
    assert bad == []
    assert count[0] >= 3
