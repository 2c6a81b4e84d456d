"""One message out of many: the last, the next, how many, by a subject with or without wildcards.

        literal     the index knows both ends (subject_tree.pxd)
        wildcards   last: the newest messages first, then every subject that matches
                    next: message by message
        back        from a sequence on, message by message, but for what the index knows

A pattern may have to look at every subject or message of the stream: searches do so in slices,
and may be left between two of them for as long as it takes. `last_of` does not stop: for a literal,
or where an answer can not wait.

For requests about single messages; a consumer has its own way through the log.
"""

from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree


# the highest sequence whose subject matches, or 0
cdef uint64_t last_of(StreamLog log, SubjectTree tree, Span pattern) except? 0


cdef class Search:
    cdef StreamLog log
    cdef SubjectTree tree
    cdef bytes pattern
    cdef bint last                    # the last message, else the first from `seq` on
    cdef uint64_t seq                 # where to go on
    cdef bytes after                  # subject to go on behind, in the walk for the last
    cdef bint walking
    cdef readonly uint64_t found      # 0: none, once `step` returned False
    cdef bytes best                   # the subject of what the walk found

    cpdef bint step(self, Py_ssize_t limit=*) except -1
    cdef bint _next(self, Py_ssize_t limit) except -1
    cdef bint _last(self, Py_ssize_t limit) except -1
    cdef bint _replace(self) except -1


cdef class SearchBack:
    cdef StreamLog log
    cdef SubjectTree tree
    cdef bytes pattern
    cdef uint64_t seq                 # where to go on
    cdef uint64_t count               # that many matches away
    cdef readonly Py_ssize_t looked   # messages, in the last step
    cdef readonly uint64_t found      # 0: none, once `step` returned False

    cpdef bint step(self, Py_ssize_t limit=*) except -1
    cdef bint _back(self, Span pattern, uint64_t first, Py_ssize_t limit) except -1
