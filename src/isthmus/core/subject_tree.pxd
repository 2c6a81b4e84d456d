"""Per subject of one stream: first sequence, last sequence, number of messages.

Two ways lead to an entry. A hash table answers for a literal in one look-up: that is what happens
per message. A crit-bit tree holds the same entries in byte order: it is touched only when a subject
appears or goes, and walks what a pattern matches, in slices that can be resumed.

        slots    tag │ entry ─────────────┐         open addressing, grown a little at each add
        nodes    bit │ left │ right ──────┤         one less than subjects
        arena    first_seq last_seq count size subject │ …   entries, addressed in units of 8 bytes

Per subject: 24 bytes and the subject, rounded up to 8, in the arena; 12 in the crit-bit tree; 11 to
21 in the table. That is 71 to 81 bytes for subjects of 24 bytes.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cimport cython

from isthmus.core.message cimport Span

cdef enum:
    STALE_FIRST = 1             # first_seq is only a lower bound: ask `exact` (stream_log.pxd)
    STALE_LAST = 2              # last_seq is only an upper bound


cdef struct SubjectEntry:       # the subject's bytes follow: entry_subject
    uint64_t first_seq
    uint64_t last_seq
    uint32_t count
    uint16_t size
    uint8_t stale


cdef struct Slot:
    uint32_t tag                # of the hash; never 0 where used
    uint32_t entry              # 0: empty


cdef struct Node:
    uint32_t bit                # byte * 16 + 0: is there one; + 1 to 8: its bits, highest first
    uint32_t left               # LEAF set: an entry, else a node
    uint32_t right


cdef class SubjectVisitor:
    """Told of each subject that a walk finds. Must neither change nor walk the tree."""

    # 0: go on, 1: stop after this one
    cdef int visit(self, Span subject, SubjectEntry* entry) except -1


@cython.final
cdef class SubjectTree:
    cdef readonly Py_ssize_t count            # distinct subjects
    cdef uint64_t seed                        # secret: collisions cannot be prepared
    cdef char* arena
    cdef uint32_t arena_used                  # units of 8 bytes
    cdef uint32_t arena_capacity
    cdef uint32_t[80] free_entries            # by size class: chains of removed entries
    cdef Slot* slots
    cdef int slot_bits                        # log2 of the table's size
    cdef Slot* old_slots                      # the smaller table, while its slots move over
    cdef int old_bits
    cdef uint32_t old_moved                   # slots below have moved
    cdef Node* nodes
    cdef uint32_t node_used
    cdef uint32_t node_capacity
    cdef uint32_t free_node
    cdef uint32_t root
    cdef uint32_t* path                       # scratch of a walk
    cdef Py_ssize_t path_capacity

    # NULL: no message has this subject. Entries stay where they are until the next `add`
    cdef SubjectEntry* find(self, Span subject) noexcept
    cdef SubjectEntry* add(self, Span subject, uint64_t seq) except NULL
    # 1: removed; 0: nothing was known of this subject
    cdef int remove(self, Span subject, uint64_t seq) except -1
    cdef int clear(self) except -1
    # visits what `pattern` matches in byte order, subjects greater than `after` only (empty: all),
    # looking at no more than `limit` subjects; 1: there may be more, `resume` is the last looked at
    cdef int walk(
        self, Span pattern, Span after, Py_ssize_t limit, SubjectVisitor visitor, Span* resume
    ) except -1

    cdef void _free(self) noexcept
    cdef void _forget(self) noexcept
    cdef SubjectEntry* _at(self, uint32_t entry) noexcept
    cdef uint32_t _new_entry(self, Span subject) except 0
    cdef void _free_entry(self, uint32_t entry) noexcept
    cdef Slot* _probe(self, Slot* slots, int bits, uint32_t tag, Span subject) noexcept
    cdef void _put(self, uint32_t tag, uint32_t entry) noexcept
    cdef void _move(self, uint32_t moves) noexcept
    cdef int _make_room(self) except -1
    cdef void _take_out(self, uint32_t tag, Span subject) noexcept
    cdef uint32_t _nearest(self, Span subject) noexcept
    cdef uint32_t _new_node(self) except 0
    cdef int _graft(self, uint32_t entry, uint32_t node, uint32_t bit) noexcept
    cdef void _prune(self, Span subject) noexcept
    cdef int _push(self, Py_ssize_t* depth, uint32_t at) except -1
    cdef uint32_t _seek(self, Span key, bint beyond, Py_ssize_t* depth) except? 0


cdef inline Span entry_subject(const SubjectEntry* entry) noexcept nogil:
    cdef Span out
    out.data = <const char*> entry + sizeof(SubjectEntry)
    out.size = entry.size
    return out


# does the literal `subject` match `pattern`?
cdef bint subject_matches(Span pattern, Span subject) noexcept nogil
