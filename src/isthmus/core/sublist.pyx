# cython: boundscheck=False, wraparound=False, cdivision=True
"""Who is interested in a subject; see `sublist.pxd` for the picture.

Owns its receivers (a reference for each insertion). Knows no account, no client and no permission.
Invariant: `count` insertions are reachable, and a match sees exactly those whose pattern covers the
subject, plain ones first, then queue groups.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from isthmus.core.message cimport Span, span, span_of
from isthmus.core.receiver cimport Receiver

cdef Py_ssize_t CACHE_START = 64
cdef Py_ssize_t CACHE_MAX = 8192        # slots per account; a slot is one subject's result
cdef Py_ssize_t TABLE_START = 16
cdef int TOKENS_MAX = 4096              # a control line cannot hold more


cdef struct Literal:
    uint64_t hash               # 0: never used; 1: removed
    char* subject
    Py_ssize_t size
    Node node


cdef struct Branch:
    uint64_t hash
    char* token
    int32_t token_size
    int32_t child_count
    int32_t child_capacity      # power of two; open addressing over `children`
    Branch** children
    Branch* star
    Node* here                  # patterns that end at this token
    Node* rest                  # patterns that end with `>` below this token


cdef struct Cached:
    uint64_t hash
    uint64_t missed             # hash of the last subject that missed here
    uint64_t pattern_generation
    char* subject               # NULL: empty
    Py_ssize_t size
    Match match                 # receivers and ends follow in one allocation


cdef inline uint64_t _mix(uint64_t value) noexcept nogil:
    value ^= value >> 32
    value *= <uint64_t> 0xD6E8FEB86659FD93
    value ^= value >> 32
    return value


cdef uint64_t _hash(const char* data, Py_ssize_t size, uint64_t seed) noexcept nogil:
    """64 bits of `data`; the seed is secret, so collisions cannot be prepared."""
    cdef uint64_t out = seed ^ (<uint64_t> size * <uint64_t> 0x9E3779B97F4A7C15)
    cdef uint64_t word
    while size >= 8:
        memcpy(&word, data, 8)
        out = (out ^ word) * <uint64_t> 0x9FB21C651E98DF25
        out ^= out >> 29
        data += 8
        size -= 8
    if size > 0:
        word = 0
        memcpy(&word, data, size)
        out = (out ^ word) * <uint64_t> 0x9FB21C651E98DF25
    out = _mix(out)
    return out if out > 1 else out + 2


# --- nodes: the receivers of one subject or pattern ---

cdef int _grow(void** items, int32_t* capacity, Py_ssize_t item_size) except -1:
    cdef int32_t wanted = capacity[0] * 2 if capacity[0] else 1
    cdef void* grown = realloc(items[0], wanted * item_size)
    if grown == NULL:
        raise MemoryError
    items[0] = grown
    capacity[0] = wanted
    return 0


cdef int _node_add(Node* node, Span queue, PyObject* receiver) except -1:
    cdef Group* group = NULL
    cdef int32_t index
    if queue.size == 0:
        if node.plain_count == node.plain_capacity:
            _grow(<void**> &node.plain, &node.plain_capacity, sizeof(PyObject*))
        node.plain[node.plain_count] = receiver
        node.plain_count += 1
        return 0
    for index in range(node.group_count):
        if node.groups[index].name_size == queue.size and not memcmp(
            node.groups[index].name, queue.data, queue.size
        ):
            group = &node.groups[index]
            break
    if group == NULL:
        if node.group_count == node.group_capacity:
            _grow(<void**> &node.groups, &node.group_capacity, sizeof(Group))
        group = &node.groups[node.group_count]
        memset(group, 0, sizeof(Group))
        group.name = <char*> malloc(queue.size)
        if group.name == NULL:
            raise MemoryError
        memcpy(group.name, queue.data, queue.size)
        group.name_size = <int32_t> queue.size
        node.group_count += 1
    if group.count == group.capacity:
        _grow(<void**> &group.members, &group.capacity, sizeof(PyObject*))
    group.members[group.count] = receiver
    group.count += 1
    return 0


cdef bint _node_remove(Node* node, Span queue, PyObject* receiver) noexcept:
    """Order of the others is kept. False if it was not there."""
    cdef int32_t index, member
    cdef Group* group
    if queue.size == 0:
        for index in range(node.plain_count):
            if node.plain[index] == receiver:
                node.plain_count -= 1
                for member in range(index, node.plain_count):
                    node.plain[member] = node.plain[member + 1]
                return True
        return False
    for index in range(node.group_count):
        group = &node.groups[index]
        if group.name_size != queue.size or memcmp(group.name, queue.data, queue.size):
            continue
        for member in range(group.count):
            if group.members[member] == receiver:
                group.count -= 1
                group.members[member] = group.members[group.count]
                if group.count == 0:
                    free(group.name)
                    free(group.members)
                    node.group_count -= 1
                    node.groups[index] = node.groups[node.group_count]
                return True
    return False


cdef inline bint _node_empty(const Node* node) noexcept:
    return node.plain_count == 0 and node.group_count == 0


cdef void _node_clear(Node* node, list dropped):
    """Free the arrays; the receivers' references are handed to `dropped`."""
    cdef int32_t index, member
    for index in range(node.plain_count):
        dropped.append(<object> node.plain[index])
        Py_DECREF(<object> node.plain[index])
    for index in range(node.group_count):
        for member in range(node.groups[index].count):
            dropped.append(<object> node.groups[index].members[member])
            Py_DECREF(<object> node.groups[index].members[member])
        free(node.groups[index].name)
        free(node.groups[index].members)
    free(node.plain)
    free(node.groups)
    memset(node, 0, sizeof(Node))


