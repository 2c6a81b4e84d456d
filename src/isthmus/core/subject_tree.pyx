# cython: boundscheck=False, wraparound=False, cdivision=True
"""Subjects of one stream; see `subject_tree.pxd` for the picture.

Owns its entries. Knows no messages: who removes one tells the tree. Invariant: every entry is
reachable through the table and through the crit-bit tree, `count` of them; an entry's `count` is
never 0; an end that is not exact is marked stale.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from isthmus.core.message cimport Span, span, span_of

cdef enum:
    LEAF = 0x80000000           # marks a child that is an entry
    MOVED = 0xFFFFFFFF          # in the old table: nothing here any more
    START_BITS = 4
    MOVES = 8                   # slots that move to the new table with each new subject
    START_UNITS = 128
    UNITS_MAX = 0x7FFFFFFF      # 16 GiB of entries; the top bit is LEAF


# --- subjects and patterns ---


cdef bint subject_matches(Span pattern, Span subject) noexcept nogil:
    """Token by token; both are valid subjects."""
    cdef const char* p = pattern.data
    cdef const char* s = subject.data
    cdef const char* p_end = p + pattern.size
    cdef const char* s_end = s + subject.size
    while p < p_end and s < s_end:
        if p[0] == b'>' and p + 1 == p_end:
            return True
        if p[0] == b'*' and (p + 1 == p_end or p[1] == b'.'):
            p += 1
            while s < s_end and s[0] != b'.':
                s += 1
        else:
            while p < p_end and p[0] != b'.':
                if s == s_end or s[0] != p[0]:
                    return False
                p += 1
                s += 1
        # both must end here, or both go on with a dot
        if p == p_end or s == s_end:
            break
        if s[0] != b'.':
            return False
        p += 1
        s += 1
    return p == p_end and s == s_end


cdef Py_ssize_t _literal_prefix(Span pattern) noexcept nogil:
    """Bytes before the first wildcard token; all of them if there is none."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t end
    cdef const char* dot
    while at < pattern.size:
        dot = <const char*> memchr(pattern.data + at, b'.', pattern.size - at)
        end = dot - pattern.data if dot != NULL else pattern.size
        if end - at == 1 and (pattern.data[at] == b'*' or pattern.data[at] == b'>'):
            return at
        at = end + 1
    return pattern.size


cdef uint32_t _tag(Span subject, uint64_t seed) noexcept nogil:
    """32 bits of a hash, never 0; the table's index is its upper bits."""
    cdef uint64_t state = seed ^ <uint64_t> subject.size
    cdef uint64_t word
    cdef const char* at = subject.data
    cdef Py_ssize_t left = subject.size
    while left > 0:
        word = 0
        memcpy(&word, at, 8 if left >= 8 else left)
        state = (state ^ word) * <uint64_t> 0x9E3779B97F4A7C15
        state ^= state >> 29
        at += 8
        left -= 8
    state *= <uint64_t> 0xBF58476D1CE4E5B9
    state ^= state >> 32
    return <uint32_t> state | 1


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


cdef inline bint _same(Span one, Span other) noexcept nogil:
    return one.size == other.size and memcmp(one.data, other.data, one.size) == 0


cdef int _compare(Span one, Span other) noexcept nogil:
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


