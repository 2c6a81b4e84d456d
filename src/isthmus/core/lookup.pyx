# cython: boundscheck=False, wraparound=False, cdivision=True
"""Finding single messages; see `lookup.pxd`.

Owns nothing but the place of a search. Invariant: neither log nor index changes, but for ends that
become exact.
"""

from libc.stdint cimport uint64_t

from isthmus.core.effort cimport GATHER_NS, LOOK_NS, spend
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span_of
from isthmus.core.patterns cimport has_wildcard
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_ends cimport exact
from isthmus.core.subject_order cimport STALE_LAST, SubjectEntry, SubjectVisitor
from isthmus.core.subject_tree cimport SubjectTree

cdef enum:
    LOOKED_BACK = 64            # messages; a pattern of many subjects has one among them
    SLICE = 8192                # messages or subjects looked at in one turn: a millisecond


cdef uint64_t last_of(StreamLog log, SubjectTree tree, Span pattern) except? 0:
    cdef SubjectEntry* entry
    cdef Search search
    if not has_wildcard(pattern):
        entry = exact(log, tree, pattern)
        return entry.last_seq if entry != NULL else 0
    search = Search(log, tree, pattern.data[: pattern.size], last=True)
    while search.step():
        pass
    return search.found


cdef class Search:
    """Looks for the last message under `pattern`, or the first from `seq` on."""

    def __init__(
        self, StreamLog log not None, SubjectTree tree not None, bytes pattern not None, *,
        uint64_t seq=0, bint last=False,
    ):
        self.log = log
        self.tree = tree
        self.pattern = pattern
        self.last = last
        self.seq = seq
        self.after = b""

    cpdef bint step(self, Py_ssize_t limit=SLICE) except -1:
        """Look at up to `limit` messages or subjects; False: done, see `found`."""
        return self._last(limit) if self.last else self._next(limit)

    cdef bint _next(self, Py_ssize_t limit) except -1:
        cdef Span pattern = span_of(self.pattern)
        cdef SubjectEntry* entry
        cdef Record record
        cdef uint64_t reached = 0
        cdef int state
        if not has_wildcard(pattern):
            entry = exact(self.log, self.tree, pattern)
            if entry == NULL or entry.last_seq < self.seq:
                return False
            if entry.first_seq >= self.seq or entry.count == 2:
                self.found = entry.first_seq if entry.first_seq >= self.seq else entry.last_seq
                return False
        state = self.log.next_match(pattern, self.seq, limit, &record, &reached)
        if state == 1:
            self.found = reached
        spend(LOOK_NS * (max(reached, self.seq) - self.seq if state == 1 else <uint64_t> limit))
        self.seq = reached
        return state == 2

    cdef bint _last(self, Py_ssize_t limit) except -1:
        cdef Span pattern = span_of(self.pattern)
        cdef Highest highest
        cdef Span resume
        cdef SubjectEntry* entry
        cdef bint more
        if not has_wildcard(pattern):
            entry = exact(self.log, self.tree, pattern)
            self.found = entry.last_seq if entry != NULL else 0
            return False
        if not self.walking:
            self.found = _among_the_newest(self.log, pattern)
            spend(LOOKED_BACK * LOOK_NS)
            if self.found:
                return False
            self.walking = True
        highest = Highest.__new__(Highest)
        highest.log = self.log
        highest.tree = self.tree
        highest.seq = self.found
        highest.subject = self.best
        more = self.tree.walk(pattern, span_of(self.after), limit, highest, &resume)
        spend(LOOK_NS * <uint64_t> min(limit, self.tree.count))
        self.found = highest.seq
        self.best = highest.subject
        if more:
            self.after = resume.data[: resume.size]
            return True
        if self.found and self.log.previous_present(self.found) != self.found:
            return self._replace()
        return False

    cdef bint _replace(self) except -1:
        """What was found went while we looked at the others; True if all is to be done once more.

        Not if its subject has a newer one: where that changes all the time, so would the next.
        """
        cdef SubjectEntry* entry = exact(self.log, self.tree, span_of(self.best))
        if entry != NULL and entry.last_seq > self.found:
            self.found = entry.last_seq
            return False
        self.after = b""
        self.found = 0
        self.walking = False
        return True


