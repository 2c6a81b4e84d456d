"""The subjects of one stream in byte order: what a pattern matches, and how many messages that is.

A crit-bit tree over the entries, touched only when a subject appears or goes. Neighbours make a
group: a subtree of at most GROUP_MAX subjects, which knows what they hold together.

        nodes    bit │ left │ right │ group          one less than subjects
                      ┌─────┴─────┐                  above the groups: few
                 group 3        group 7              messages, oldest, newest, tokens
                 a.1 … a.2      a.3.x … a.9          an entry names its group
        arena    first_seq last_seq count group size subject │ …      units of 8 bytes

What comes and goes on a subject costs one addition in its group. `walk` shows each subject that a
pattern matches; `tally` only counts, and where the pattern takes in the whole of a group, or none
of it, that group is one look. A million subjects are some six thousand groups.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from isthmus.core.message cimport Span

cdef enum:
    STALE_FIRST = 1             # first_seq is only a lower bound: ask subject_ends.pxd
    STALE_LAST = 2              # last_seq is only an upper bound
    LEAF = 0x80000000           # marks a child that is an entry
    GROUP_MAX = 256             # subjects


cdef packed struct SubjectEntry:    # the subject's bytes follow: entry_subject
    uint64_t first_seq
    uint64_t last_seq
    uint32_t count
    uint32_t group              # 0: it stands alone
    uint16_t size
    uint8_t stale


cdef struct Node:
    uint32_t bit                # byte * 16 + 0: is there one; + 1 to 8: its bits, highest first
    uint32_t left               # LEAF set: an entry, else a node
    uint32_t right
    uint32_t group              # whose subtree begins here; 0: none


cdef struct Group:
    uint64_t messages
    uint64_t first_seq          # none of them is older
    uint64_t last_seq           # none of them is newer
    uint32_t subjects
    uint8_t tokens_min          # no subject has fewer,
    uint8_t tokens_max          # none has more; TOKENS_MANY: or has that many or more


cdef struct Tally:
    uint64_t subjects
    uint64_t messages
    Py_ssize_t left             # groups and subjects that may still be looked at
    bint straddles              # a subject has messages on both sides of the sequence


cdef class SubjectVisitor:
    """Told of each subject that a walk finds. Must neither change nor walk the tree."""

    # 0: go on, 1: stop after this one
    cdef int visit(self, Span subject, SubjectEntry* entry) except -1


cdef class SubjectOrder:
    cdef char* arena
    cdef uint32_t arena_used                  # units of 8 bytes
    cdef uint32_t arena_capacity
    cdef uint32_t[80] free_entries            # by size class: chains of removed entries
    cdef Node* nodes
    cdef uint32_t node_used
    cdef uint32_t node_capacity
    cdef uint32_t free_node
    cdef uint32_t root
    cdef Group* groups
    cdef uint32_t group_used
    cdef uint32_t group_capacity
    cdef uint32_t free_group
    cdef uint32_t* path                       # scratch of a walk
    cdef Py_ssize_t path_capacity

    # visits what `pattern` matches in byte order, subjects greater than `after` only (empty: all),
    # looking at no more than `limit` subjects; 1: there may be more, `resume` is the last looked at
    cdef int walk(
        self, Span pattern, Span after, Py_ssize_t limit, SubjectVisitor visitor, Span* resume
    ) except -1
    # adds what `pattern` matches behind `after`, messages from `seq` on (0: all): 1: `left` is used
    # up, everything up to `resume` is counted; 0: done, or it straddles
    cdef int tally(
        self, Span pattern, uint64_t seq, Span after, Tally* tally, Span* resume
    ) except -1

    # a fresh entry, in no order yet, and room for it there; then nothing can fail
    cdef uint32_t new_entry(self, Span subject) except 0
    cdef void free_entry(self, uint32_t entry) noexcept
    # brings a fresh entry with its first message into the order, or takes one out
    cdef void graft(self, uint32_t entry) noexcept
    cdef void prune(self, Span subject) noexcept
    cdef void forget(self) noexcept
    cdef size_t order_bytes(self) noexcept

    cdef void _free(self) noexcept
    cdef int _reserve(self) except -1
    cdef uint32_t _nearest(self, Span subject) noexcept
    cdef uint32_t _first(self, uint32_t at) noexcept
    cdef uint32_t _last(self, uint32_t at) noexcept
    cdef uint32_t _below(self, Span prefix) noexcept
    cdef int _push(self, Py_ssize_t* depth, uint32_t at) except -1
    cdef uint32_t _seek(
        self, uint32_t top, Span key, bint beyond, Py_ssize_t* depth
    ) except? 0
    cdef uint32_t _new_node(self) noexcept
    cdef uint32_t _new_group(self) noexcept
    cdef void _join(self, uint32_t entry, uint32_t group) noexcept
    cdef void _gather(self, uint32_t at, uint32_t group) noexcept
    cdef void _split(self, uint32_t at) noexcept
    cdef void _set_apart(self, uint32_t at) noexcept
    cdef uint32_t _check(self, uint32_t at, uint32_t group, Group* held)


cdef inline SubjectEntry* entry_at(const char* arena, uint32_t entry) noexcept nogil:
    return <SubjectEntry*> (arena + (<size_t> entry << 3))


cdef inline Span entry_subject(const SubjectEntry* entry) noexcept nogil:
    cdef Span out
    out.data = <const char*> entry + sizeof(SubjectEntry)
    out.size = entry.size
    return out


cdef inline bint same(Span one, Span other) noexcept nogil:
    return one.size == other.size and memcmp(one.data, other.data, one.size) == 0


# a message of an entry came, or went
cdef inline void count_in(SubjectOrder order, const SubjectEntry* entry, uint64_t seq) noexcept:
    cdef Group* group
    if entry.group != 0:
        group = order.groups + entry.group
        group.messages += 1
        if seq > group.last_seq:
            group.last_seq = seq


cdef inline void count_out(SubjectOrder order, const SubjectEntry* entry) noexcept:
    if entry.group != 0:
        order.groups[entry.group].messages -= 1


# byte order: negative, 0 or positive
cdef int compare(Span one, Span other) noexcept nogil
