# cython: boundscheck=False, wraparound=False, cdivision=True
"""Who is interested in a subject; see `sublist.pxd` for the picture.

Owns its receivers (a reference for each insertion). Knows no account, no client and no permission.
Invariant: `count` insertions are reachable, and a match sees exactly those whose pattern covers the
subject, plain ones first, then queue groups.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.hashing cimport hash_bytes, make_key
from isthmus.core.message cimport Span, span_of
from isthmus.core.node cimport (
    Bag, Group, Node, bag_items, node_add, node_clear, node_empty, node_remove,
    same_name,
)
from isthmus.core.patterns cimport (
    branch_free, branch_new, has_wildcard, pattern_node, pattern_remove,
    pattern_walk,
)
from isthmus.core.receiver cimport Receiver

cdef enum:
    CACHE_START = 64
    CACHE_MAX = 8192            # slots per account; a slot is one subject's result
    CACHED_RECEIVERS_MAX = 256  # of a result; finding more costs little beside delivering
    TABLE_START = 16
    TABLE_KEPT = 1024           # slots that are kept for answers, which come and go
    NODES_MAX = 64              # more patterns than that are gathered on the heap
    GROUPS_MAX = 64             # likewise queue groups


cdef struct Literal:
    uint64_t hash               # 0: free
    char* subject
    Py_ssize_t size
    Node node


cdef struct Cached:
    uint64_t hash
    uint64_t missed             # hash of the last subject that missed here
    uint64_t pattern_generation
    char* subject               # NULL: empty
    Py_ssize_t size
    Match match                 # receivers and ends follow in one allocation


cdef inline uint64_t _hash_queue(Span queue, Key key) noexcept nogil:
    return hash_bytes(queue.data, queue.size, key) if queue.size else 0


cdef int _by_name(const void* left, const void* right) noexcept nogil:
    """Any order in which equal names are neighbours."""
    cdef const Group* a = (<const Group**> left)[0]
    cdef const Group* b = (<const Group**> right)[0]
    if a.hash != b.hash:
        return -1 if a.hash < b.hash else 1
    if a.name_size != b.name_size:
        return -1 if a.name_size < b.name_size else 1
    return memcmp(a.name, b.name, a.name_size)


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
        cdef Py_ssize_t index
        for index in range(self.literal_capacity):
            if self.literals[index].hash:
                node_clear(&self.literals[index].node, dropped)
                free(self.literals[index].subject)
        free(self.literals)
        if self.root != NULL:
            branch_free(self.root, dropped)
        for index in range(self.cache_capacity):
            if self.cache[index].subject != NULL:
                free(self.cache[index].match.receivers)
        free(self.cache)
        for index in range(self.retired_count):
            free(self.retired[index])
        free(self.retired)
        free(self.stack)
        free(self.ends_stack)

    def __len__(self) -> int:
        return self.count

    # --- Python's view, for owners and tests ---

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
        cdef Py_ssize_t index
        cdef Branch* root = branch_new(b"", 0, 0)
        assert self.depth == 0
        for index in range(self.literal_capacity):
            if self.literals[index].hash:
                node_clear(&self.literals[index].node, dropped)
                free(self.literals[index].subject)
                memset(&self.literals[index], 0, sizeof(Literal))
        branch_free(self.root, dropped)
        self.root = root
        self.literal_count = self.pattern_count = self.count = 0
        self.pattern_generation += 1
        self.generation += 1

    def interested(self, bytes subject not None) -> bool:
        """True if a message on the literal `subject` would reach anybody."""
        return self.has_interest(span_of(subject))

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
            node_add(self._literal_node(subject, hash), queue, queue_hash, <PyObject*> receiver)
            self._forget(hash)
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
            if not self._remove_literal(subject, hash, queue, queue_hash, gone):
                return 0
            self._forget(hash)
        self.count -= 1
        self.generation += 1
        if self.depth:
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

    # --- literal subjects: an open table, probed linearly ---

    cdef Node* _literal_node(self, Span subject, uint64_t hash) except NULL:
        cdef Literal* slot = self._find_literal(subject, hash)
        cdef Py_ssize_t mask, at
        if slot != NULL:
            return &slot.node
        if (self.literal_count + 1) * 4 > self.literal_capacity * 3:
            self._rehash()
        mask = self.literal_capacity - 1
        at = <Py_ssize_t> (hash & <uint64_t> mask)
        while self.literals[at].hash:
            at = (at + 1) & mask
        slot = &self.literals[at]
        slot.subject = <char*> malloc(subject.size if subject.size else 1)
        if slot.subject == NULL:
            raise MemoryError
        memcpy(slot.subject, subject.data, subject.size)
        slot.size = subject.size
        slot.hash = hash
        self.literal_count += 1
        return &slot.node

    cdef int _rehash(self) except -1:
        """Room for twice the entries."""
        cdef Py_ssize_t capacity = TABLE_START, index, at
        cdef Literal* table
        while capacity < (self.literal_count + 1) * 2:
            capacity *= 2
        table = <Literal*> calloc(capacity, sizeof(Literal))
        if table == NULL:
            raise MemoryError
        for index in range(self.literal_capacity):
            if self.literals[index].hash:
                at = <Py_ssize_t> (self.literals[index].hash & <uint64_t> (capacity - 1))
                while table[at].hash:
                    at = (at + 1) & (capacity - 1)
                table[at] = self.literals[index]
        free(self.literals)
        self.literals = table
        self.literal_capacity = capacity
        return 0

    cdef Literal* _find_literal(self, Span subject, uint64_t hash) noexcept:
        cdef Py_ssize_t mask = self.literal_capacity - 1, at
        cdef Literal* slot
        if self.literal_count == 0:
            return NULL
        at = <Py_ssize_t> (hash & <uint64_t> mask)
        while True:
            slot = &self.literals[at]
            if slot.hash == 0:
                return NULL
            if slot.hash == hash and slot.size == subject.size and not memcmp(
                slot.subject, subject.data, subject.size
            ):
                return slot
            at = (at + 1) & mask

    cdef bint _remove_literal(
        self, Span subject, uint64_t hash, Span queue, uint64_t queue_hash, PyObject* receiver
    ) except -1:
        cdef Literal* slot = self._find_literal(subject, hash)
        if slot == NULL or not node_remove(&slot.node, queue, queue_hash, receiver):
            return False
        if node_empty(&slot.node):
            free(slot.subject)
            self._close_gap(slot - self.literals)
            self.literal_count -= 1
            if self.literal_capacity > TABLE_KEPT and (
                self.literal_count * 8 < self.literal_capacity
            ):
                self._rehash()
        return True

    cdef void _close_gap(self, Py_ssize_t gap) noexcept:
        """Free the slot, moving back what probed past it: there are no tombstones."""
        cdef Py_ssize_t mask = self.literal_capacity - 1, at = gap, home
        while True:
            at = (at + 1) & mask
            if self.literals[at].hash == 0:
                break
            home = <Py_ssize_t> (self.literals[at].hash & <uint64_t> mask)
            if ((at - home) & mask) >= ((at - gap) & mask):
                self.literals[gap] = self.literals[at]
                gap = at
        memset(&self.literals[gap], 0, sizeof(Literal))

    # --- matching ---

    cdef int match(self, Span subject, Match* out) except -1:
        """Everyone interested in the literal `subject`. Ends with `release`, always."""
        cdef uint64_t hash = hash_bytes(subject.data, subject.size, self.key)
        cdef Cached* slot = NULL
        cdef bint done
        self.matches += 1
        if self.cache_capacity:
            slot = &self.cache[hash & <uint64_t> (self.cache_capacity - 1)]
            if (
                slot.subject != NULL and slot.hash == hash
                and slot.pattern_generation == self.pattern_generation
                and slot.size == subject.size
                and not memcmp(slot.subject, subject.data, subject.size)
            ):
                self.cache_hits += 1
                self.depth += 1
                out[0] = slot.match
                return 0
        self.depth += 1
        done = False
        try:
            self._collect(subject, hash, out)
            if slot == NULL:
                self._resize_cache(CACHE_START)
            elif slot.missed == hash:
                self._remember(slot, subject, hash, out)
            else:
                slot.missed = hash
            done = True
        finally:
            if not done:
                self.leave()
        return 0

    cdef int release(self, Match* match) except -1:
        """The match is over; its room on the scratch stack is free again."""
        if self.depth > 1:
            if self.stack <= match.receivers <= self.stack + self.stack_top:
                self.stack_top = match.receivers - self.stack
            if self.ends_stack <= match.ends <= self.ends_stack + self.ends_top:
                self.ends_top = match.ends - self.ends_stack
        return self.leave()

    cdef int leave(self) except -1:
        """One match less; the outermost one frees what was removed meanwhile."""
        cdef Py_ssize_t index
        self.depth -= 1
        if self.depth == 0:
            self.stack_top = 0
            self.ends_top = 0
            if self.retired_count:
                for index in range(self.retired_count):
                    free(self.retired[index])
                self.retired_count = 0
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
        return self._find_literal(subject, hash_bytes(subject.data, subject.size, self.key)) != NULL

    cdef bint holds(self, Span subject, Span queue) noexcept:
        """True if somebody subscribed to exactly this, in group `queue` or (empty) in none."""
        cdef Literal* slot
        cdef int32_t group
        slot = self._find_literal(subject, hash_bytes(subject.data, subject.size, self.key))
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
        cdef Literal* literal = self._find_literal(subject, hash)
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
            return self._flatten(found, count, out)
        try:
            self._flatten(found, count, out)
        finally:
            free(more)
        return 0

    cdef int _flatten(self, Node** nodes, int count, Match* out) except -1:
        """Plain receivers of all nodes, then the members of each queue group, names merged."""
        cdef Py_ssize_t total = 0
        cdef int32_t group_total = 0, index, group
        cdef PyObject** receivers
        out.plain = 0
        out.groups = 0
        if count == 0 or count == 1 and nodes[0].plain.count == 1 and nodes[0].group_count == 0:
            out.ends = NULL
            out.receivers = &out.single
            if count:
                out.plain = 1
                out.single = bag_items(&nodes[0].plain)[0]
            return 0
        for index in range(count):
            total += nodes[index].plain.count
            group_total += nodes[index].group_count
            for group in range(nodes[index].group_count):
                total += nodes[index].groups[group].members.count
        receivers = self._take_receivers(total)
        out.receivers = receivers
        out.ends = self._take_ends(group_total)
        for index in range(count):
            receivers = _copy(receivers, &nodes[index].plain)
            out.plain += nodes[index].plain.count
        if group_total:
            _merge_groups(nodes, count, group_total, out)
        return 0

    cdef PyObject** _take_receivers(self, Py_ssize_t size) except NULL:
        """Room on the scratch stack. Running matches keep their old memory when it grows."""
        cdef PyObject** grown
        cdef Py_ssize_t wanted
        cdef PyObject** out
        if self.stack == NULL or self.stack_top + size > self.stack_capacity:
            wanted = self.stack_capacity * 2 if self.stack_capacity else 64
            while wanted < size:
                wanted *= 2
            grown = <PyObject**> malloc(wanted * sizeof(PyObject*))
            if grown == NULL:
                raise MemoryError
            self._retire(self.stack)
            self.stack = grown
            self.stack_capacity = wanted
            self.stack_top = 0
        out = self.stack + self.stack_top
        self.stack_top += size
        return out

    cdef int32_t* _take_ends(self, Py_ssize_t size) except NULL:
        cdef int32_t* grown
        cdef Py_ssize_t wanted
        cdef int32_t* out
        if self.ends_stack == NULL or self.ends_top + size > self.ends_capacity:
            wanted = self.ends_capacity * 2 if self.ends_capacity else 16
            while wanted < size:
                wanted *= 2
            grown = <int32_t*> malloc(wanted * sizeof(int32_t))
            if grown == NULL:
                raise MemoryError
            self._retire(self.ends_stack)
            self.ends_stack = grown
            self.ends_capacity = wanted
            self.ends_top = 0
        out = self.ends_stack + self.ends_top
        self.ends_top += size
        return out

    cdef int _retire(self, void* memory) except -1:
        """Free now, or when the outermost match ends."""
        cdef void** grown
        if memory == NULL:
            return 0
        if self.depth == 0:
            free(memory)
            return 0
        if self.retired_count == self.retired_capacity:
            grown = <void**> realloc(
                self.retired, (self.retired_capacity * 2 + 8) * sizeof(void*)
            )
            if grown == NULL:
                raise MemoryError
            self.retired = grown
            self.retired_capacity = self.retired_capacity * 2 + 8
        self.retired[self.retired_count] = memory
        self.retired_count += 1
        return 0

    # --- the cache: direct-mapped; the second miss of a subject in a row takes its slot ---

    cdef int _resize_cache(self, Py_ssize_t capacity) except -1:
        cdef Cached* table = <Cached*> calloc(capacity, sizeof(Cached))
        cdef Py_ssize_t index
        if table == NULL:
            raise MemoryError
        for index in range(self.cache_capacity):
            if self.cache[index].subject != NULL:
                self._retire(self.cache[index].match.receivers)
        free(self.cache)
        self.cache = table
        self.cache_capacity = capacity
        self.cache_used = 0
        return 0

    cdef int _remember(self, Cached* slot, Span subject, uint64_t hash, Match* found) except -1:
        """One allocation holds the ends, the receivers and the subject."""
        cdef Py_ssize_t total, receivers_size, ends_size
        cdef char* memory
        total = found.ends[found.groups - 1] if found.groups else found.plain
        if total > CACHED_RECEIVERS_MAX:
            return 0
        if self.cache_used * 2 > self.cache_capacity and self.cache_capacity < CACHE_MAX:
            return self._resize_cache(self.cache_capacity * 2)
        if slot.subject != NULL:
            self._drop(slot)
        receivers_size = total * sizeof(PyObject*)
        ends_size = found.groups * sizeof(int32_t)
        memory = <char*> malloc(receivers_size + ends_size + subject.size + 1)
        if memory == NULL:
            raise MemoryError
        memcpy(memory, found.receivers, receivers_size)
        if ends_size:
            memcpy(memory + receivers_size, found.ends, ends_size)
        memcpy(memory + receivers_size + ends_size, subject.data, subject.size)
        slot.match.plain = found.plain
        slot.match.groups = found.groups
        slot.match.receivers = <PyObject**> memory
        slot.match.ends = <int32_t*> (memory + receivers_size)
        slot.subject = memory + receivers_size + ends_size
        slot.size = subject.size
        slot.hash = hash
        slot.pattern_generation = self.pattern_generation
        self.cache_used += 1
        return 0

    cdef int _drop(self, Cached* slot) except -1:
        self._retire(slot.match.receivers)
        slot.subject = NULL
        slot.hash = 0
        self.cache_used -= 1
        return 0

    cdef int _forget(self, uint64_t hash) except -1:
        """The literal's result changed: drop its slot, whatever it holds."""
        cdef Cached* slot
        if self.cache_capacity == 0:
            return 0
        slot = &self.cache[hash & <uint64_t> (self.cache_capacity - 1)]
        if slot.subject != NULL:
            self._drop(slot)
        return 0


