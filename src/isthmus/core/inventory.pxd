"""What is pending, as steps of a snapshot (progress.pxd), and back.

        PENDING  one entry with all its numbers
        RUN      neighbours that were delivered once, at one time, and wait: only how many

Messages are mostly delivered many at a time, so a million of them take a few kilobytes, not 27 MB.
"""

from libc.stdint cimport uint64_t

from isthmus.core.pending cimport Pending
from isthmus.core.progress cimport Step, Steps

cdef int write_pending(Pending pending, Steps steps) except -1
cdef int read_pending(Pending pending, Step step, const uint64_t* values) except -1
