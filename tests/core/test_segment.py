"""Records: what is written comes back, and nothing else passes for it."""

import pytest
from hypothesis import given
from hypothesis.strategies import binary, builds, integers, sampled_from

from isthmus.base.errors import StoreError
from isthmus.core.replay import survey
from isthmus.core.segment import KINDS, checksum, decode, encode, epoch

FIELDS = ("kind", "owner", "seq", "time_ns", "subject", "header", "payload", "flags")

records = builds(
    dict,
    kind=sampled_from(sorted(KINDS.values())),
    owner=integers(0, 2**64 - 1),
    seq=integers(0, 2**64 - 1),
    time_ns=integers(-(2**63), 2**63 - 1),
    subject=binary(max_size=40),
    header=binary(max_size=40),
    payload=binary(max_size=200),
    flags=integers(0, 255),
)


def fields(entry):
    return {name: getattr(entry, name) for name in FIELDS}


def test_checksum_is_crc_32c():
    assert checksum(b"123456789") == 0xE3069283  # the check value of CRC-32C (RFC 3720, B.4)
    assert checksum(bytes(32)) == 0x8A9136AA
    assert checksum(b"") == 0


@given(binary(max_size=300))
def test_portable_checksum_equals_the_processors(data):
    assert checksum(data, portable=True) == checksum(data)


@given(records, integers(0, 2**32 - 1))
def test_a_record_comes_back_as_it_was_written(record, epoch):
    raw = encode(**record, epoch=epoch)
    assert len(raw) % 8 == 0
    entry, occupied = decode(raw, epoch=epoch)
    assert occupied == len(raw)
    assert fields(entry) == record


@given(records, integers(0, 2**32 - 1), integers(0, 2**32 - 1))
def test_a_record_of_another_epoch_never_passes(record, epoch, other):
    _, occupied = decode(encode(**record, epoch=epoch), epoch=other)
    assert (occupied > 0) == (epoch == other)


@given(records, integers(min_value=0))
def test_every_flipped_bit_is_noticed(record, place):
    raw = bytearray(encode(**record, epoch=7))
    bit = place % (len(raw) * 8)
    raw[bit // 8] ^= 1 << bit % 8
    entry, occupied = decode(bytes(raw) + bytes(64), epoch=7)
    assert entry is None
    assert occupied <= 0


@given(records, integers(min_value=0))
def test_a_torn_record_is_not_read(record, cut):
    raw = encode(**record)
    entry, _ = decode(raw[: cut % len(raw)])
    assert entry is None


@given(binary(max_size=400), integers(0, 2**32 - 1))
def test_any_bytes_are_a_record_an_end_or_damage(data, epoch):
    entry, occupied = decode(data, epoch=epoch)
    assert occupied <= len(data)
    assert (entry is not None) == (occupied > 0)


def test_zeros_end_a_scan():
    assert decode(bytes(4096)) == (None, 0)
    assert decode(b"") == (None, 0)


def test_records_stand_behind_each_other():
    raw = encode(1, 5, 1, payload=b"one") + encode(1, 5, 2, payload=b"two!")
    first, occupied = decode(raw)
    second, rest = decode(raw, occupied)
    assert (first.payload, second.payload) == (b"one", b"two!")
    assert occupied + rest == len(raw)


def test_what_a_record_cannot_hold_is_refused():
    with pytest.raises(StoreError, match="no such kind"):
        encode(0, 1)
    with pytest.raises(StoreError, match="subject of 65536 bytes"):
        encode(1, 1, subject=bytes(65536))
    with pytest.raises(IndexError):
        decode(b"", 1)


def test_a_damaged_length_that_leads_to_a_later_record_passes_over_none():
    records = [
        encode(KINDS["remove"], 7, 1, epoch=epoch(5, 1)),
        encode(KINDS["message"], 7, 2, payload=bytes(24), epoch=epoch(5, 1)),
        encode(KINDS["remove"], 7, 3, epoch=epoch(5, 1)),
    ]
    raw = bytearray(b"".join(records))
    assert len(records[0]) ^ 64 == len(records[0] + records[1])
    raw[0] ^= 64
    found = survey(bytes(raw), secret=5, number=1, segment_bytes=4096)
    assert found.runs == [(len(records[0]), len(raw))]
