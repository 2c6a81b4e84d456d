"""One message out of many: the last, the next, how many, by a subject with or without wildcards.

        literal     the index knows both ends (subject_tree.pxd)
        wildcards   last: the newest messages first, then every subject that matches
                    next: message by message

For requests about single messages; a consumer has its own way through the log.
"""

from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree


# the highest sequence whose subject matches, or 0
cdef uint64_t last_of(StreamLog log, SubjectTree tree, Span pattern) except? 0
# the first sequence from `seq` on whose subject matches, or 0
cdef uint64_t next_of(StreamLog log, SubjectTree tree, Span pattern, uint64_t seq) except? 0
