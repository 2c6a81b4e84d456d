"""Both ends of a subject, whatever was removed between two questions."""

from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_ends import ends
from isthmus.core.subject_tree import SubjectTree


def filled():
    log, tree = StreamLog(1), SubjectTree()
    for subject in (b"a", b"b", b"a", b"a", b"b", b"a"):
        tree.insert(subject, log.add(subject))
    return log, tree


def test_a_subject_without_messages_has_no_ends():
    assert ends(*filled(), b"c") is None


def test_ends_are_exact_while_nothing_is_removed():
    assert ends(*filled(), b"a") == (1, 6, 4)


def test_an_end_that_was_removed_is_looked_up():
    log, tree = filled()
    log.discard(1, tree)
    assert ends(log, tree, b"a") == (3, 6, 3)
    log.discard(6, tree)
    assert ends(log, tree, b"a") == (3, 4, 2)


def test_both_ends_may_be_stale():
    log, tree = filled()
    for seq in (1, 3, 6):
        log.discard(seq, tree)
    assert ends(log, tree, b"a") == (4, 4, 1)
    log.discard(4, tree)
    assert ends(log, tree, b"a") is None
