# cython: boundscheck=False, wraparound=False, cdivision=True
"""Subjects in byte order; see `subject_order.pxd` for the picture.

Owns entries, nodes and groups. Knows no messages: who stores or removes one counts it. Invariants:
every entry is reachable in the order, once; a group is the subtree of one node, no group lies in
another, and what it holds is the sum of what its entries hold; its bounds are true, and exact where
it was gathered last.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.matching cimport Shape, TOKENS_MANY, count_tokens, shape_of, subject_matches
from isthmus.core.message cimport Span, span

cdef extern from *:
    void __builtin_prefetch(const void*, ...) noexcept nogil

cdef enum:
    START_UNITS = 128
    UNITS_MAX = 0x7FFFFFFF      # 16 GiB of entries; the top bit is LEAF


# --- keys ---


cdef inline uint32_t _bit(Span key, uint32_t bit) noexcept nogil:
    """What `key` has at a position of the crit-bit tree."""
    cdef uint32_t place = bit >> 4
    cdef uint32_t which = bit & 15
    if place >= <uint32_t> key.size:
        return 0
    if which == 0:
        return 1
    return (<uint8_t> key.data[place] >> (8 - which)) & 1


cdef uint32_t _first_difference(Span one, Span other) noexcept nogil:
    """Position of the first bit in which the two differ; they must differ."""
    cdef Py_ssize_t common = min(one.size, other.size)
    cdef Py_ssize_t place = 0
    cdef uint32_t which = 1
    cdef uint8_t difference
    while place < common and one.data[place] == other.data[place]:
        place += 1
    if place == common:
        return <uint32_t> (place << 4)
    difference = <uint8_t> one.data[place] ^ <uint8_t> other.data[place]
    while not difference & 0x80:
        difference <<= 1
        which += 1
    return <uint32_t> (place << 4) + which


cdef inline bint _begins(Span subject, const char* prefix, Py_ssize_t size) noexcept nogil:
    return subject.size >= size and memcmp(subject.data, prefix, size) == 0


cdef int compare(Span one, Span other) noexcept nogil:
    """Byte order: negative, 0 or positive."""
    cdef int out = memcmp(one.data, other.data, min(one.size, other.size))
    if out == 0:
        return -1 if one.size < other.size else one.size > other.size
    return out


cdef inline int _size_class(uint32_t* units) noexcept nogil:
    """The free chain for entries of this size; a large size is rounded up to a power of two."""
    cdef uint32_t size = 64
    cdef int chain = 64
    if units[0] < 64:
        return <int> units[0]
    while size < units[0]:
        size <<= 1
        chain += 1
    units[0] = size
    return chain


cdef class SubjectVisitor:
    """Told of each subject that a walk finds."""

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        raise NotImplementedError(type(self).__name__)


cdef class SubjectOrder:
    """Entries by their subjects, and sums over neighbours."""

    def __cinit__(self):
        self.forget()

    def __dealloc__(self):
        self._free()

    cdef void _free(self) noexcept:
        free(self.arena)
        free(self.nodes)
        free(self.groups)
        free(self.path)

    cdef void forget(self) noexcept:
        """Empty, whatever was there before."""
        self._free()
        self.arena = NULL
        self.arena_used = 1  # entry 0 means none
        self.arena_capacity = 0
        memset(self.free_entries, 0, sizeof(self.free_entries))
        self.nodes = NULL
        self.node_used = 1  # node 0 means none
        self.node_capacity = 0
        self.free_node = 0
        self.root = 0
        self.groups = NULL
        self.group_used = 1  # group 0 means none
        self.group_capacity = 0
        self.free_group = 0
        self.path = NULL
        self.path_capacity = 0

    cdef size_t order_bytes(self) noexcept:
        """That were asked from the system."""
        cdef size_t out = <size_t> self.arena_capacity << 3
        out += <size_t> self.node_capacity * sizeof(Node)
        out += <size_t> self.group_capacity * sizeof(Group)
        return out + self.path_capacity * sizeof(uint32_t)

    def check(self) -> None:
        """Assert the invariants."""
        cdef Group held
        memset(&held, 0, sizeof(Group))
        if self.root != 0:
            self._check(self.root, 0, &held)

    cdef uint32_t _check(self, uint32_t at, uint32_t group, Group* held):
        """Sum up what lies below `at`, in `group`; how many subjects."""
        cdef SubjectEntry* entry
        cdef Group* said
        cdef Group own
        cdef int tokens
        if at & LEAF:
            entry = entry_at(self.arena, at & ~<uint32_t> LEAF)
            assert entry.count > 0
            assert entry.group == group, (entry.group, group)
            held.messages += entry.count
            held.subjects += 1
            if group:
                said = self.groups + group
                tokens = count_tokens(entry_subject(entry))
                assert said.tokens_min <= tokens <= said.tokens_max
                assert said.first_seq <= entry.first_seq
                assert entry.last_seq <= said.last_seq
            return 1
        if self.nodes[at].group == 0:
            return self._check(self.nodes[at].left, group, held) + (
                self._check(self.nodes[at].right, group, held)
            )
        assert group == 0, "a group in a group"
        memset(&own, 0, sizeof(Group))
        group = self.nodes[at].group
        self._check(self.nodes[at].left, group, &own)
        self._check(self.nodes[at].right, group, &own)
        assert own.messages == self.groups[group].messages
        assert own.subjects == self.groups[group].subjects <= GROUP_MAX
        return own.subjects

    # --- entries ---

    cdef uint32_t new_entry(self, Span subject) except 0:
        cdef uint32_t units = <uint32_t> ((sizeof(SubjectEntry) + subject.size + 7) >> 3)
        cdef int chain = _size_class(&units)
        cdef uint32_t entry = self.free_entries[chain]
        cdef uint64_t capacity
        cdef SubjectEntry* at
        cdef void* grown
        self._reserve()
        if entry != 0:
            self.free_entries[chain] = <uint32_t> entry_at(self.arena, entry).first_seq
        else:
            if <uint64_t> self.arena_used + units > self.arena_capacity:
                capacity = max(
                    <uint64_t> START_UNITS, <uint64_t> self.arena_capacity * 2, <uint64_t> units * 2
                )
                if capacity > UNITS_MAX:
                    raise MemoryError("too many subjects in one stream")
                grown = realloc(self.arena, capacity << 3)
                if grown == NULL:
                    raise MemoryError()
                self.arena = <char*> grown
                self.arena_capacity = <uint32_t> capacity
            entry = self.arena_used
            self.arena_used += units
        at = entry_at(self.arena, entry)
        memset(at, 0, sizeof(SubjectEntry))
        at.size = <uint16_t> subject.size
        memcpy(<char*> at + sizeof(SubjectEntry), subject.data, subject.size)
        return entry

    cdef void free_entry(self, uint32_t entry) noexcept:
        cdef SubjectEntry* at = entry_at(self.arena, entry)
        cdef uint32_t units = <uint32_t> ((sizeof(SubjectEntry) + at.size + 7) >> 3)
        cdef int chain = _size_class(&units)
        at.first_seq = self.free_entries[chain]
        self.free_entries[chain] = entry

    # --- the crit-bit tree ---

    cdef int _reserve(self) except -1:
        """Room for one more node, and for the two groups that it may bring."""
        cdef uint32_t capacity
        cdef void* grown
        if self.free_node == 0 and self.node_used >= self.node_capacity:
            capacity = max(<uint32_t> 16, self.node_capacity * 2)
            grown = realloc(self.nodes, <size_t> capacity * sizeof(Node))
            if grown == NULL:
                raise MemoryError()
            self.nodes = <Node*> grown
            self.node_capacity = capacity
        if self.group_used + 2 > self.group_capacity:
            capacity = max(<uint32_t> 4, self.group_capacity * 2)
            grown = realloc(self.groups, <size_t> capacity * sizeof(Group))
            if grown == NULL:
                raise MemoryError()
            self.groups = <Group*> grown
            self.group_capacity = capacity
        return 0

    cdef uint32_t _new_node(self) noexcept:
        cdef uint32_t node = self.free_node
        if node != 0:
            self.free_node = self.nodes[node].left
        else:
            node = self.node_used
            self.node_used += 1
        return node

    cdef uint32_t _nearest(self, Span subject) noexcept:
        """The entry that shares the longest way with `subject`; the tree is not empty."""
        cdef uint32_t at = self.root
        cdef Node* node
        while not at & LEAF:
            node = self.nodes + at
            at = node.right if _bit(subject, node.bit) else node.left
        return at & ~<uint32_t> LEAF

    cdef uint32_t _first(self, uint32_t at) noexcept:
        while not at & LEAF:
            at = self.nodes[at].left
        return at & ~<uint32_t> LEAF

    cdef uint32_t _last(self, uint32_t at) noexcept:
        while not at & LEAF:
            at = self.nodes[at].right
        return at & ~<uint32_t> LEAF

    cdef uint32_t _below(self, Span prefix) noexcept:
        """The subtree of all subjects that begin with `prefix`; 0: there are none."""
        cdef uint32_t at = self.root
        cdef uint32_t edge = <uint32_t> (prefix.size << 4)
        cdef Node* node
        if at == 0:
            return 0
        while not at & LEAF and self.nodes[at].bit < edge:
            node = self.nodes + at
            at = node.right if _bit(prefix, node.bit) else node.left
        if _begins(entry_subject(entry_at(self.arena, self._first(at))), prefix.data, prefix.size):
            return at
        return 0

    cdef void graft(self, uint32_t entry) noexcept:
        """Hang it in at the bit in which it differs from its neighbours, and into their group."""
        cdef Span subject = entry_subject(entry_at(self.arena, entry))
        cdef uint32_t* link = &self.root
        cdef uint32_t bit, node, below, top = 0
        cdef Node* at
        if self.root == 0:
            self.root = entry | LEAF
            return
        bit = _first_difference(
            subject, entry_subject(entry_at(self.arena, self._nearest(subject)))
        )
        while not link[0] & LEAF:
            at = self.nodes + link[0]
            if at.bit > bit:
                break
            if at.group != 0:
                top = link[0]
            link = &at.right if _bit(subject, at.bit) else &at.left
        node = self._new_node()
        below = link[0]
        at = self.nodes + node
        at.bit = bit
        at.group = 0
        if _bit(subject, bit):
            at.left, at.right = below, entry | LEAF
        else:
            at.left, at.right = entry | LEAF, below
        link[0] = node
        if top == 0 and below & LEAF:
            at.group = self._new_group()
            self._gather(node, at.group)
            return
        if top == 0 and self.nodes[below].group != 0:
            at.group = self.nodes[below].group      # a neighbour of the whole group
            self.nodes[below].group = 0
            top = node
        if top != 0:
            self._join(entry, self.nodes[top].group)
            if self.groups[self.nodes[top].group].subjects > GROUP_MAX:
                self._split(top)

    cdef void prune(self, Span subject) noexcept:
        """Take the subject's entry out; its group counted it out before."""
        cdef uint32_t* link = &self.root
        cdef uint32_t* above = NULL
        cdef uint32_t node, left, group
        cdef bint right = False
        while not link[0] & LEAF:
            above = link
            right = _bit(subject, self.nodes[link[0]].bit) == 1
            link = &self.nodes[above[0]].right if right else &self.nodes[above[0]].left
        group = entry_at(self.arena, link[0] & ~<uint32_t> LEAF).group
        if group != 0:
            self.groups[group].subjects -= 1
        if above == NULL:
            self.root = 0
            return
        node = above[0]
        left = self.nodes[node].left if right else self.nodes[node].right
        above[0] = left
        if self.nodes[node].group != 0:
            if left & LEAF:
                entry_at(self.arena, left & ~<uint32_t> LEAF).group = 0
                self.groups[group].messages = self.free_group
                self.free_group = group
            else:
                self.nodes[left].group = group
        self.nodes[node].left = self.free_node
        self.free_node = node

    # --- groups ---

    cdef uint32_t _new_group(self) noexcept:
        """An empty one; `_reserve` has seen to it that there is room."""
        cdef uint32_t group = self.free_group
        if group != 0:
            self.free_group = <uint32_t> self.groups[group].messages
        else:
            group = self.group_used
            self.group_used += 1
        memset(self.groups + group, 0, sizeof(Group))
        self.groups[group].first_seq = <uint64_t> -1
        self.groups[group].tokens_min = TOKENS_MANY
        return group

    cdef void _join(self, uint32_t entry, uint32_t group) noexcept:
        """The group holds what the entry holds."""
        cdef SubjectEntry* at = entry_at(self.arena, entry)
        cdef Group* to = self.groups + group
        cdef uint8_t tokens = <uint8_t> count_tokens(entry_subject(at))
        at.group = group
        to.messages += at.count
        to.subjects += 1
        to.first_seq = min(to.first_seq, at.first_seq)
        to.last_seq = max(to.last_seq, at.last_seq)
        to.tokens_min = min(to.tokens_min, tokens)
        to.tokens_max = max(to.tokens_max, tokens)

    cdef void _gather(self, uint32_t at, uint32_t group) noexcept:
        """Everything below `at` joins the group: GROUP_MAX subjects at most, and no deeper."""
        if at & LEAF:
            self._join(at & ~<uint32_t> LEAF, group)
        else:
            self._gather(self.nodes[at].left, group)
            self._gather(self.nodes[at].right, group)

    cdef void _split(self, uint32_t at) noexcept:
        """The group of `at` has grown too large: its halves become groups."""
        cdef uint32_t group = self.nodes[at].group
        self.groups[group].messages = self.free_group
        self.free_group = group
        self.nodes[at].group = 0
        self._set_apart(self.nodes[at].left)
        self._set_apart(self.nodes[at].right)

    cdef void _set_apart(self, uint32_t at) noexcept:
        """What lies below `at` becomes a group, or stands alone."""
        if at & LEAF:
            entry_at(self.arena, at & ~<uint32_t> LEAF).group = 0
        else:
            self.nodes[at].group = self._new_group()
            self._gather(at, self.nodes[at].group)

    # --- walks ---

    cdef int _push(self, Py_ssize_t* depth, uint32_t at) except -1:
        """`at` comes later; by then it is in the processor's cache."""
        cdef void* grown
        if depth[0] == self.path_capacity:
            grown = realloc(self.path, max(64, self.path_capacity * 2) * sizeof(uint32_t))
            if grown == NULL:
                raise MemoryError()
            self.path = <uint32_t*> grown
            self.path_capacity = max(64, self.path_capacity * 2)
        self.path[depth[0]] = at
        depth[0] += 1
        if at & LEAF:
            __builtin_prefetch(entry_at(self.arena, at & ~<uint32_t> LEAF))
        else:
            __builtin_prefetch(self.nodes + at)
        return 0

    cdef uint32_t _seek(
        self, uint32_t top, Span key, bint beyond, Py_ssize_t* depth
    ) except? 0:
        """Where subjects >= `key` (> if `beyond`) begin below `top`; the path holds the rest.

        The way of `key` down the tree leads through `top`.
        """
        cdef Span near = entry_subject(entry_at(self.arena, self._nearest(key)))
        cdef bint found = same(near, key)
        cdef uint32_t bit = 0 if found else _first_difference(near, key)
        cdef uint32_t at = top
        cdef Node* node
        while not at & LEAF:
            node = self.nodes + at
            if not found and node.bit > bit:
                break
            if _bit(key, node.bit):
                at = node.right
            else:
                self._push(depth, node.right)
                at = node.left
        # below `at` everything equals `near` up to `bit`
        if (found and not beyond) or (not found and _bit(near, bit)):
            return at
        if depth[0] == 0:
            return 0
        depth[0] -= 1
        return self.path[depth[0]]

    cdef int walk(
        self, Span pattern, Span after, Py_ssize_t limit, SubjectVisitor visitor, Span* resume
    ) except -1:
        """Visit what `pattern` matches, in byte order, from behind `after` on."""
        cdef Py_ssize_t prefix = shape_of(pattern).prefix
        cdef Py_ssize_t depth = 0
        cdef uint32_t at
        cdef SubjectEntry* entry
        cdef Span subject
        resume[0] = after
        if self.root == 0:
            return 0
        if after.size > 0 and compare(after, span(pattern.data, prefix)) >= 0:
            at = self._seek(self.root, after, True, &depth)
        else:
            at = self._seek(self.root, span(pattern.data, prefix), False, &depth)
        while at != 0:
            while not at & LEAF:
                self._push(&depth, self.nodes[at].right)
                at = self.nodes[at].left
            entry = entry_at(self.arena, at & ~<uint32_t> LEAF)
            subject = entry_subject(entry)
            if not _begins(subject, pattern.data, prefix):
                return 0  # subjects with the prefix stand together
            if limit <= 0:
                return 1
            limit -= 1
            resume[0] = subject
            if subject_matches(pattern, subject) and visitor.visit(subject, entry):
                return 1
            if prefix == pattern.size or depth == 0:
                return 0
            depth -= 1
            at = self.path[depth]
        return 0

    cdef int tally(
        self, Span pattern, uint64_t seq, Span after, Tally* tally, Span* resume
    ) except -1:
        """Count, group by group where that is enough."""
        cdef Shape shape = shape_of(pattern)
        cdef Py_ssize_t depth = 0
        cdef uint32_t at = self._below(span(pattern.data, shape.prefix))
        cdef SubjectEntry* entry
        if at != 0 and shape.prefix == pattern.size:
            at = self._first(at) | LEAF             # a literal stands before what it begins
        elif at != 0 and after.size > 0:
            at = self._seek(at, after, True, &depth)
        while at != 0:
            if at & LEAF:
                entry = entry_at(self.arena, at & ~<uint32_t> LEAF)
                if subject_matches(pattern, entry_subject(entry)):
                    _tally_entry(entry, seq, tally)
            elif self.nodes[at].group == 0 or not (
                _tally_group(self.groups + self.nodes[at].group, &shape, seq, tally)
            ):
                self._push(&depth, self.nodes[at].right)
                at = self.nodes[at].left
                continue
            tally.left -= 1
            if tally.straddles or depth == 0:
                return 0
            if tally.left <= 0:
                resume[0] = entry_subject(entry_at(self.arena, self._last(at)))
                return 1
            depth -= 1
            at = self.path[depth]
        return 0


cdef void _tally_entry(const SubjectEntry* entry, uint64_t seq, Tally* tally) noexcept nogil:
    """Its messages from `seq` on, if what is known of it says how many that are."""
    tally.subjects += 1
    if entry.first_seq >= seq:
        tally.messages += entry.count
    elif entry.last_seq < seq:
        pass
    elif entry.count == 2 and not entry.stale:
        tally.messages += 1
    else:
        tally.straddles = True


cdef bint _tally_group(
    const Group* group, const Shape* shape, uint64_t seq, Tally* tally
) noexcept nogil:
    """True if all of it counts, or nothing: it need not be looked at one by one."""
    if group.tokens_max < shape.tokens_min or group.tokens_min > shape.tokens_max:
        return True
    if seq != 0 and group.last_seq < seq:
        return True
    if not shape.plain or group.first_seq < seq:
        return False
    if group.tokens_min < shape.tokens_min or group.tokens_max > shape.tokens_max:
        return False
    tally.messages += group.messages
    tally.subjects += group.subjects
    return True
