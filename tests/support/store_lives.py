"""Lives of a store, one after another: each ends by a power cut, or meets a fault, somewhere.

`kind` is the `World` that lives them. What comes back, or is asserted, is what
`store_world.problems` says of the start after.
"""

import random

from isthmus.base.errors import StoreError
from isthmus.testing.disks import FaultyDisk, MemoryDisk
from support.store_world import PowerCut, World, problems

LIVES = 3


def survive(kind, seed, *, lies=False):
    """Some lives of one store; the problems of the first bad start."""
    disk, models = MemoryDisk(lies=lies), {}
    for life in range(LIVES):
        found = _live(kind, disk, seed, models, life)
        if found:
            return found
        disk = disk.crash(seed * 7 + life)
    return problems(kind(disk, seed, models), models)


def _live(kind, disk, seed, models, life):
    """One life, ended by a power cut somewhere; problems that its start found."""
    chance = random.Random(seed * 100 + life)
    faulty = FaultyDisk(
        disk, chance.randint(1, 400), fault=PowerCut, torn=chance.random() < 0.5, for_good=True
    )
    try:
        world = kind(faulty, seed * 10 + life, models)
        found = problems(world, models)
        if found:
            return found
        world.start()
        world.run(chance.randint(20, 300))
        if chance.random() < 0.2:
            world.finish()
    except PowerCut:
        pass
    return []


def fail_each_operation(kind, steps):
    """Fail the first operation, then the second, and so on, until one life passes untouched.

    Nothing is lost, whether the machine crashes afterwards or only the process ends, and every
    fault is named. How many operations there were.
    """
    fail_at = 0
    while True:
        fail_at += 1
        disk, models = MemoryDisk(), {}
        faulty = FaultyDisk(disk, fail_at)
        try:
            world = kind(faulty, 11, models)
            world.start()
            world.run(steps)
            world.finish()
        except StoreError:
            pass  # at the start: the next one finds what is there
        else:
            assert bool(world.told) == faulty.failed, "every fault is named, and nothing else"
        disk._locked.clear()  # as when the process ends
        for after in (disk.crash(fail_at), disk):
            assert problems(World(after, 12, models), models) == [], f"operation {fail_at}"
        if not faulty.failed:
            return fail_at
