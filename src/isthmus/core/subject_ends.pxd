"""The first and the last message of a subject, exact.

The index (subject_order.pxd) counts what comes and goes on a subject, and knows both ends until one
is removed: then that end is stale, a bound only, until somebody asks for it here. Looking costs a
walk through the log; who never asks pays nothing.
"""

from isthmus.core.message cimport Span
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree


# the entry of `subject` with both ends exact (a removal may have left one stale), or NULL
cdef SubjectEntry* exact(StreamLog log, SubjectTree tree, Span subject) except? NULL
