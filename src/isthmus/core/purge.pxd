"""Removing many messages at once, from a log and the index of its subjects.

        trim              the oldest, below a sequence, as many as the caller has time for
        purge             all of them, whatever their number: blocks are dropped, not read
        purge_matching    those of a pattern: each is looked at

        forget_hidden     one that could not be read: it is not to come back when it can be

For who keeps both alike: `upkeep` and `Stored` in a running stream, which tell others of it, and
`replay` at a start.
"""

from libc.stdint cimport uint64_t

from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree


cpdef Py_ssize_t trim(
    StreamLog log, SubjectTree tree, uint64_t below, Py_ssize_t limit=*
) except -1
cpdef uint64_t purge(StreamLog log, SubjectTree tree) except? 0
cpdef Py_ssize_t purge_matching(
    StreamLog log, SubjectTree tree, bytes pattern, uint64_t below
) except -1
cdef bint forget_hidden(StreamLog log, uint64_t seq) except -1
