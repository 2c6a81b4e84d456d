"""How many messages from a sequence on have a subject that some patterns match, in slices.

By subject, from the index (`subject_order.pxd`): mostly a look at each group of subjects. Only
where a subject has messages before the sequence and behind it, message by message, from the log.

        one pattern after another       done │ here │ to come
        by subject                      … a.1 a.2 │ a.3 …       after = a.2
        or by message                   … 7 8 9 │ 10 …          reached = 10

The number is exact although the stream changes between slices, if each change is told: what comes
or goes where it was counted already counts at once; elsewhere it is met when the census gets there.
"""

from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree


cdef class Census:
    cdef StreamLog log
    cdef SubjectTree tree
    cdef list patterns
    cdef uint64_t seq
    cdef bint begun
    cdef Py_ssize_t at            # the pattern that is counted now
    cdef uint64_t done            # messages of those before it
    cdef uint64_t here            # its own, so far
    cdef bytes after              # its subjects up to there are counted
    cdef uint64_t reached         # 0: by subject; else its messages below are counted

    # looks at `limit` groups, subjects or messages; True if there are more
    cpdef bint step(self, Py_ssize_t limit=*) except -1
    # a message came (1) or went (-1)
    cdef int changed(self, uint64_t seq, Span subject, int by) except -1

    cdef bint _by_subject(self, Span pattern, Py_ssize_t* left) except -1
    cdef bint _by_message(self, Span pattern, Py_ssize_t* left) except -1
    cdef bint _counted(self, uint64_t seq, Span subject) noexcept
