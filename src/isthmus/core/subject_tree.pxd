"""Per subject of one stream: first sequence, last sequence, number of messages.

Two ways lead to an entry. A hash table answers for a literal in one look-up: that is what happens
per message. The order (`subject_order.pxd`) holds the same entries by their bytes, for patterns.

        slots    tag │ entry ─────────────┐         open addressing, grown a little at each add
        order    nodes, groups ───────────┤         one node less than subjects
        arena    first_seq last_seq count … subject │ …   entries, addressed in units of 8 bytes

Per subject: 27 bytes and the subject, rounded up to 8, in the arena; 16 in the order and less than
one for its group; 11 to 21 in the table. That is 84 to 94 bytes for subjects of 24 bytes.
"""

from libc.stdint cimport uint32_t, uint64_t

cimport cython

from isthmus.core.message cimport Span
from isthmus.core.subject_order cimport SubjectEntry, SubjectOrder


cdef struct Slot:
    uint32_t tag                # of the hash; never 0 where used
    uint32_t entry              # 0: empty


@cython.final
cdef class SubjectTree(SubjectOrder):
    cdef readonly Py_ssize_t count            # distinct subjects
    cdef uint64_t seed                        # secret: collisions cannot be prepared
    cdef Slot* slots
    cdef int slot_bits                        # log2 of the table's size
    cdef Slot* old_slots                      # the smaller table, while its slots move over
    cdef int old_bits
    cdef uint32_t old_moved                   # slots below have moved

    # NULL: no message has this subject. Entries stay where they are until the next `add`
    cdef SubjectEntry* find(self, Span subject) noexcept
    cdef SubjectEntry* add(self, Span subject, uint64_t seq) except NULL
    # 1: removed; 0: nothing was known of this subject
    cdef int remove(self, Span subject, uint64_t seq) except -1
    cdef int clear(self) except -1

    cdef Slot* _probe(self, Slot* slots, int bits, uint32_t tag, Span subject) noexcept
    cdef void _put(self, uint32_t tag, uint32_t entry) noexcept
    cdef void _move(self, uint32_t moves) noexcept
    cdef int _make_room(self) except -1
    cdef void _take_out(self, uint32_t tag, Span subject) noexcept
