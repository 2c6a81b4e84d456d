"""Compressed blocks: the bytes come back, and a flipped bit costs no more than its frame."""

import random

import pytest

from isthmus.store.packing import FRAME_BYTES, pack_block, read_part

EPOCH = 0x1234


def block(size, seed=1):
    chance = random.Random(seed)
    words = [chance.randbytes(9) for _ in range(50)]
    return b"".join(chance.choice(words) for _ in range(size // 9 + 1))[:size]


def part(packed, offset, size):
    return read_part(lambda at, count: packed[at : at + count], 7, EPOCH, offset, size)


@pytest.mark.parametrize("size", [1, 9, FRAME_BYTES, FRAME_BYTES + 1, 5 * FRAME_BYTES - 3])
@pytest.mark.parametrize("random_bytes", [False, True])
def test_any_part_comes_back(size, random_bytes):
    data = random.Random(2).randbytes(size) if random_bytes else block(size)
    packed = pack_block(data, 7, EPOCH)
    assert part(packed, 0, size) == data
    assert part(packed, 0, size * 2) == data
    chance = random.Random(size)
    for _ in range(20):
        at = chance.randrange(size)
        count = chance.randint(1, size - at)
        assert part(packed, at, count) == data[at : at + count]


def test_it_is_smaller():
    data = block(10 * FRAME_BYTES)
    assert len(pack_block(data, 7, EPOCH)) < len(data) // 2


def test_a_flipped_bit_gives_zeros_for_its_frame_and_nothing_else():
    data = block(3 * FRAME_BYTES, seed=5)
    packed = pack_block(data, 7, EPOCH)
    chance = random.Random(3)
    damaged = 0
    for _ in range(300):
        broken = bytearray(packed)
        broken[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
        got = part(bytes(broken), 0, len(data))
        frames = [
            got[at : at + FRAME_BYTES] == data[at : at + FRAME_BYTES]
            for at in range(0, len(data), FRAME_BYTES)
        ]
        if not all(frames):
            damaged += 1
            assert frames.count(False) == 1
            at = frames.index(False) * FRAME_BYTES
            assert got[at : at + FRAME_BYTES] == bytes(FRAME_BYTES)
    assert damaged > 100


def test_a_cut_gives_zeros_or_nothing():
    data = block(2 * FRAME_BYTES, seed=6)
    packed = pack_block(data, 7, EPOCH)
    for end in range(0, len(packed), 997):
        got = part(packed[:end], 0, len(data))
        for at in range(0, len(got), FRAME_BYTES):
            frame = got[at : at + FRAME_BYTES]
            assert frame in {data[at : at + FRAME_BYTES], bytes(len(frame))}


def test_a_block_of_another_stream_is_none():
    packed = pack_block(block(100), 7, EPOCH)
    assert read_part(lambda at, count: packed[at : at + count], 8, EPOCH, 0, 100) == b""
    assert read_part(lambda at, count: packed[at : at + count], 7, EPOCH + 1, 0, 100) == b""
