"""A flipped bit in any file: what was acknowledged is there, or its loss is named."""

import random

import pytest

from isthmus.base.errors import StoreError
from isthmus.store.records import segment_path
from isthmus.testing.disks import MemoryDisk
from support.store_world import OPTIONS, World, problems

SEEDS = 300


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
        disk.flip("store", offset)
        disk._locked.clear()
        again = World(disk, 1, models)
        assert problems(again, models) == []
        assert again.store.report.findings == ["one copy in the file `store` was damaged; repaired"]


def test_a_store_without_its_own_file_is_not_opened():
    disk, models = lived(1)
    disk.remove("store")
    with pytest.raises(StoreError, match="the file `store` is missing"):
        World(disk, 1, models)


def test_a_checkpoint_with_both_copies_damaged_is_named():
    disk, models = lived(1)
    number = int(disk.list("streams")[0])
    path = f"streams/{number}/meta"
    half = disk.size(path) // 2
    disk.flip(path, 60)
    disk.flip(path, half + 60)
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
