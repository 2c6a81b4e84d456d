"""Power cuts at any moment, on a disk that keeps any part of what was not synced.

Every message, acknowledgement, removal and deletion that was released is there afterwards; nothing
else than what was published is; no sequence is given to two messages.
"""

from functools import partial

import pytest

from isthmus.base.errors import StoreError
from isthmus.testing.disks import FaultyDisk, MemoryDisk
from support.store_lives import fail_each_operation, survive
from support.store_world import OPTIONS, World, problems

SEEDS = 500
EARLY = partial(World, early=True)


@pytest.mark.parametrize("part", range(10))
def test_nothing_released_is_lost_and_no_sequence_is_used_twice(part):
    for seed in range(part * SEEDS // 10, (part + 1) * SEEDS // 10):
        assert survive(World, seed) == [], f"seed {seed}"


@pytest.mark.parametrize("part", range(3))
def test_nor_when_a_group_is_answered_before_its_mark_is_written(part):
    for seed in range(10_000 + part * 50, 10_050 + part * 50):
        assert survive(EARLY, seed) == [], f"seed {seed}"


def test_a_disk_that_lies_about_syncs_is_found_out():
    """Without the syncs the same check fails: it can."""
    bad = 0
    for seed in range(40):
        try:
            bad += survive(World, seed, lies=True) != []
        except StoreError:
            bad += 1  # not even the store's own file was there
    assert bad > 20


def test_a_stopped_store_comes_back_whole():
    disk, models = MemoryDisk(), {}
    world = World(disk, 3, models)
    world.start()
    world.run(400)
    world.finish()
    assert world.store.idle
    again = World(disk.crash(1), 4, models)
    assert problems(again, models) == []
    assert again.store.report.findings == []
    reached = {files.checkpoint_lsn for files in world.store._streams.values()}
    assert reached == {world.store.journal.end_lsn}, "nothing is left to replay"


def test_segments_are_used_again():
    disk = MemoryDisk()
    world = World(disk, 5)
    world.start()
    world.run(3000)
    world.settle()
    begun = world.store.journal.end_lsn // OPTIONS.segment_bytes
    made = sum(what == "preallocate" for what, _ in disk.operations)
    assert begun > 100
    assert len(disk.list("journal")) < 30
    assert made < begun * 3 // 4


@pytest.mark.parametrize(("kind", "steps"), [(World, 120), (EARLY, 160)])
def test_a_fault_at_any_step_loses_nothing(kind, steps):
    """What is done early takes steps of its own."""
    assert fail_each_operation(kind, steps) > 150


def test_a_failed_journal_says_so_and_acknowledges_nothing_more():
    disk, models = MemoryDisk(), {}
    world = World(disk, 13, models)
    world.start()
    world.run(50)
    world.settle()
    world.shell.disk = FaultyDisk(
        disk, 1, fault=lambda: OSError(28, "No space left on device"), for_good=True
    )
    world.run(50)
    world.settle()
    before = sum(len(model.durable) for model in models.values())
    assert "No space left on device" in world.store.health()
    assert world.store.journal.refusing
    world.run(50)
    world.settle()
    assert sum(len(model.durable) for model in models.values()) == before
    disk._locked.clear()
    assert problems(World(disk, 14, models), models) == []