cdef class SubjectTree:
    """First, last and number of messages per subject. `seed` is secret and any 64-bit number."""

    def __init__(self, uint64_t seed=0):
        self.seed = seed
        self._forget()

    def __dealloc__(self):
        self._free()

    cdef void _free(self) noexcept:
        free(self.arena)
        free(self.slots)
        free(self.old_slots)
        free(self.nodes)
        free(self.path)

    cdef void _forget(self) noexcept:
        self.count = 0
        self.arena = NULL
        self.arena_used = 1  # entry 0 means none
        self.arena_capacity = 0
        memset(self.free_entries, 0, sizeof(self.free_entries))
        self.slots = NULL
        self.slot_bits = 0
        self.old_slots = NULL
        self.old_bits = 0
        self.old_moved = 0
        self.nodes = NULL
        self.node_used = 1  # node 0 means none
        self.node_capacity = 0
        self.free_node = 0
        self.root = 0
        self.path = NULL
        self.path_capacity = 0

    cdef int clear(self) except -1:
        """Forget everything at once, whatever its size."""
        self._free()
        self._forget()
        return 0

    # --- entries ---

    cdef SubjectEntry* _at(self, uint32_t entry) noexcept:
        return <SubjectEntry*> (self.arena + (<size_t> entry << 3))

    cdef uint32_t _new_entry(self, Span subject) except 0:
        cdef uint32_t units = <uint32_t> ((sizeof(SubjectEntry) + subject.size + 7) >> 3)
        cdef int chain = _size_class(&units)
        cdef uint32_t entry = self.free_entries[chain]
        cdef uint64_t capacity
        cdef SubjectEntry* at
        cdef void* grown
        if entry != 0:
            self.free_entries[chain] = <uint32_t> self._at(entry).first_seq
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
        at = self._at(entry)
        memset(at, 0, sizeof(SubjectEntry))
        at.size = <uint16_t> subject.size
        memcpy(<char*> at + sizeof(SubjectEntry), subject.data, subject.size)
        return entry

    cdef void _free_entry(self, uint32_t entry) noexcept:
        cdef SubjectEntry* at = self._at(entry)
        cdef uint32_t units = <uint32_t> ((sizeof(SubjectEntry) + at.size + 7) >> 3)
        cdef int chain = _size_class(&units)
        at.first_seq = self.free_entries[chain]
        self.free_entries[chain] = entry

    # --- the table ---

    cdef Slot* _probe(self, Slot* slots, int bits, uint32_t tag, Span subject) noexcept:
        """The slot of `subject`, or NULL."""
        cdef uint32_t mask = (<uint32_t> 1 << bits) - 1
        cdef uint32_t place = tag >> (32 - bits)
        while slots[place].entry != 0:
            if slots[place].tag == tag and slots[place].entry != MOVED:
                if _same(entry_subject(self._at(slots[place].entry)), subject):
                    return slots + place
            place = (place + 1) & mask
        return NULL

    cdef void _put(self, uint32_t tag, uint32_t entry) noexcept:
        cdef uint32_t mask = (<uint32_t> 1 << self.slot_bits) - 1
        cdef uint32_t place = tag >> (32 - self.slot_bits)
        while self.slots[place].entry != 0:
            place = (place + 1) & mask
        self.slots[place].tag = tag
        self.slots[place].entry = entry

    cdef void _move(self, uint32_t moves) noexcept:
        """Carry the next slots of the old table over; free it when it is empty."""
        cdef uint32_t size = <uint32_t> 1 << self.old_bits
        cdef Slot* slot
        while moves and self.old_moved < size:
            slot = self.old_slots + self.old_moved
            if slot.entry != 0 and slot.entry != MOVED:
                self._put(slot.tag, slot.entry)
                slot.entry = MOVED
            self.old_moved += 1
            moves -= 1
        if self.old_moved == size:
            free(self.old_slots)
            self.old_slots = NULL

    cdef int _make_room(self) except -1:
        """Room for one more; growing is spread over the adds that follow."""
        cdef Slot* grown
        cdef int bits
        if self.old_slots != NULL:
            self._move(MOVES)
        if self.slots == NULL:
            self.slots = <Slot*> calloc(1 << START_BITS, sizeof(Slot))
            if self.slots == NULL:
                raise MemoryError()
            self.slot_bits = START_BITS
        elif (<uint64_t> self.count + 1) * 4 > (<uint64_t> 3 << self.slot_bits):
            if self.old_slots != NULL:
                self._move(<uint32_t> 1 << self.old_bits)
            bits = self.slot_bits + 1
            if bits > 31:
                raise MemoryError("too many subjects in one stream")
            grown = <Slot*> calloc(<size_t> 1 << bits, sizeof(Slot))
            if grown == NULL:
                raise MemoryError()
            self.old_slots = self.slots
            self.old_bits = self.slot_bits
            self.old_moved = 0
            self.slots = grown
            self.slot_bits = bits
        return 0

    cdef void _take_out(self, uint32_t tag, Span subject) noexcept:
        """Empty the subject's slot; in the new table those behind it close up."""
        cdef uint32_t mask = (<uint32_t> 1 << self.slot_bits) - 1
        cdef uint32_t hole, place, home
        cdef Slot* slot = self._probe(self.slots, self.slot_bits, tag, subject)
        if slot == NULL:
            slot = self._probe(self.old_slots, self.old_bits, tag, subject)
            slot.entry = MOVED
            return
        hole = <uint32_t> (slot - self.slots)
        place = hole
        while True:
            place = (place + 1) & mask
            if self.slots[place].entry == 0:
                break
            home = self.slots[place].tag >> (32 - self.slot_bits)
            if ((place - home) & mask) >= ((place - hole) & mask):
                self.slots[hole] = self.slots[place]
                hole = place
        self.slots[hole].entry = 0

    # --- the crit-bit tree ---

    cdef uint32_t _nearest(self, Span subject) noexcept:
        """The entry that shares the longest way with `subject`; the tree is not empty."""
        cdef uint32_t at = self.root
        cdef Node* node
        while not at & LEAF:
            node = self.nodes + at
            at = node.right if _bit(subject, node.bit) else node.left
        return at & ~<uint32_t> LEAF

    cdef uint32_t _new_node(self) except 0:
        cdef uint32_t node = self.free_node
        cdef uint32_t capacity
        cdef void* grown
        if node != 0:
            self.free_node = self.nodes[node].left
            return node
        if self.node_used >= self.node_capacity:
            capacity = max(<uint32_t> 16, self.node_capacity * 2)
            grown = realloc(self.nodes, <size_t> capacity * sizeof(Node))
            if grown == NULL:
                raise MemoryError()
            self.nodes = <Node*> grown
            self.node_capacity = capacity
        node = self.node_used
        self.node_used += 1
        return node

    cdef int _graft(self, uint32_t entry, uint32_t node, uint32_t bit) noexcept:
        """Hang a new entry into the tree, at the bit in which it differs from its neighbours."""
        cdef Span subject = entry_subject(self._at(entry))
        cdef uint32_t* link = &self.root
        cdef Node* at
        while not link[0] & LEAF:
            at = self.nodes + link[0]
            if at.bit > bit:
                break
            link = &at.right if _bit(subject, at.bit) else &at.left
        at = self.nodes + node
        at.bit = bit
        if _bit(subject, bit):
            at.left, at.right = link[0], entry | LEAF
        else:
            at.left, at.right = entry | LEAF, link[0]
        link[0] = node
        return 0

    cdef void _prune(self, Span subject) noexcept:
        """Take the subject's entry out of the tree."""
        cdef uint32_t* link = &self.root
        cdef uint32_t* above = NULL
        cdef uint32_t node
        cdef bint right = False
        while not link[0] & LEAF:
            above = link
            right = _bit(subject, self.nodes[link[0]].bit) == 1
            link = &self.nodes[above[0]].right if right else &self.nodes[above[0]].left
        if above == NULL:
            self.root = 0
            return
        node = above[0]
        above[0] = self.nodes[node].left if right else self.nodes[node].right
        self.nodes[node].left = self.free_node
        self.free_node = node

    # --- what happens per message ---

    cdef SubjectEntry* find(self, Span subject) noexcept:
        """The entry of a literal subject, or NULL."""
        cdef uint32_t tag
        cdef Slot* slot
        if self.count == 0:
            return NULL
        tag = _tag(subject, self.seed)
        slot = self._probe(self.slots, self.slot_bits, tag, subject)
        if slot == NULL and self.old_slots != NULL:
            slot = self._probe(self.old_slots, self.old_bits, tag, subject)
        return self._at(slot.entry) if slot != NULL else NULL

    cdef SubjectEntry* add(self, Span subject, uint64_t seq) except NULL:
        """Count message `seq`, newer than all others of its subject."""
        cdef SubjectEntry* entry = self.find(subject)
        cdef uint32_t fresh, node = 0
        if entry != NULL:
            entry.last_seq = seq
            entry.count += 1
            entry.stale &= STALE_FIRST
            return entry
        if subject.size > 0xFFFF:
            raise ValueError(f"subject of {subject.size} bytes: at most 65535")
        # everything that can fail comes before anything is changed
        self._make_room()
        if self.root != 0:
            node = self._new_node()
        try:
            fresh = self._new_entry(subject)
        except MemoryError:
            if node != 0:
                self.nodes[node].left = self.free_node
                self.free_node = node
            raise
        entry = self._at(fresh)
        entry.first_seq = entry.last_seq = seq
        entry.count = 1
        self._put(_tag(subject, self.seed), fresh)
        if self.root == 0:
            self.root = fresh | LEAF
        else:
            subject = entry_subject(entry)
            self._graft(fresh, node, _first_difference(
                subject, entry_subject(self._at(self._nearest(subject)))
            ))
        self.count += 1
        return entry

    cdef int remove(self, Span subject, uint64_t seq) except -1:
        """Message `seq` is gone; 0 if nothing was known of this subject."""
        cdef SubjectEntry* entry = self.find(subject)
        cdef uint32_t place
        if entry == NULL:
            return 0
        entry.count -= 1
        if entry.count == 0:
            # `subject` may be the entry's own bytes, so they go last
            place = <uint32_t> ((<char*> entry - self.arena) >> 3)
            self._take_out(_tag(subject, self.seed), subject)
            self._prune(subject)
            self._free_entry(place)
            self.count -= 1
            return 1
        if seq <= entry.first_seq:
            entry.first_seq = seq + 1
            entry.stale |= STALE_FIRST
        if seq >= entry.last_seq:
            entry.last_seq = seq - 1
            entry.stale |= STALE_LAST
        if entry.count == 1 and entry.stale == STALE_FIRST:
            entry.first_seq = entry.last_seq
            entry.stale = 0
        elif entry.count == 1 and entry.stale == STALE_LAST:
            entry.last_seq = entry.first_seq
            entry.stale = 0
        return 1

    # --- walks ---

    cdef int _push(self, Py_ssize_t* depth, uint32_t at) except -1:
        cdef void* grown
        if depth[0] == self.path_capacity:
            grown = realloc(self.path, max(64, self.path_capacity * 2) * sizeof(uint32_t))
            if grown == NULL:
                raise MemoryError()
            self.path = <uint32_t*> grown
            self.path_capacity = max(64, self.path_capacity * 2)
        self.path[depth[0]] = at
        depth[0] += 1
        return 0

    cdef uint32_t _seek(self, Span key, bint beyond, Py_ssize_t* depth) except? 0:
        """Where subjects >= `key` (> if `beyond`) begin; the path holds what follows it."""
        cdef Span near = entry_subject(self._at(self._nearest(key)))
        cdef bint same = _same(near, key)
        cdef uint32_t bit = 0 if same else _first_difference(near, key)
        cdef uint32_t at = self.root
        cdef Node* node
        while not at & LEAF:
            node = self.nodes + at
            if not same and node.bit > bit:
                break
            if _bit(key, node.bit):
                at = node.right
            else:
                self._push(depth, node.right)
                at = node.left
        # below `at` everything equals `near` up to `bit`
        if (same and not beyond) or (not same and _bit(near, bit)):
            return at
        if depth[0] == 0:
            return 0
        depth[0] -= 1
        return self.path[depth[0]]

    cdef int walk(
        self, Span pattern, Span after, Py_ssize_t limit, SubjectVisitor visitor, Span* resume
    ) except -1:
        """Visit what `pattern` matches, in byte order, from behind `after` on."""
        cdef Py_ssize_t prefix = _literal_prefix(pattern)
        cdef Py_ssize_t depth = 0
        cdef uint32_t at
        cdef SubjectEntry* entry
        cdef Span subject
        resume[0] = after
        if self.root == 0:
            return 0
        if after.size > 0 and _compare(after, span(pattern.data, prefix)) >= 0:
            at = self._seek(after, True, &depth)
        else:
            at = self._seek(span(pattern.data, prefix), False, &depth)
        while at != 0:
            while not at & LEAF:
                self._push(&depth, self.nodes[at].right)
                at = self.nodes[at].left
            entry = self._at(at & ~<uint32_t> LEAF)
            subject = entry_subject(entry)
            if subject.size < prefix or memcmp(subject.data, pattern.data, prefix) != 0:
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

    # --- for Python: requests and tests ---

    @property
    def memory_bytes(self) -> int:
        """Bytes that were asked from the system."""
        cdef size_t out = <size_t> self.arena_capacity << 3
        out += <size_t> self.node_capacity * sizeof(Node)
        out += (<size_t> 1 << self.slot_bits) * sizeof(Slot) if self.slots != NULL else 0
        out += (<size_t> 1 << self.old_bits) * sizeof(Slot) if self.old_slots != NULL else 0
        return out + self.path_capacity * sizeof(uint32_t)

    def insert(self, bytes subject not None, uint64_t seq) -> None:
        """Count message `seq` under `subject`."""
        self.add(span_of(subject), seq)

    def discard(self, bytes subject not None, uint64_t seq) -> bool:
        """Message `seq` of `subject` is gone."""
        return self.remove(span_of(subject), seq) == 1

    def empty(self) -> None:
        """Forget everything."""
        self.clear()

    def get(self, bytes subject not None):
        """The `SubjectState` of a literal subject, or None."""
        cdef SubjectEntry* entry = self.find(span_of(subject))
        return _state(entry) if entry != NULL else None

    def matching(self, bytes pattern not None, bytes after not None=b"", Py_ssize_t limit=1 << 62):
        """`(states, resume)`: what matches among the next `limit` subjects; resume empty: all."""
        cdef Gatherer gatherer = Gatherer()
        cdef Span resume
        gatherer.found = []
        if self.walk(span_of(pattern), span_of(after), limit, gatherer, &resume):
            return gatherer.found, PyBytes_FromStringAndSize(resume.data, resume.size)
        return gatherer.found, b""

    def totals(self, bytes pattern not None) -> tuple[int, int]:
        """`(subjects, messages)` that `pattern` matches."""
        cdef Counter counter = Counter()
        cdef Span resume
        self.walk(span_of(pattern), span_of(b""), <Py_ssize_t> 1 << 62, counter, &resume)
        return counter.subjects, counter.messages


