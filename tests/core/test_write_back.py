"""What files hold of a log: marks that move as a worker gets bytes and has written them."""

import pytest

from isthmus.core import write_back
from isthmus.core.stream_log import StreamLog
from support.files_of_log import FilesOfLog


def firsts(log):
    return [first_seq for first_seq, _, _ in write_back.files(log)]


def test_each_byte_is_handed_out_once():
    it = FilesOfLog().fill(5)
    ((first, generation, offset, data),) = write_back.unwritten(it.log)
    assert (first, generation, offset) == (1, 0, 0)
    assert write_back.unwritten(it.log) == []
    it.fill(1)
    ((_, _, behind, rest),) = write_back.unwritten(it.log)
    assert behind == len(data)
    assert b"000000" in bytes(rest)


def test_one_block_is_handed_out_alone():
    it = FilesOfLog().fill(40)
    first, second = firsts(it.log)[:2]
    assert write_back.unwritten_block(it.log, second)[0] == second
    assert write_back.unwritten_block(it.log, second) is None
    assert write_back.unwritten_block(it.log, second + 1) is None
    assert write_back.unwritten_block(it.log, first)[0] == first


def test_a_block_leaves_memory_only_when_its_file_holds_all_of_it():
    it = FilesOfLog().fill(40)
    first = firsts(it.log)[0]
    _, generation, _, data = write_back.unwritten_block(it.log, first)
    assert not it.log.evict(first)
    assert not write_back.written(it.log, first, generation, len(data) - 8)
    assert not it.log.evict(first)
    assert write_back.written(it.log, first, generation, len(data))
    assert it.log.evict(first)


def test_what_was_written_of_a_block_that_moved_on_counts_for_nothing():
    it = FilesOfLog().fill(5)
    ((first, generation, _, data),) = write_back.unwritten(it.log)
    write_back.not_written(it.log)
    assert it.dropped_files == [(first, generation)]
    assert not write_back.written(it.log, first, generation, len(data))
    ((again, fresh, offset, whole),) = write_back.unwritten(it.log)
    assert (again, fresh, offset) == (first, generation + 1, 0)
    assert whole == data


def test_what_is_only_on_disk_stays_there_when_a_write_fails():
    it = FilesOfLog().fill(40)
    wrote = it.write()
    assert it.evict() == wrote
    it.fill(40)
    kept = write_back.files(it.log)[: len(wrote) - 1]
    write_back.unwritten(it.log)
    write_back.not_written(it.log)
    assert write_back.files(it.log)[: len(wrote) - 1] == kept
    assert it.log.get(1).payload == b"000000"


def test_a_block_is_compacted_when_more_than_half_of_its_file_is_removed():
    it = FilesOfLog().fill(60)
    it.write()
    first, second = firsts(it.log)[:2]
    size = write_back.files(it.log)[0][2]
    for seq in range(first, first + (second - first) // 2):
        it.log.discard(seq)
    assert write_back.compactable(it.log, 4) == []
    it.log.discard(second - 1)
    it.log.discard(second - 2)
    assert write_back.compactable(it.log, 0) == []
    assert write_back.compactable(it.log, 4) == [first]
    assert write_back.compact(it.log, first)
    assert it.dropped_files == [(first, 0)]
    assert write_back.files(it.log)[0][:2] == (first, 1)
    assert write_back.files(it.log)[0][2] < size // 2
    assert it.write() == [first]
    assert it.log.evict(first)
    assert it.log.get(second - 3).payload == b"%06d" % (second - 4)


def test_a_damaged_record_gets_no_good_checksum():
    it = FilesOfLog().fill(60)
    it.write()
    first, second = firsts(it.log)[:2]
    for seq in range(first, second - 2):
        it.log.discard(seq)
    it.evict()
    file = it.files[first, 0]
    file[bytes(file).index(b"%06d" % (second - 3))] ^= 1
    assert not write_back.compact(it.log, first)
    assert [seq for seq, _, _ in it.damage] == [second - 2]
    assert write_back.compactable(it.log, 4) == []
    assert it.log.get(second - 1) is not None


def test_a_block_that_is_not_there_can_not_be_compacted():
    with pytest.raises(KeyError):
        write_back.compact(FilesOfLog().fill(3).log, 2)


def test_an_erased_message_is_zeros_in_memory_and_says_where_it_stands_in_its_file():
    it = FilesOfLog().fill(10)
    assert write_back.erase(it.log, 2) is None  # no file has it
    assert it.log.get(2).payload == bytes(6)
    it.write()
    first, generation, offset, data = write_back.erase(it.log, 3)
    file = it.files[first, generation]
    assert b"000002" in file
    file[offset : offset + len(data)] = data
    assert b"000002" not in file
    it.evict()
    assert it.log.get(3).payload == bytes(6)
    assert it.log.get(4).payload == b"000003"
    assert it.damage == []
    assert write_back.erase(it.log, 99) is None


def test_a_memory_stream_has_no_file_to_erase_in():
    log = StreamLog(1)
    log.add(b"a", b"secret")
    assert write_back.erase(log, 1) is None
    assert log.get(1).payload == bytes(6)
