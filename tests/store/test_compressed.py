"""Streams whose blocks are compressed: the same rules, in fewer bytes."""

import random

import pytest

from isthmus.core import write_back
from isthmus.store import checkpoints
from isthmus.testing.disks import MemoryDisk
from support.archives import Life, content
from support.store_lives import fail_each_operation, survive
from support.store_world import World


class Compressing(Life):
    """A life in which every stream compresses."""

    def create(self, count=0, size=100):
        number = super().create(0)
        self.store.compress(number, wanted=True)
        self.publish(number, count, size)
        return number


def names(life, number):
    return [name for name in life.disk.list(f"streams/{number}") if name != "meta"]


def test_full_blocks_are_compressed_and_read_back():
    life = Compressing(MemoryDisk())
    number = life.create(60)
    life.checkpoint()
    endings = [name.rpartition(".")[2] for name in names(life, number)]
    assert endings.count("blk") == 1, "the one that grows"
    assert endings.count("blz") > 5
    for first, _, _ in write_back.files(life.log(number)):
        life.log(number).evict(first)
    assert [text[2][:3] for text in list(content(life.log(number)).values())[:2]] == [
        b"1:.",
        b"2:.",
    ]


def test_they_come_back_after_a_power_cut():
    disk = MemoryDisk()
    life = Compressing(disk)
    number = life.create(60)
    life.checkpoint()
    messages = content(life.log(number))
    [found] = Life(disk.crash(3)).store.recovered
    assert content(found.log) == messages
    assert found.tree.totals(b">") == (3, 60)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_start_loads_what_compressed_blocks_are_read_with(monkeypatch, compressed):
    loaded = []
    monkeypatch.setattr(checkpoints, "load_compression", lambda: loaded.append(True))
    disk = MemoryDisk()
    life = (Compressing if compressed else Life)(disk)
    life.create(60)
    life.checkpoint()
    Life(disk.crash(3))
    assert bool(loaded) == compressed


def test_what_was_written_in_parts_is_compressed_later():
    life = Compressing(MemoryDisk())
    number = life.create()
    for _ in range(30):
        life.publish(number, 1)
        life.checkpoint()
    life.checkpoint()
    endings = [name.rpartition(".")[2] for name in names(life, number)]
    assert endings.count("blk") == 1
    assert endings.count("blz") >= 3
    [found] = Life(life.disk.crash(4)).store.recovered
    assert content(found.log) == content(life.log(number))


def test_the_choice_belongs_to_the_block():
    disk = MemoryDisk()
    life = Compressing(disk)
    number = life.create(30)
    life.store.compress(number, wanted=False)
    life.publish(number, 30)
    life.checkpoint()
    endings = [name.rpartition(".")[2] for name in names(life, number)]
    assert endings.count("blk") > 2
    assert endings.count("blz") > 2
    after = Life(disk.crash(5))
    assert content(after.store.recovered[0].log) == content(life.log(number))


def test_a_compressed_block_goes_on_growing_after_a_restart():
    disk = MemoryDisk()
    life = Compressing(disk)
    number = life.create(60)
    life.checkpoint()
    last = write_back.files(life.log(number))[-1][0]
    life.discard(number, range(last, 61))  # the last full block is the last one now
    life.log(number).use_up(60)
    life.checkpoint()
    after = Life(disk.crash(6))
    after.trees[number] = after.store.recovered[0].tree
    after.store.compress(number, wanted=True)
    after.publish(number, 40)
    after.checkpoint()
    messages = content(after.log(number))
    assert content(Life(after.disk.crash(7)).store.recovered[0].log) == messages


def test_a_flipped_bit_is_found_and_named():
    disk = MemoryDisk()
    life = Compressing(disk)
    number = life.create(60)
    life.checkpoint()
    messages = content(life.log(number))
    packed = [name for name in names(life, number) if name.endswith("blz")]
    chance = random.Random(8)
    lost = 0
    for _ in range(200):
        broken = disk.crash(1)
        path = f"streams/{number}/{chance.choice(packed)}"
        broken.flip(path, chance.randrange(broken.size(path)), chance.randrange(8))
        after = Life(broken)
        [found] = after.store.recovered
        there = content(found.log)
        assert all(messages[seq] == there[seq] for seq in there)
        if len(there) < len(messages):
            assert after.store.report.findings
            lost += 1
    assert lost > 10


def test_an_erased_message_is_nowhere():
    disk = MemoryDisk()
    life = Compressing(disk)
    number = life.create()
    life.store.journal.write(life.turn, 1, number, 1, 1, subject=b"s", payload=b"the secret")
    life.log(number).add(b"s", b"the secret", time_ns=1)
    life.trees[number].insert(b"s", 1)
    life.publish(number, 60)
    life.checkpoint()
    place = write_back.erase(life.log(number), 1)
    life.discard(number, [1])
    said = []
    life.store.erase(number, 1, place, lambda problem, _turn: said.append(problem))
    life.settle()
    assert said == [""]
    path = f"streams/{number}/1-0.blz"
    assert disk.size(path) > 0
    block = life.store.files_of(number).blocks.read((1, 0), 0, 1024)
    assert b"the secret" not in block
    assert b"2:." in block
    [found] = Life(disk.crash(9)).store.recovered
    assert set(content(found.log)) == set(range(2, 62))


class CompressingWorld(World):
    """Every stream of it compresses."""

    def create(self):
        super().create()
        self.store.compress(max(self.logs), wanted=True)

    def start(self):
        super().start()
        for number in self.logs:
            self.store.compress(number, wanted=True)


@pytest.mark.parametrize("part", range(4))
def test_nothing_released_is_lost(part):
    for seed in range(part * 15, part * 15 + 15):
        assert survive(CompressingWorld, seed) == [], f"seed {seed}"


def test_a_fault_at_any_step_loses_nothing():
    assert fail_each_operation(CompressingWorld, steps=80) > 100
