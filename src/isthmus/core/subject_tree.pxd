"""Per subject of one stream: first sequence, last sequence, number of messages.

Answers for a literal in one look-up, and walks or counts what a pattern matches. At most 120 bytes
per subject for a million subjects of ordinary length (design, section 4).
"""

from libc.stdint cimport uint64_t

from isthmus.core.message cimport Span


cdef struct SubjectEntry:
    uint64_t first_seq          # may lag behind a removal: see `stale`
    uint64_t last_seq
    uint64_t count
    bint stale                  # first_seq (or last_seq) must be looked up again by the log


cdef class SubjectTree:
    cdef readonly Py_ssize_t count            # distinct subjects

    cdef SubjectEntry* find(self, Span subject) except? NULL
    cdef SubjectEntry* add(self, Span subject, uint64_t seq) except NULL
    cdef int remove(self, Span subject, uint64_t seq) except -1
