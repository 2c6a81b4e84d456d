# cython: boundscheck=False, wraparound=False, cdivision=True
"""The ends of a subject; see `subject_ends.pxd`.

Owns nothing: what is found is entered in the index. Invariant: an entry that was given out has its
first and its last message in the log.
"""

from libc.stdint cimport uint64_t

from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span_of
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_order cimport STALE_FIRST, STALE_LAST, SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree


cdef SubjectEntry* exact(StreamLog log, SubjectTree tree, Span subject) except? NULL:
    """The entry of `subject` after looking up an end that a removal left stale."""
    cdef SubjectEntry* entry = tree.find(subject)
    cdef Record record
    cdef uint64_t seq = 0
    if entry == NULL or entry.stale == 0:
        return entry
    if entry.stale & STALE_FIRST and log.next_match(
        subject, entry.first_seq, <Py_ssize_t> 1 << 62, &record, &seq
    ):
        entry.first_seq = seq
    if entry.stale & STALE_LAST:
        seq = entry.last_seq
        while True:
            seq = log.previous_present(seq)
            if seq < entry.first_seq:
                break  # lost to damage: nothing newer is known
            if log.read(seq, &record) and subject_matches(subject, record.subject):
                entry.last_seq = seq
                break
            seq -= 1
    entry.stale = 0
    return entry


def ends(StreamLog log not None, SubjectTree tree not None, bytes subject not None):
    """`(first, last, count)` of a literal subject, both ends exact; None if it has none."""
    cdef SubjectEntry* entry = exact(log, tree, span_of(subject))
    return (entry.first_seq, entry.last_seq, entry.count) if entry != NULL else None
