"""Single messages by subject, against a list of `(seq, subject)`."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.core import lookup
from isthmus.core.matching import matches
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree

SUBJECTS = st.sampled_from([b"a", b"b", b"a.b", b"a.c", b"a.b.c", b"c.b.c"])
PATTERNS = [b"a", b"b", b"a.b", b"a.*", b"*", b">", b"a.>", b"*.b.*", b"none", b"none.*"]


def slowly(search, limit):
    while search.step(limit):
        pass
    return search.found


@given(st.lists(SUBJECTS, max_size=120), st.sets(st.integers(1, 120)), st.integers(0, 130))
def test_it_is_a_search_in_a_list(published, removed, seq):
    log, tree = StreamLog(1), SubjectTree()
    for subject in published:
        tree.insert(subject, log.add(subject))
    for gone in removed:
        log.discard(gone, tree)
    left = [(n, s) for n, s in enumerate(published, 1) if n not in removed]
    for pattern in PATTERNS:
        found = [n for n, subject in left if matches(pattern, subject)]
        later = [n for n in found if n >= seq]
        assert lookup.last_seq(log, tree, pattern) == max(found, default=0)
        assert lookup.next_seq(log, tree, pattern, seq) == min(later, default=0)
        for limit in (1, 3):
            assert slowly(lookup.Search(log, tree, pattern, last=True), limit) == max(
                found, default=0
            )
            assert slowly(lookup.Search(log, tree, pattern, seq=seq), limit) == min(
                later, default=0
            )
    for pattern in PATTERNS:
        earlier = [n for n, subject in left if matches(pattern, subject) and n <= seq]
        for count in (1, 2, 5):
            for limit in (1, 3, 1000):
                search = lookup.SearchBack(log, tree, pattern, seq, count=count)
                assert slowly(search, limit) == ([0] * count + earlier)[-count]


def test_a_search_looks_at_no_more_than_its_slice():
    log, tree = StreamLog(1), SubjectTree()
    for number in range(1000):
        subject = b"s.%d" % number
        tree.insert(subject, log.add(subject))
    search = lookup.Search(log, tree, b"s.*.x", last=True)
    assert sum(1 for _ in iter(lambda: search.step(100), False)) >= 9
    search = lookup.Search(log, tree, b"s.999*.>", seq=1)
    assert sum(1 for _ in iter(lambda: search.step(100), False)) >= 9
    assert search.found == 0
    for _ in range(3):
        tree.insert(b"s.0", log.add(b"s.0"))
    search = lookup.SearchBack(log, tree, b"s.0", 1000)
    assert [search.step(100) for _ in range(10)] == [True] * 9 + [False]
    assert (search.found, search.looked) == (1, 100)


def test_a_message_that_goes_while_it_is_looked_for_is_not_the_last():
    log, tree = StreamLog(1), SubjectTree()
    for number in range(300):
        subject = b"a.%02d.x" % (99 - number) if number < 100 else b"b.%d" % number
        tree.insert(subject, log.add(subject))
    search = lookup.Search(log, tree, b"a.*.x", last=True)
    assert search.step(50)  # it has seen the last one, a.00.x
    log.discard(100, tree)
    assert slowly(search, 50) == 99


def test_what_is_replaced_all_the_time_is_found_nevertheless():
    log, tree = StreamLog(1), SubjectTree()
    hot = log.add(b"a.hot.x")
    tree.insert(b"a.hot.x", hot)
    for number in range(300):
        subject = b"b.%d.y" % number
        tree.insert(subject, log.add(subject))
    search = lookup.Search(log, tree, b"*.*.x", last=True)
    slices = 0
    while search.step(50):
        slices += 1
        assert slices < 20
        log.discard(hot, tree)
        hot = log.add(b"a.hot.x")
        tree.insert(b"a.hot.x", hot)
        for number in range(100):
            log.add(b"b.%d.y" % number)
    assert search.found == hot


def test_what_went_while_its_subject_holds_an_older_one_is_looked_for_again():
    log, tree = StreamLog(1), SubjectTree()
    for subject in (b"a.1.x", b"c.1.x", b"a.1.x"):
        tree.insert(subject, log.add(subject))
    for number in range(300):
        subject = b"b.%d.y" % number
        tree.insert(subject, log.add(subject))
    search = lookup.Search(log, tree, b"*.*.x", last=True)
    assert search.step(50)
    log.discard(3, tree)
    assert slowly(search, 50) == 2
