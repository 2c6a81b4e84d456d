"""Which message follows on the same subject: what a limit per subject asks whenever it evicts.

        table   seq │ following     open addressing over sequence numbers, at most half full

Only the oldest message of a subject is ever asked for, and its entry goes with it. So the table
holds one entry for every message that has a successor on its subject, 16 to 32 bytes each, and none
for streams that keep one message per subject. What is not in it is looked for in the log.
"""

from libc.stdint cimport uint64_t


cdef struct Link:
    uint64_t seq                # 0: empty
    uint64_t following


cdef class Succession:
    cdef readonly Py_ssize_t count
    cdef Link* table
    cdef uint64_t mask          # entries - 1

    cdef int note(self, uint64_t seq, uint64_t following) except -1
    # the message that follows `seq`, which is forgotten; 0: not known
    cdef uint64_t take(self, uint64_t seq) noexcept
    cdef void clear(self) noexcept

    cdef int _grow(self) except -1
    cdef void _put(self, uint64_t seq, uint64_t following) noexcept
    cdef void _take_out(self, uint64_t place) noexcept
