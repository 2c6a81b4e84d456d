"""Memory streams: the log and its tree against a dictionary. Files: tests/store/test_blocks.py."""

import pytest
from hypothesis import settings

from isthmus.base.errors import StoreError
from isthmus.core import write_back
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from support.files_of_log import FilesOfLog
from support.log_machine import LogMachine
from support.soak import examples

TestLog = LogMachine.TestCase
TestLog.settings = settings(max_examples=examples(40), stateful_step_count=40, deadline=None)
TestLog.pytestmark = [pytest.mark.soak]


def test_an_unused_log_shows_zeros():
    log = StreamLog(1)
    assert (log.first_seq, log.last_seq, log.first_ns, log.messages) == (0, 0, 0, 0)


def test_a_sequence_is_never_used_twice():
    log = StreamLog(1)
    log.add(b"a", seq=5)
    with pytest.raises(StoreError, match="sequence 5: the last one used is 5"):
        log.add(b"a", seq=5)


def test_bytes_follow_the_rule_of_memory_storage():
    log = StreamLog(1)
    log.add(b"t.b", b"x")
    assert log.bytes_stored == 20  # measured on nats-server 2.15.1


def test_sparse_survivors_are_moved_together():
    log, tree = StreamLog(1, block_bytes=65536), SubjectTree()
    for _ in range(4000):
        tree.insert(b"a", log.add(b"a", bytes(200)))
    full = log.resident
    for seq in range(1, 4001):
        if seq % 10:
            log.discard(seq, tree)
    assert log.messages == 400
    assert log.resident < full // 2
    assert log.get(400).payload == bytes(200)


def test_neighbours_that_are_read_bring_in_their_block_and_one_message_does_not():
    it = FilesOfLog().fill(60)
    it.write()
    it.evict()
    assert it.log.get(1).payload == b"000000"
    assert it.log.get(2).payload == b"000001"
    assert it.loads == []
    assert it.log.get(3).payload == b"000002"
    assert [first for first, _ in it.loads] == [1]


def test_a_block_without_room_in_the_cache_is_read_message_by_message():
    it = FilesOfLog().fill(60)
    it.write()
    it.evict()
    it.loaded = lambda first_seq, _size: it.log.evict(first_seq)
    assert [it.log.get(seq).payload for seq in range(1, 9)] == [b"%06d" % n for n in range(8)]
    assert it.log.resident == 0


def test_a_damaged_message_is_named_once_and_passed_by():
    it = FilesOfLog().fill(60)
    it.write()
    it.evict()
    file = it.files[1, 0]
    file[bytes(file).index(b"000000")] ^= 1
    assert it.log.get(1) is None
    assert it.log.get(1) is None
    assert it.damage == [(1, 1, 0)]
    assert (it.log.first_seq, it.log.messages) == (2, 59)


def test_a_small_block_goes_on_in_its_file_and_a_damaged_one_does_not():
    it = FilesOfLog().fill(3)
    it.write()
    it.evict()
    it.fill(1)
    assert len(write_back.files(it.log)) == 1
    it.write()
    it.evict()
    it.files[1, 0][-9] ^= 1
    it.fill(1)
    assert [first for first, _, _ in write_back.files(it.log)] == [1, 5]