cdef uint64_t _among_the_newest(StreamLog log, Span pattern) except? 0:
    """The last message, if it is one of the newest; a pattern of many subjects has one there."""
    cdef uint64_t seq = log.last_seq
    cdef Record record
    cdef int _looked
    for _looked in range(LOOKED_BACK):
        seq = log.previous_present(seq)
        if seq == 0:
            return 0
        if log.read(seq, &record) and subject_matches(pattern, record.subject):
            return seq
        seq -= 1
    return 0


cdef class Highest(SubjectVisitor):
    """The highest sequence under any subject of a walk, and that subject."""

    cdef StreamLog log
    cdef SubjectTree tree
    cdef uint64_t seq
    cdef bytes subject

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        cdef SubjectEntry* found = entry
        if entry.last_seq > self.seq:
            if entry.stale:
                found = exact(self.log, self.tree, subject)
            if found.last_seq > self.seq:
                self.seq = found.last_seq
                self.subject = subject.data[: subject.size]
        return 0


def last_seq(StreamLog log not None, SubjectTree tree not None, bytes pattern not None) -> int:
    """The highest sequence whose subject matches, or 0."""
    return last_of(log, tree, span_of(pattern))


def next_seq(
    StreamLog log not None, SubjectTree tree not None, bytes pattern not None, uint64_t seq
) -> int:
    """The first sequence from `seq` on whose subject matches, or 0; for few messages."""
    cdef Search search = Search(log, tree, pattern, seq=seq)
    while search.step():
        pass
    return search.found


cdef class Lasts(SubjectVisitor):
    """The last sequence of each subject of a walk; one that a removal left unknown is looked up."""

    cdef StreamLog log
    cdef SubjectTree tree
    cdef list found

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        cdef SubjectEntry* found = entry
        if entry.stale & STALE_LAST:
            found = exact(self.log, self.tree, subject)
        self.found.append(found.last_seq)
        return 0


def last_of_each(
    StreamLog log not None, SubjectTree tree not None, bytes pattern not None,
    bytes after not None=b"", Py_ssize_t limit=SLICE,
) -> tuple[list[int], bytes]:
    """`(sequences, resume)`: the last of each match among the next `limit` subjects; empty: all."""
    cdef Lasts lasts = Lasts.__new__(Lasts)
    cdef Span resume
    cdef bint more
    lasts.log = log
    lasts.tree = tree
    lasts.found = []
    more = tree.walk(span_of(pattern), span_of(after), limit, lasts, &resume)
    spend(LOOK_NS * <uint64_t> min(limit, tree.count) + GATHER_NS * <uint64_t> len(lasts.found))
    return lasts.found, resume.data[: resume.size] if more else b""


cdef class SearchBack:
    """Looks back from `seq` on for the first message under `pattern`, or for the `count`-th."""

    def __init__(
        self, StreamLog log not None, SubjectTree tree not None, bytes pattern not None,
        uint64_t seq, *, uint64_t count=1,
    ):
        assert count > 0
        self.log = log
        self.tree = tree
        self.pattern = pattern
        self.seq = seq
        self.count = count

    cpdef bint step(self, Py_ssize_t limit=SLICE) except -1:
        """Look at up to `limit` messages; False: done, see `found`."""
        cdef Span pattern = span_of(self.pattern)
        cdef uint64_t first = self.log.first_seq
        cdef SubjectEntry* entry
        cdef bint more
        self.looked = 0
        if not has_wildcard(pattern):
            entry = exact(self.log, self.tree, pattern)
            if entry == NULL:
                return False
            first = entry.first_seq
            self.seq = min(self.seq, entry.last_seq)
            if self.count == 1 and self.seq == entry.last_seq:
                self.found = self.seq
                return False
            if self.count == 1 and entry.count == 2 and self.seq >= first:
                self.found = first
                return False
        more = self._back(pattern, max(first, <uint64_t> 1), limit)
        spend(LOOK_NS * <uint64_t> self.looked)
        return more

    cdef bint _back(self, Span pattern, uint64_t first, Py_ssize_t limit) except -1:
        """From `self.seq` to `first`; True if more is left."""
        cdef Record record
        cdef uint64_t seq
        while self.seq >= first:
            if self.looked == limit:
                return True
            seq = self.log.previous_present(self.seq)
            if seq < first:
                return False
            self.looked += 1
            self.seq = seq - 1
            if self.log.read(seq, &record) and subject_matches(pattern, record.subject):
                self.count -= 1
                if self.count == 0:
                    self.found = seq
                    return False
        return False
