"""Removing many messages: log and index agree, and what damage hid does not come back."""

from isthmus.core import write_back
from isthmus.core.block_table import block_rows, make_table
from isthmus.core.purge import purge, purge_matching, trim
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from support.files_of_log import FilesOfLog


def filled(count):
    log, tree = StreamLog(1, block_bytes=65536), SubjectTree()
    for number in range(count):
        tree.insert(b"s.%d" % (number % 3), log.add(b"s.%d" % (number % 3), bytes(200)))
    return log, tree


def test_memory_comes_back_when_messages_go():
    log, tree = filled(2000)
    full = log.resident
    assert trim(log, tree, 1990) == 1989
    assert log.resident <= 65536 < full


def test_a_trim_stops_at_its_limit_and_goes_on():
    log, tree = filled(30)
    assert [trim(log, tree, 21, 15), trim(log, tree, 21, 15)] == [15, 5]
    assert log.first_seq == 21
    assert tree.totals(b">")[1] == 10


def test_a_purge_leaves_the_sequences_used():
    log, tree = filled(30)
    assert purge(log, tree) == 30
    assert (log.first_seq, log.last_seq, log.messages, log.bytes_stored) == (31, 30, 0, 0)
    assert log.resident == 0
    assert tree.totals(b">") == (0, 0)


def test_what_a_pattern_matches_goes_below_a_sequence():
    log, tree = filled(30)
    assert purge_matching(log, tree, b"s.1", 12) == 4
    assert log.next_seq(2) == 3
    assert log.get(14).subject == b"s.1"
    assert tree.totals(b"s.1") == (1, 6)


def test_what_could_not_be_read_is_removed_with_the_others():
    it, tree = FilesOfLog().fill(60), SubjectTree()
    it.write()
    it.evict()
    file = it.files[1, 0]
    file[bytes(file).index(b"000003")] ^= 1
    assert it.log.get(4) is None
    assert block_rows(make_table(it.log))[0][6] == b""  # a later start might read it again
    for seq in range(1, it.log.last_seq + 1):
        if entry := it.log.get(seq):
            tree.insert(entry.subject, seq)
    second = write_back.files(it.log)[1][0]
    assert trim(it.log, tree, second) == second - 2
    assert write_back.files(it.log)[0][0] == second