cdef class SubjectState:
    """What is known of one subject; an end that is `None` must be asked from the log."""

    cdef readonly bytes subject
    cdef readonly object first_seq
    cdef readonly object last_seq
    cdef readonly uint64_t count

    def __repr__(self) -> str:
        return f"SubjectState({self.subject!r}, {self.first_seq}, {self.last_seq}, {self.count})"


cdef SubjectState _state(SubjectEntry* entry):
    cdef SubjectState out = SubjectState.__new__(SubjectState)
    cdef Span subject = entry_subject(entry)
    out.subject = subject.data[:subject.size]
    out.first_seq = None if entry.stale & STALE_FIRST else entry.first_seq
    out.last_seq = None if entry.stale & STALE_LAST else entry.last_seq
    out.count = entry.count
    return out


cdef class Gatherer(SubjectVisitor):
    """A list of states."""

    cdef list found

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        self.found.append(_state(entry))
        return 0


cdef class Counter(SubjectVisitor):
    """Two sums."""

    cdef uint64_t subjects
    cdef uint64_t messages

    cdef int visit(self, Span subject, SubjectEntry* entry) except -1:
        self.subjects += 1
        self.messages += entry.count
        return 0


def matches(bytes pattern not None, bytes subject not None) -> bool:
    """Does the literal `subject` match `pattern`?"""
    return subject_matches(span_of(pattern), span_of(subject))