# --- branches: the trie of patterns ---

cdef Branch* _branch_child(Branch* parent, const char* token, Py_ssize_t size, uint64_t hash) noexcept:
    cdef int32_t mask, at
    cdef Branch* child
    if parent.child_count == 0:
        return NULL
    mask = parent.child_capacity - 1
    at = <int32_t> (hash & <uint64_t> mask)
    while True:
        child = parent.children[at]
        if child == NULL:
            return NULL
        if child.hash == hash and child.token_size == size and not memcmp(child.token, token, size):
            return child
        at = (at + 1) & mask


cdef Branch* _branch_new(const char* token, Py_ssize_t size, uint64_t hash) except NULL:
    cdef Branch* branch = <Branch*> calloc(1, sizeof(Branch))
    if branch == NULL:
        raise MemoryError
    branch.token = <char*> malloc(size if size else 1)
    if branch.token == NULL:
        free(branch)
        raise MemoryError
    memcpy(branch.token, token, size)
    branch.token_size = <int32_t> size
    branch.hash = hash
    return branch


cdef void _branch_place(Branch** table, int32_t mask, Branch* child) noexcept:
    cdef int32_t at = <int32_t> (child.hash & <uint64_t> mask)
    while table[at] != NULL:
        at = (at + 1) & mask
    table[at] = child


cdef int _branch_add(Branch* parent, Branch* child) except -1:
    cdef int32_t capacity, index
    cdef Branch** table
    if (parent.child_count + 1) * 2 > parent.child_capacity:
        capacity = parent.child_capacity * 2 if parent.child_capacity else 4
        table = <Branch**> calloc(capacity, sizeof(Branch*))
        if table == NULL:
            raise MemoryError
        for index in range(parent.child_capacity):
            if parent.children[index] != NULL:
                _branch_place(table, capacity - 1, parent.children[index])
        free(parent.children)
        parent.children = table
        parent.child_capacity = capacity
    _branch_place(parent.children, parent.child_capacity - 1, child)
    parent.child_count += 1
    return 0


cdef void _branch_drop(Branch* parent, Branch* child) noexcept:
    """Take `child` out of the open table, moving back what probed past it."""
    cdef int32_t mask = parent.child_capacity - 1
    cdef int32_t at = <int32_t> (child.hash & <uint64_t> mask)
    cdef Branch* moved
    while parent.children[at] != child:
        at = (at + 1) & mask
    parent.children[at] = NULL
    parent.child_count -= 1
    at = (at + 1) & mask
    while parent.children[at] != NULL:
        moved = parent.children[at]
        parent.children[at] = NULL
        _branch_place(parent.children, mask, moved)
        at = (at + 1) & mask


cdef inline bint _branch_empty(const Branch* branch) noexcept:
    return (
        branch.child_count == 0 and branch.star == NULL
        and branch.here == NULL and branch.rest == NULL
    )


cdef void _branch_free(Branch* branch, list dropped):
    cdef int32_t index
    for index in range(branch.child_capacity):
        if branch.children[index] != NULL:
            _branch_free(branch.children[index], dropped)
    if branch.star != NULL:
        _branch_free(branch.star, dropped)
    if branch.here != NULL:
        _node_clear(branch.here, dropped)
        free(branch.here)
    if branch.rest != NULL:
        _node_clear(branch.rest, dropped)
        free(branch.rest)
    free(branch.children)
    free(branch.token)
    free(branch)


