# cython: boundscheck=False, wraparound=False, cdivision=True
"""Finding single messages; see `lookup.pxd`.

Owns nothing. Invariant: neither log nor index changes, but for ends that become exact.
"""

from libc.limits cimport LONG_MAX
from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span, span, span_of
from isthmus.core.patterns cimport has_wildcard
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog, exact
from isthmus.core.subject_tree cimport (
    SubjectEntry, SubjectTree, SubjectVisitor, subject_matches
)

cdef enum:
    LOOKED_BACK = 64            # messages; a pattern of many subjects has one among them


cdef uint64_t last_of(StreamLog log, SubjectTree tree, Span pattern) except? 0:
    cdef SubjectEntry* entry
    cdef Highest highest
    cdef Record record
    cdef Span resume
    cdef uint64_t seq = log.last_seq
    cdef int _looked
    if not has_wildcard(pattern):
        entry = exact(log, tree, pattern)
        return entry.last_seq if entry != NULL else 0
    for _looked in range(LOOKED_BACK):
        seq = log.previous_present(seq)
        if seq == 0:
            return 0
        if log.read(seq, &record) and subject_matches(pattern, record.subject):
            return seq
        seq -= 1
    highest = Highest.__new__(Highest)
    highest.log = log
    highest.tree = tree
    tree.walk(pattern, span(NULL, 0), LONG_MAX, highest, &resume)
    return highest.seq


cdef uint64_t next_of(StreamLog log, SubjectTree tree, Span pattern, uint64_t seq) except? 0:
    cdef SubjectEntry* entry
    cdef Record record
    cdef uint64_t reached = 0
    if not has_wildcard(pattern):
        entry = exact(log, tree, pattern)
        if entry == NULL or entry.last_seq < seq:
            return 0
        if entry.first_seq >= seq:
            return entry.first_seq
        if entry.count == 2:
            return entry.last_seq
    return reached if log.next_match(pattern, seq, LONG_MAX, &record, &reached) == 1 else 0


cdef class Tally(SubjectVisitor):
    """Counts messages from a sequence on; a subject that lies on both sides of it ends the walk."""

    cdef StreamLog log
    cdef SubjectTree tree
    cdef uint64_t seq
    cdef uint64_t total
    cdef bint straddles

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        cdef SubjectEntry* found = entry
        if entry.stale:
            found = exact(self.log, self.tree, subject)
        if found.first_seq >= self.seq:
            self.total += found.count
        elif found.last_seq >= self.seq:
            self.straddles = True
            return 1
        return 0


cdef class Highest(SubjectVisitor):
    """The highest sequence under any subject of a walk."""

    cdef StreamLog log
    cdef SubjectTree tree
    cdef uint64_t seq

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        cdef SubjectEntry* found = entry
        if entry.last_seq > self.seq:
            if entry.stale:
                found = exact(self.log, self.tree, subject)
            if found.last_seq > self.seq:
                self.seq = found.last_seq
        return 0


def last_seq(StreamLog log not None, SubjectTree tree not None, bytes pattern not None) -> int:
    """The highest sequence whose subject matches, or 0."""
    return last_of(log, tree, span_of(pattern))


def next_seq(
    StreamLog log not None, SubjectTree tree not None, bytes pattern not None, uint64_t seq
) -> int:
    """The first sequence from `seq` on whose subject matches, or 0."""
    return next_of(log, tree, span_of(pattern), seq)


def count_from(
    StreamLog log not None, SubjectTree tree not None, bytes pattern not None, uint64_t seq
) -> int:
    """How many messages from `seq` on have a subject that matches."""
    cdef Tally tally = Tally.__new__(Tally)
    cdef Record record
    cdef Span resume
    cdef uint64_t reached = 0
    cdef uint64_t count = 0
    tally.log = log
    tally.tree = tree
    tally.seq = seq
    tree.walk(span_of(pattern), span(NULL, 0), LONG_MAX, tally, &resume)
    if not tally.straddles:
        return tally.total
    while log.next_match(span_of(pattern), seq, LONG_MAX, &record, &reached) == 1:
        count += 1
        seq = reached + 1
    return count


def last_up_to(
    StreamLog log not None, SubjectTree tree not None, bytes subject not None, uint64_t up_to
) -> int:
    """The last sequence of a literal subject that is not above `up_to`, or 0."""
    cdef SubjectEntry* entry = exact(log, tree, span_of(subject))
    cdef Record record
    cdef uint64_t seq
    if entry == NULL or entry.first_seq > up_to:
        return 0
    if entry.last_seq <= up_to:
        return entry.last_seq
    seq = log.previous_present(up_to)
    while seq > entry.first_seq:
        if log.read(seq, &record) and subject_matches(span_of(subject), record.subject):
            return seq
        seq = log.previous_present(seq - 1)
    return entry.first_seq
