"""Memory streams: the log and its tree against a dictionary. Files: tests/store/test_blocks.py."""

import pytest
from hypothesis import settings

from isthmus.base.errors import StoreError
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
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


def test_memory_comes_back_when_messages_go():
    log, tree = StreamLog(1, block_bytes=65536), SubjectTree()
    for _ in range(2000):
        tree.insert(b"a", log.add(b"a", bytes(200)))
    full = log.resident
    assert log.trim(1990, tree) == 1989
    assert log.resident <= 65536 < full


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