cdef inline bint _has_wildcard(const char* data, Py_ssize_t size) noexcept:
    """True if some whole token is `*` or `>`."""
    cdef Py_ssize_t at
    for at in range(size):
        if (data[at] == c"*" or data[at] == c">") and (
            (at == 0 or data[at - 1] == c".") and (at + 1 == size or data[at + 1] == c".")
        ):
            return True
    return False


cdef inline Py_ssize_t _token_end(const char* data, Py_ssize_t start, Py_ssize_t size) noexcept:
    cdef const char* dot
    if start >= size:
        return size
    dot = <const char*> memchr(data + start, c".", size - start)
    return size if dot == NULL else dot - data


cdef class Sublist:
    """The receivers of one account by subject. `seed` is a secret 64-bit number."""

    def __init__(self, uint64_t seed):
        self.seed = seed
        self.graveyard = []
        self.root = _branch_new(b"", 0, 0)

    def __dealloc__(self):
        cdef list dropped = []
        cdef Py_ssize_t index
        for index in range(self.literal_capacity):
            if self.literals[index].hash > 1:
                _node_clear(&self.literals[index].node, dropped)
                free(self.literals[index].subject)
        free(self.literals)
        if self.root != NULL:
            _branch_free(self.root, dropped)
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

    def interested(self, bytes subject not None) -> bool:
        """True if a message on the literal `subject` would reach anybody."""
        return self.has_interest(span_of(subject))

    def receivers(self, bytes subject not None) -> tuple[list[Receiver], list[list[Receiver]]]:
        """Plain receivers and queue groups that match the literal `subject`."""
        cdef Match found
        cdef int32_t index, start
        self.match(span_of(subject), &found)
        plain = [<Receiver> found.receivers[index] for index in range(found.plain)]
        groups = []
        start = found.plain
        for index in range(found.groups):
            groups.append(
                [<Receiver> found.receivers[member] for member in range(start, found.ends[index])]
            )
            start = found.ends[index]
        self.release(&found)
        return plain, groups

    # --- changes ---

    cdef int insert(self, Span subject, Span queue, Receiver receiver) except -1:
        cdef Node* node
        if _has_wildcard(subject.data, subject.size):
            node = self._pattern_node(subject)
            self.pattern_generation += 1
            self.pattern_count += 1
        else:
            node = self._literal_node(subject)
            self._forget(subject)
        _node_add(node, queue, <PyObject*> receiver)
        Py_INCREF(receiver)
        self.count += 1
        self.generation += 1
        return 0

    cdef int remove(self, Span subject, Span queue, Receiver receiver) except -1:
        """1 if it was there."""
        cdef int found
        if _has_wildcard(subject.data, subject.size):
            found = self._remove_pattern(self.root, subject, 0, queue, <PyObject*> receiver)
            if found:
                self.pattern_generation += 1
                self.pattern_count -= 1
        else:
            found = self._remove_literal(subject, queue, <PyObject*> receiver)
            if found:
                self._forget(subject)
        if not found:
            return 0
        self.count -= 1
        self.generation += 1
        if self.depth:
            self.graveyard.append(receiver)     # a running match may still look at it
        Py_DECREF(receiver)
        return 1

    cdef Node* _literal_node(self, Span subject) except NULL:
        cdef uint64_t hash = _hash(subject.data, subject.size, self.seed)
        cdef Literal* slot
        cdef Literal* free_slot = NULL
        cdef Py_ssize_t mask, at
        if (self.literal_used + 1) * 4 > self.literal_capacity * 3:
            self._rehash()
        mask = self.literal_capacity - 1
        at = <Py_ssize_t> (hash & <uint64_t> mask)
        while True:
            slot = &self.literals[at]
            if slot.hash == 0:
                break
            if slot.hash == 1:
                if free_slot == NULL:
                    free_slot = slot
            elif slot.hash == hash and slot.size == subject.size and not memcmp(
                slot.subject, subject.data, subject.size
            ):
                return &slot.node
            at = (at + 1) & mask
        if free_slot == NULL:
            free_slot = slot
            self.literal_used += 1
        memset(free_slot, 0, sizeof(Literal))
        free_slot.subject = <char*> malloc(subject.size if subject.size else 1)
        if free_slot.subject == NULL:
            raise MemoryError
        memcpy(free_slot.subject, subject.data, subject.size)
        free_slot.size = subject.size
        free_slot.hash = hash
        self.literal_count += 1
        return &free_slot.node

    cdef int _rehash(self) except -1:
        """Room for twice the live entries; tombstones go."""
        cdef Py_ssize_t capacity = TABLE_START, index, at
        cdef Literal* table
        while capacity < (self.literal_count + 1) * 2:
            capacity *= 2
        table = <Literal*> calloc(capacity, sizeof(Literal))
        if table == NULL:
            raise MemoryError
        for index in range(self.literal_capacity):
            if self.literals[index].hash > 1:
                at = <Py_ssize_t> (self.literals[index].hash & <uint64_t> (capacity - 1))
                while table[at].hash:
                    at = (at + 1) & (capacity - 1)
                table[at] = self.literals[index]
        self._retire(self.literals)
        self.literals = table
        self.literal_capacity = capacity
        self.literal_used = self.literal_count
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

    cdef int _remove_literal(self, Span subject, Span queue, PyObject* receiver) except -1:
        cdef Literal* slot
        slot = self._find_literal(subject, _hash(subject.data, subject.size, self.seed))
        if slot == NULL or not _node_remove(&slot.node, queue, receiver):
            return 0
        if _node_empty(&slot.node):
            free(slot.node.plain)
            free(slot.node.groups)
            free(slot.subject)
            memset(slot, 0, sizeof(Literal))
            slot.hash = 1
            self.literal_count -= 1
        return 1

    cdef Node* _pattern_node(self, Span subject) except NULL:
        cdef Branch* branch = self.root
        cdef Branch* child
        cdef Py_ssize_t start = 0, end
        cdef uint64_t hash
        cdef Node** place
        while True:
            end = _token_end(subject.data, start, subject.size)
            if end - start == 1 and subject.data[start] == c">" and end == subject.size:
                place = &branch.rest
                break
            if end - start == 1 and subject.data[start] == c"*":
                if branch.star == NULL:
                    branch.star = _branch_new(b"*", 1, 0)
                branch = branch.star
            else:
                hash = _hash(subject.data + start, end - start, self.seed)
                child = _branch_child(branch, subject.data + start, end - start, hash)
                if child == NULL:
                    child = _branch_new(subject.data + start, end - start, hash)
                    _branch_add(branch, child)
                branch = child
            if end >= subject.size:
                place = &branch.here
                break
            start = end + 1
        if place[0] == NULL:
            place[0] = <Node*> calloc(1, sizeof(Node))
            if place[0] == NULL:
                raise MemoryError
        return place[0]

    cdef int _remove_pattern(
        self, Branch* branch, Span subject, Py_ssize_t start, Span queue, PyObject* receiver
    ) except -1:
        """Remove below `branch`, pruning what becomes empty."""
        cdef Py_ssize_t end = _token_end(subject.data, start, subject.size)
        cdef Branch* child
        cdef Node** place = NULL
        cdef int found = 0
        cdef list none = []
        if end - start == 1 and subject.data[start] == c">" and end == subject.size:
            place = &branch.rest
        else:
            if end - start == 1 and subject.data[start] == c"*":
                child = branch.star
            else:
                child = _branch_child(
                    branch, subject.data + start, end - start,
                    _hash(subject.data + start, end - start, self.seed),
                )
            if child == NULL:
                return 0
            if end < subject.size:
                found = self._remove_pattern(child, subject, end + 1, queue, receiver)
            elif child.here != NULL and _node_remove(child.here, queue, receiver):
                found = 1
                if _node_empty(child.here):
                    _node_clear(child.here, none)
                    free(child.here)
                    child.here = NULL
            if found and _branch_empty(child):
                if child == branch.star:
                    branch.star = NULL
                else:
                    _branch_drop(branch, child)
                _branch_free(child, none)
            return found
        if place[0] != NULL and _node_remove(place[0], queue, receiver):
            if _node_empty(place[0]):
                _node_clear(place[0], none)
                free(place[0])
                place[0] = NULL
            return 1
        return 0

    # --- matching ---

    cdef int match(self, Span subject, Match* out) except -1:
        """Everyone interested in the literal `subject`. Ends with `release`, always."""
        cdef uint64_t hash = _hash(subject.data, subject.size, self.seed)
        cdef Cached* slot = NULL
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
        try:
            self._collect(subject, hash, out)
            if slot == NULL:
                self._resize_cache(CACHE_START)
            elif slot.missed == hash:
                self._remember(slot, subject, hash, out)
            else:
                slot.missed = hash
        except:
            self.depth -= 1
            raise
        return 0

    cdef int release(self, Match* match) except -1:
        """The match is over; the outermost one frees what was removed meanwhile."""
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

    cdef int _collect(self, Span subject, uint64_t hash, Match* out) except -1:
        """Match without the cache, into the scratch stacks."""
        cdef Literal* literal = self._find_literal(subject, hash)
        cdef Node* nodes[64]
        cdef Node** found = nodes
        cdef Node** more = NULL
        cdef int count = 0, capacity = 64
        cdef list overflow
        if literal != NULL:
            nodes[0] = &literal.node
            count = 1
        if self.pattern_count:
            count = self._walk(self.root, subject, 0, nodes, count, capacity)
            if count > capacity:
                # rare: more than 64 distinct patterns match one subject
                more = <Node**> malloc(count * sizeof(Node*))
                if more == NULL:
                    raise MemoryError
                capacity = count
                count = 0
                if literal != NULL:
                    more[0] = &literal.node
                    count = 1
                count = self._walk(self.root, subject, 0, more, count, capacity)
                found = more
        try:
            self._flatten(found, count, out)
        finally:
            free(more)
        return 0

    cdef int _walk(
        self, Branch* branch, Span subject, Py_ssize_t start, Node** nodes, int count, int capacity
    ) noexcept:
        """Collect the nodes whose pattern matches from `start` on; counts on beyond capacity."""
        cdef Py_ssize_t end
        cdef Branch* child
        if branch.rest != NULL:
            if count < capacity:
                nodes[count] = branch.rest
            count += 1
        end = _token_end(subject.data, start, subject.size)
        child = branch.star
        if child != NULL:
            if end < subject.size:
                count = self._walk(child, subject, end + 1, nodes, count, capacity)
            elif child.here != NULL:
                if count < capacity:
                    nodes[count] = child.here
                count += 1
        if branch.child_count:
            child = _branch_child(
                branch, subject.data + start, end - start,
                _hash(subject.data + start, end - start, self.seed),
            )
            if child != NULL:
                if end < subject.size:
                    count = self._walk(child, subject, end + 1, nodes, count, capacity)
                elif child.here != NULL:
                    if count < capacity:
                        nodes[count] = child.here
                    count += 1
        return count

    cdef int _flatten(self, Node** nodes, int count, Match* out) except -1:
        """Plain receivers of all nodes, then the members of each queue group, names merged."""
        cdef Py_ssize_t total = 0, group_total = 0
        cdef PyObject** receivers
        cdef int32_t* ends
        cdef int index, other, inner
        cdef int32_t group, other_group, at = 0
        cdef Group* current
        cdef Group* earlier
        cdef bint seen
        for index in range(count):
            total += nodes[index].plain_count
            group_total += nodes[index].group_count
            for group in range(nodes[index].group_count):
                total += nodes[index].groups[group].count
        receivers = self._take_receivers(total)
        ends = self._take_ends(group_total)
        for index in range(count):
            for group in range(nodes[index].plain_count):
                receivers[at] = nodes[index].plain[group]
                at += 1
        out.plain = at
        out.groups = 0
        for index in range(count):
            for group in range(nodes[index].group_count):
                current = &nodes[index].groups[group]
                seen = False
                for other in range(index):
                    for other_group in range(nodes[other].group_count):
                        earlier = &nodes[other].groups[other_group]
                        if earlier.name_size == current.name_size and not memcmp(
                            earlier.name, current.name, current.name_size
                        ):
                            seen = True
                if seen:
                    continue
                for other in range(index, count):
                    for other_group in range(nodes[other].group_count):
                        earlier = &nodes[other].groups[other_group]
                        if earlier.name_size == current.name_size and not memcmp(
                            earlier.name, current.name, current.name_size
                        ):
                            for inner in range(earlier.count):
                                receivers[at] = earlier.members[inner]
                                at += 1
                ends[out.groups] = at
                out.groups += 1
        out.receivers = receivers
        out.ends = ends
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
        if self.cache_used * 2 > self.cache_capacity and self.cache_capacity < CACHE_MAX:
            return self._resize_cache(self.cache_capacity * 2)
        if slot.subject != NULL:
            self._drop(slot)
        total = found.ends[found.groups - 1] if found.groups else found.plain
        receivers_size = total * sizeof(PyObject*)
        ends_size = found.groups * sizeof(int32_t)
        memory = <char*> malloc(receivers_size + ends_size + subject.size + 1)
        if memory == NULL:
            raise MemoryError
        memcpy(memory, found.receivers, receivers_size)
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

    cdef int _forget(self, Span subject) except -1:
        """The literal's result changed: drop its slot, whatever it holds."""
        cdef Cached* slot
        if self.cache_capacity == 0:
            return 0
        slot = &self.cache[
            _hash(subject.data, subject.size, self.seed) & <uint64_t> (self.cache_capacity - 1)
        ]
        if slot.subject != NULL:
            self._drop(slot)
        return 0
