"""Single messages by subject, against a list of `(seq, subject)`."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.core import lookup
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree, matches

SUBJECTS = st.sampled_from([b"a", b"b", b"a.b", b"a.c", b"a.b.c", b"c.b.c"])
PATTERNS = [b"a", b"b", b"a.b", b"a.*", b"*", b">", b"a.>", b"*.b.*", b"none", b"none.*"]


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
        assert lookup.count_from(log, tree, pattern, seq) == len(later)
    for subject in (b"a", b"a.b", b"none"):
        earlier = [n for n, other in left if other == subject and n <= seq]
        assert lookup.last_up_to(log, tree, subject, seq) == max(earlier, default=0)
