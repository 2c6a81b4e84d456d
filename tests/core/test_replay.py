"""What stands in a segment: found beside damage, and beside what a former life of it left."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.replay import survey
from isthmus.core.segment import KINDS, decode, encode, epoch

SECRET = 77
SEGMENT_BYTES = 8192
HEAD = struct.pack("<IIQQQ", 1, 0, 0, 0, 1)
MESSAGES = st.lists(st.tuples(st.binary(max_size=90), st.integers(1, 400)), max_size=40)


def life(number, messages):
    """The bytes of segment `number` with these `(payload, seq)`, as many as there is room for."""
    mask = epoch(SECRET, number)
    out = encode(KINDS["commit"], number * SEGMENT_BYTES, payload=HEAD, epoch=mask)
    for payload, seq in messages:
        record = encode(
            KINDS["message"], 3, seq, seq * 10**13, subject=b"s.a", payload=payload, epoch=mask
        )
        if len(out) + len(record) > SEGMENT_BYTES:
            break
        out += record
    return out


def look(data, number):
    return survey(bytes(data), secret=SECRET, number=number, segment_bytes=SEGMENT_BYTES).runs


def plain_runs(data, number):
    """The same, looking everywhere."""
    mask = epoch(SECRET, number)
    runs, at, begin = [], 0, 0
    while at < len(data):
        _, occupied = decode(data, at, epoch=mask)
        if occupied > 0:
            at += occupied
            continue
        if at > begin:
            runs.append((begin, at))
        at += 8
        while at < len(data) and decode(data, at, epoch=mask)[1] <= 0:
            at += 8
        begin = at
    if len(data) > begin:
        runs.append((begin, len(data)))
    return runs


def test_behind_the_end_stands_a_former_life():
    old, new = life(5, [(b"x" * 90, 70_000)] * 60), life(9, [(b"y", 1)] * 3)
    assert look(new + old[len(new) :], 9) == [(0, len(new))]


def test_a_file_that_was_not_begun_again_holds_nothing():
    assert look(life(5, [(b"x", 300)] * 60), 9) == []


@given(MESSAGES, MESSAGES, MESSAGES, st.sets(st.integers(1, 40), max_size=4))
def test_it_finds_what_a_look_at_every_place_finds(oldest, old, new, damaged):
    """Three lives over each other; in the last some records are damaged, but never the head."""
    data = bytearray(life(4, oldest).ljust(SEGMENT_BYTES, b"\0"))
    for text in (life(6, old), life(9, new)):
        data[: len(text)] = text
    for number in damaged:
        before = life(9, new[: number - 1])
        if len(before) < len(life(9, new[:number])):
            data[len(before) + 4 + number % 4] ^= 1 << number % 8
    assert look(data, 9) == plain_runs(bytes(data), 9)


@given(MESSAGES, st.binary(max_size=40))
def test_a_payload_that_looks_like_a_former_life_hides_nothing(fakes, before):
    """Who publishes may write sound records of any epoch but ours into a payload."""
    inside = life(5, fakes)
    new = life(9, [(before, 1), (inside[: len(inside) // 2], 2), (inside, 3), (b"z", 4), (b"z", 5)])
    data = bytearray(new.ljust(SEGMENT_BYTES, b"\0"))
    data[len(life(9, [])) + 50] ^= 1
    assert look(data, 9) == plain_runs(bytes(data), 9)
