"""What a checkpoint says of blocks, and the log that comes back from it."""

import pytest

from isthmus.base.errors import StoreError
from isthmus.core import write_back
from isthmus.core.block_table import block_rows, make_table, restore_block
from isthmus.core.subject_ends import ends
from isthmus.core.subject_tree import SubjectTree
from support.files_of_log import FilesOfLog


def again(it):
    """The log as a start finds it, its index, and the damage of each block."""
    found, tree = FilesOfLog(), SubjectTree()
    found.files = it.files
    damage = [
        restore_block(found.log, row, bytes(it.files.get((row[0], row[2]), b"")), tree)
        for row in block_rows(make_table(it.log))
    ]
    found.log.restored(it.log.first_seq, it.log.last_seq, it.log.last_ns)
    return found.log, tree, damage


def counts(log):
    return (log.first_seq, log.last_seq, log.last_ns, log.messages, log.bytes_stored)


def messages(log):
    entries = [log.get(seq) for seq in range(1, log.last_seq + 1)]
    return [(one.seq, one.subject, one.payload, one.time_ns) for one in entries if one]


def test_an_empty_log_has_an_empty_table():
    assert block_rows(make_table(FilesOfLog().log)) == []


def test_a_log_comes_back_with_its_messages_and_their_subjects():
    it = FilesOfLog().fill(60)
    for seq in (1, 7, 8, 30, 60):
        it.log.discard(seq)
    it.log.use_up(70, 99)
    it.write()
    log, tree, damage = again(it)
    assert counts(log) == counts(it.log)
    assert messages(log) == messages(it.log)
    assert ends(log, tree, b"s.1") == (2, 59, 19)
    assert not any(damage)


def test_nothing_of_a_restored_block_is_in_memory_or_to_be_written():
    it = FilesOfLog().fill(60)
    it.write()
    log, _, _ = again(it)
    assert log.resident == 0
    assert write_back.unwritten(log) == []
    assert write_back.files(log) == write_back.files(it.log)


def test_damage_is_named_by_its_place_and_what_stood_before():
    it = FilesOfLog().fill(60)
    it.write()
    first = write_back.files(it.log)[0][0]
    file = it.files[first, 0]
    file[bytes(file).index(b"000003")] ^= 1
    log, _, damage = again(it)
    ((offset, before),) = damage[0]
    assert before == 3
    assert 0 < offset <= bytes(it.files[first, 0]).index(b"s.0", offset)
    assert log.messages == 59
    assert log.get(4) is None
    assert log.get(5).payload == b"000004"


def test_a_file_that_is_too_short_is_named_where_it_ends():
    it = FilesOfLog().fill(60)
    it.write()
    del it.files[1, 0][100:]
    log, _, damage = again(it)
    assert damage[0][-1][0] == 100
    assert not any(damage[1:])
    assert log.messages < 60
    assert log.last_seq == 60


def test_the_next_table_counts_what_is_missing():
    it = FilesOfLog().fill(60)
    it.write()
    del it.files[1, 0]
    log, _, _ = again(it)
    before, after = block_rows(make_table(it.log)), block_rows(make_table(log))
    assert [(row[0], row[5]) for row in after] == [(row[0], row[5]) for row in before]


@pytest.mark.parametrize("short", [1, 39])
def test_half_a_row_is_refused(short):
    table = make_table(FilesOfLog().fill(60).log)
    with pytest.raises(StoreError, match="ends in the middle of a row"):
        block_rows(table[:-short])


def test_bits_that_are_missing_are_refused():
    it = FilesOfLog().fill(5)
    it.log.discard(2)
    table = make_table(it.log)
    assert block_rows(table)[0][6] == b"\x02"
    with pytest.raises(StoreError, match="ends in the middle of a row"):
        block_rows(table[:-1])


def test_blocks_out_of_order_are_refused():
    it = FilesOfLog().fill(60)
    it.write()
    rows = block_rows(make_table(it.log))
    log, tree = FilesOfLog().log, SubjectTree()
    restore_block(log, rows[1], bytes(it.files[rows[1][0], 0]), tree)
    with pytest.raises(StoreError, match="block 1 of stream 5 is listed out of order"):
        restore_block(log, rows[0], bytes(it.files[1, 0]), tree)
