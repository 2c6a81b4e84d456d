# cython: boundscheck=False, wraparound=False, cdivision=True
"""Who is interested in a subject; see `sublist.pxd` for the picture.

Owns its receivers (a reference for each insertion). Knows no account, no client and no permission.
Invariant: `count` insertions are reachable, and a match sees exactly those whose pattern covers the
subject, plain ones first, then queue groups.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp

from isthmus.core.hashing cimport Key, hash_bytes, make_key
from isthmus.core.literals cimport (
    Literal, literal_find, literal_node, literal_remove, literals_clear,
)
from isthmus.core.match_cache cimport Cached, cache_free, forget, note_miss, slot_of
from isthmus.core.matches cimport Match, flatten, free_retired, give_back, scratch_free
from isthmus.core.message cimport Span, span_of
from isthmus.core.node cimport Bag, Node, bag_items, node_add, same_name
from isthmus.core.patterns cimport (
    Branch, branch_free, branch_new, has_wildcard, pattern_node, pattern_remove, pattern_walk,
)
from isthmus.core.receiver cimport Receiver

cdef enum:
    NODES_MAX = 64              # more patterns than that are gathered on the heap


cdef inline uint64_t _hash_queue(Span queue, Key key) noexcept nogil:
    return hash_bytes(queue.data, queue.size, key) if queue.size else 0


cdef int _list_bag(Bag* bag, list out) except -1:
    cdef PyObject** items = bag_items(bag)
    cdef int32_t at
    for at in range(bag.count):
        out.append(<Receiver> items[at])
    return 0


cdef int _list_node(Node* node, list out) except -1:
    cdef int32_t at
    _list_bag(&node.plain, out)
    for at in range(node.group_count):
        _list_bag(&node.groups[at].members, out)
    return 0


cdef int _list_branch(Branch* branch, list out) except -1:
    cdef int32_t at
    for at in range(branch.child_capacity):
        if branch.children[at] != NULL:
            _list_branch(branch.children[at], out)
    if branch.star != NULL:
        _list_branch(branch.star, out)
    if branch.here != NULL:
        _list_node(branch.here, out)
    if branch.rest != NULL:
        _list_node(branch.rest, out)
    return 0


cdef class Watcher:
    """Somebody who follows a sublist."""

    cdef int added(self, Span subject, Span queue, Receiver receiver) except -1:
        raise NotImplementedError(type(self).__name__)

    cdef int removed(self, Span subject, Span queue, Receiver receiver) except -1:
        raise NotImplementedError(type(self).__name__)


cdef class Sublist:
    """The receivers of one account by subject. `seed` is a secret 64-bit number."""

    def __init__(self, uint64_t seed):
        self.key = make_key(seed)
        self.graveyard = []
        self.root = branch_new(b"", 0, 0)

    def __dealloc__(self):
        cdef list dropped = []
        literals_clear(&self.literals, dropped)
        free(self.literals.slots)
        if self.root != NULL:
            branch_free(self.root, dropped)
        cache_free(&self.cache)
        scratch_free(&self.scratch)

    def __len__(self) -> int:
        return self.count

    # --- Python's view, for owners and tests ---

    @property
    def depth(self) -> int:
        """Matches that run."""
        return self.scratch.depth

    @property
    def stack_capacity(self) -> int:
        """Receivers that nested matches have room for."""
        return self.scratch.stack_capacity

    def add(self, bytes subject not None, Receiver receiver not None, bytes queue=b"") -> None:
        """Subscribe `receiver`; the subject must be valid."""
        self.insert(span_of(subject), span_of(queue), receiver)

    def discard(self, bytes subject not None, Receiver receiver not None, bytes queue=b"") -> bool:
        """Unsubscribe; False if it was not there."""
        return self.remove(span_of(subject), span_of(queue), receiver) == 1

    def clear(self) -> None:
        """Let go of everybody; watchers are not told. What is kept here is invisible to the
        garbage collector, so a server that stops in a process that goes on empties its accounts.
        """
        cdef list dropped = []
        cdef Branch* root = branch_new(b"", 0, 0)
        assert self.scratch.depth == 0
        literals_clear(&self.literals, dropped)
        branch_free(self.root, dropped)
        self.root = root
        self.pattern_count = self.count = 0
        self.pattern_generation += 1
        self.generation += 1

    def interested(self, bytes subject not None) -> bool:
        """True if a message on the literal `subject` would reach anybody."""
        return self.has_interest(span_of(subject))

    def named(self, bytes subject not None) -> bool:
        """True if somebody subscribed to exactly the literal `subject`."""
        return self.has_literal(span_of(subject))

    def receivers(self, bytes subject not None) -> tuple[list[Receiver], list[list[Receiver]]]:
        """Plain receivers and queue groups that match the literal `subject`."""
        cdef Match found
        cdef int32_t index, member, start
        cdef list plain = []
        cdef list groups = []
        cdef list group
        self.match(span_of(subject), &found)
        try:
            for index in range(found.plain):
                plain.append(<Receiver> found.receivers[index])
            start = found.plain
            for index in range(found.groups):
                group = []
                for member in range(start, found.ends[index]):
                    group.append(<Receiver> found.receivers[member])
                groups.append(group)
                start = found.ends[index]
        finally:
            self.release(&found)
        return plain, groups

    def everybody(self) -> list[Receiver]:
        """Each receiver as often as it was added, in no order: for checks."""
        cdef list out = []
        cdef Py_ssize_t at
        for at in range(self.literals.capacity):
            if self.literals.slots[at].hash:
                _list_node(&self.literals.slots[at].node, out)
        _list_branch(self.root, out)
        return out

    def watching(self) -> list[Watcher]:
        """Who is told of changes: for checks."""
        return [] if self.watchers is None else list(self.watchers)

    def hash_of(self, bytes subject not None) -> int:
        """The keyed hash of `subject`, for measurements."""
        return hash_bytes(<const char*> subject, len(subject), self.key)

    # --- changes ---

    cdef int insert(self, Span subject, Span queue, Receiver receiver) except -1:
        cdef uint64_t queue_hash = _hash_queue(queue, self.key)
        cdef uint64_t hash
        if has_wildcard(subject):
            node_add(
                pattern_node(self.root, subject, self.key), queue, queue_hash, <PyObject*> receiver
            )
            self.pattern_generation += 1
            self.pattern_count += 1
        else:
            hash = hash_bytes(subject.data, subject.size, self.key)
            node_add(
                literal_node(&self.literals, subject, hash), queue, queue_hash,
                <PyObject*> receiver,
            )
            forget(&self.cache, hash, &self.scratch)
        Py_INCREF(receiver)
        self.count += 1
        self.generation += 1
        if self.watchers is not None:
            for watcher in self.watchers:
                (<Watcher> watcher).added(subject, queue, receiver)
        return 0

    cdef int remove(self, Span subject, Span queue, Receiver receiver) except -1:
        """1 if it was there."""
        cdef uint64_t queue_hash = _hash_queue(queue, self.key)
        cdef uint64_t hash
        cdef PyObject* gone = <PyObject*> receiver
        if has_wildcard(subject):
            if not pattern_remove(self.root, subject, queue, queue_hash, gone, self.key):
                return 0
            self.pattern_generation += 1
            self.pattern_count -= 1
        else:
            hash = hash_bytes(subject.data, subject.size, self.key)
            if not literal_remove(&self.literals, subject, hash, queue, queue_hash, gone):
                return 0
            forget(&self.cache, hash, &self.scratch)
        self.count -= 1
        self.generation += 1
        if self.scratch.depth:
            self.graveyard.append(receiver)     # a running match may still look at it
        if self.watchers is not None:
            for watcher in self.watchers:
                (<Watcher> watcher).removed(subject, queue, receiver)
        Py_DECREF(receiver)
        return 1

    cdef int watch_changes(self, Watcher watcher) except -1:
        """Tell `watcher` of receivers that come and go from now on."""
        if self.watchers is None:
            self.watchers = []
        self.watchers.append(watcher)
        return 0

    cdef int unwatch(self, Watcher watcher) except -1:
        """Tell it nothing more."""
        self.watchers.remove(watcher)
        if not self.watchers:
            self.watchers = None
        return 0

    # --- matching ---

    cdef int match(self, Span subject, Match* out) except -1:
        """Everyone interested in the literal `subject`. Ends with `release`, always."""
        cdef uint64_t hash = hash_bytes(subject.data, subject.size, self.key)
        cdef Cached* slot = NULL
        cdef bint done
        self.matches += 1
        if self.cache.capacity:
            slot = slot_of(&self.cache, hash)
            if (
                slot.subject != NULL and slot.hash == hash
                and slot.pattern_generation == self.pattern_generation
                and slot.size == subject.size
                and not memcmp(slot.subject, subject.data, subject.size)
            ):
                self.cache_hits += 1
                self.scratch.depth += 1
                out[0] = slot.match
                return 0
        self.scratch.depth += 1
        done = False
        try:
            self._collect(subject, hash, out)
            note_miss(
                &self.cache, slot, subject, hash, self.pattern_generation, out, &self.scratch
            )
            done = True
        finally:
            if not done:
                self.leave()
        return 0

    cdef int release(self, Match* match) except -1:
        """The match is over; its room on the scratch stack is free again."""
        if self.scratch.depth > 1:
            give_back(&self.scratch, match)
        return self.leave()

    cdef int leave(self) except -1:
        """One match less; the outermost one frees what was removed meanwhile."""
        self.scratch.depth -= 1
        if self.scratch.depth == 0:
            self.scratch.stack_top = 0
            self.scratch.ends_top = 0
            if self.scratch.retired_count:
                free_retired(&self.scratch)
            if self.graveyard:
                self.graveyard.clear()
        return 0

    cdef bint has_interest(self, Span subject) except -1:
        cdef Match found
        cdef bint out
        self.match(subject, &found)
        out = found.plain + found.groups > 0
        self.release(&found)
        return out

    cdef bint has_literal(self, Span subject) noexcept:
        """True if somebody subscribed to exactly this."""
        cdef uint64_t hash = hash_bytes(subject.data, subject.size, self.key)
        return literal_find(&self.literals, subject, hash) != NULL

    cdef bint holds(self, Span subject, Span queue) noexcept:
        """True if somebody subscribed to exactly this, in group `queue` or (empty) in none."""
        cdef uint64_t hash = hash_bytes(subject.data, subject.size, self.key)
        cdef Literal* slot = literal_find(&self.literals, subject, hash)
        cdef int32_t group
        if slot == NULL:
            return False
        if queue.size == 0:
            return slot.node.plain.count > 0
        for group in range(slot.node.group_count):
            if same_name(&slot.node.groups[group], queue.data, queue.size):
                return True
        return False

    cdef int _collect(self, Span subject, uint64_t hash, Match* out) except -1:
        """Match without the cache, into the scratch stacks."""
        cdef Literal* literal = literal_find(&self.literals, subject, hash)
        cdef Node* nodes[NODES_MAX]
        cdef Node** found = nodes
        cdef Node** more = NULL
        cdef int first = 0, count
        if literal != NULL:
            nodes[0] = &literal.node
            first = 1
        count = first
        if self.pattern_count:
            count = pattern_walk(self.root, subject, self.key, nodes, first, NODES_MAX)
            if count > NODES_MAX:
                more = <Node**> malloc(count * sizeof(Node*))
                if more == NULL:
                    raise MemoryError
                more[0] = nodes[0]
                pattern_walk(self.root, subject, self.key, more, first, count)
                found = more
        if more == NULL:
            return flatten(&self.scratch, found, count, out)
        try:
            flatten(&self.scratch, found, count, out)
        finally:
            free(more)
        return 0