cdef inline PyObject** _copy(PyObject** to, Bag* bag) noexcept nogil:
    if bag.count:
        memcpy(to, bag_items(bag), bag.count * sizeof(PyObject*))
    return to + bag.count


cdef int _merge_groups(Node** nodes, int count, int32_t group_total, Match* out) except -1:
    """Members of the groups of all nodes behind the plain receivers; one name, one group."""
    cdef Group* few[GROUPS_MAX]
    cdef Group** groups = few
    cdef PyObject** receivers = out.receivers + out.plain
    cdef int32_t index, group, at = 0
    if group_total > GROUPS_MAX:
        groups = <Group**> malloc(group_total * sizeof(Group*))
        if groups == NULL:
            raise MemoryError
    for index in range(count):
        for group in range(nodes[index].group_count):
            groups[at] = &nodes[index].groups[group]
            at += 1
    if count > 1 and at > 1:
        qsort(groups, at, sizeof(Group*), _by_name)
    for index in range(at):
        receivers = _copy(receivers, &groups[index].members)
        if index + 1 == at or not same_name(
            groups[index], groups[index + 1].name, groups[index + 1].name_size
        ):
            out.ends[out.groups] = <int32_t> (receivers - out.receivers)
            out.groups += 1
    if groups != few:
        free(groups)
    return 0
