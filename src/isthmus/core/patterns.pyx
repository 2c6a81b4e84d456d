# cython: boundscheck=False, wraparound=False, cdivision=True
"""A trie of subscribed patterns; see `patterns.pxd` for the picture.

Owns branches and nodes, not receivers. Knows no account and no literal subject. Invariant: a branch
other than the root leads to at least one receiver.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcmp, memcpy

from isthmus.base.errors import ProtocolError
from isthmus.core.hashing cimport Key, hash_bytes
from isthmus.core.message cimport Span
from isthmus.core.node cimport Node, node_clear, node_empty, node_remove
from isthmus.core.words cimport equal, lowest, word_at, word_of


cdef inline Py_ssize_t _token_end(
    const char* data, Py_ssize_t start, Py_ssize_t size
) noexcept nogil:
    cdef const char* dot
    if start >= size:
        return size
    dot = <const char*> memchr(data + start, c".", size - start)
    return size if dot == NULL else dot - data


cdef inline bint _is_token(
    Span subject, Py_ssize_t start, Py_ssize_t end, char letter
) noexcept nogil:
    return end - start == 1 and subject.data[start] == letter


# --- children: an open table ---

cdef Branch* _child(
    const Branch* parent, const char* token, Py_ssize_t size, uint64_t hash
) noexcept nogil:
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


cdef void _place(Branch** table, int32_t mask, Branch* child) noexcept nogil:
    cdef int32_t at = <int32_t> (child.hash & <uint64_t> mask)
    while table[at] != NULL:
        at = (at + 1) & mask
    table[at] = child


cdef int _add_child(Branch* parent, Branch* child) except -1:
    cdef int32_t capacity, index
    cdef Branch** table
    if (parent.child_count + 1) * 2 > parent.child_capacity:
        capacity = parent.child_capacity * 2 if parent.child_capacity else 4
        table = <Branch**> calloc(capacity, sizeof(Branch*))
        if table == NULL:
            raise MemoryError
        for index in range(parent.child_capacity):
            if parent.children[index] != NULL:
                _place(table, capacity - 1, parent.children[index])
        free(parent.children)
        parent.children = table
        parent.child_capacity = capacity
    _place(parent.children, parent.child_capacity - 1, child)
    parent.child_count += 1
    return 0


cdef void _drop_child(Branch* parent, const Branch* child) noexcept nogil:
    """Take `child` out of the open table, moving back what probed past it."""
    cdef int32_t mask = parent.child_capacity - 1
    cdef int32_t gap = <int32_t> (child.hash & <uint64_t> mask)
    cdef int32_t at, home
    while parent.children[gap] != child:
        gap = (gap + 1) & mask
    at = gap
    while True:
        at = (at + 1) & mask
        if parent.children[at] == NULL:
            break
        home = <int32_t> (parent.children[at].hash & <uint64_t> mask)
        if ((at - home) & mask) >= ((at - gap) & mask):
            parent.children[gap] = parent.children[at]
            gap = at
    parent.children[gap] = NULL
    parent.child_count -= 1
    if parent.child_count == 0:
        free(parent.children)
        parent.children = NULL
        parent.child_capacity = 0


# --- branches ---

cdef Branch* branch_new(const char* token, Py_ssize_t size, uint64_t hash) except NULL:
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


cdef int branch_free(Branch* branch, list dropped) except -1:
    cdef int32_t index
    for index in range(branch.child_capacity):
        if branch.children[index] != NULL:
            branch_free(branch.children[index], dropped)
    if branch.star != NULL:
        branch_free(branch.star, dropped)
    if branch.here != NULL:
        node_clear(branch.here, dropped)
        free(branch.here)
    if branch.rest != NULL:
        node_clear(branch.rest, dropped)
        free(branch.rest)
    free(branch.children)
    free(branch.token)
    free(branch)
    return 0


cdef inline bint _leads_nowhere(const Branch* branch) noexcept nogil:
    return (
        branch.child_count == 0 and branch.star == NULL
        and branch.here == NULL and branch.rest == NULL
    )


# --- patterns ---

cdef int _require_shallow(Span pattern) except -1:
    cdef Py_ssize_t at, dots = 0
    if pattern.size < 2 * PATTERN_TOKENS_MAX:
        return 0
    for at in range(pattern.size):
        dots += pattern.data[at] == c"."
    if dots >= PATTERN_TOKENS_MAX:
        raise ProtocolError("Invalid Subject")
    return 0


cdef Node* pattern_node(Branch* root, Span pattern, Key key) except NULL:
    cdef Branch* branch = root
    cdef Branch* child
    cdef Py_ssize_t start = 0, end
    cdef uint64_t hash
    cdef Node** place
    _require_shallow(pattern)
    while True:
        end = _token_end(pattern.data, start, pattern.size)
        if _is_token(pattern, start, end, c">") and end == pattern.size:
            place = &branch.rest
            break
        if _is_token(pattern, start, end, c"*"):
            if branch.star == NULL:
                branch.star = branch_new(b"*", 1, 0)
            branch = branch.star
        else:
            hash = hash_bytes(pattern.data + start, end - start, key)
            child = _child(branch, pattern.data + start, end - start, hash)
            if child == NULL:
                child = branch_new(pattern.data + start, end - start, hash)
                _add_child(branch, child)
            branch = child
        if end >= pattern.size:
            place = &branch.here
            break
        start = end + 1
    if place[0] == NULL:
        place[0] = <Node*> calloc(1, sizeof(Node))
        if place[0] == NULL:
            raise MemoryError
    return place[0]


cdef bint _remove_at(
    Node** place, Span queue, uint64_t queue_hash, PyObject* receiver
) noexcept:
    if place[0] == NULL or not node_remove(place[0], queue, queue_hash, receiver):
        return False
    if node_empty(place[0]):
        free(place[0])          # an empty node holds no memory of its own
        place[0] = NULL
    return True


cdef bint _remove_below(
    Branch* branch, Span pattern, Py_ssize_t start, Span queue, uint64_t queue_hash,
    PyObject* receiver, Key key
) noexcept:
    cdef Py_ssize_t end = _token_end(pattern.data, start, pattern.size)
    cdef Branch* child
    cdef bint found
    if _is_token(pattern, start, end, c">") and end == pattern.size:
        return _remove_at(&branch.rest, queue, queue_hash, receiver)
    if _is_token(pattern, start, end, c"*"):
        child = branch.star
    else:
        child = _child(
            branch, pattern.data + start, end - start,
            hash_bytes(pattern.data + start, end - start, key),
        )
    if child == NULL:
        return False
    if end < pattern.size:
        found = _remove_below(child, pattern, end + 1, queue, queue_hash, receiver, key)
    else:
        found = _remove_at(&child.here, queue, queue_hash, receiver)
    if found and _leads_nowhere(child):
        if child == branch.star:
            branch.star = NULL
        else:
            _drop_child(branch, child)
        free(child.token)
        free(child)
    return found


cdef bint pattern_remove(
    Branch* root, Span pattern, Span queue, uint64_t queue_hash, PyObject* receiver, Key key
) noexcept:
    return _remove_below(root, pattern, 0, queue, queue_hash, receiver, key)


# --- a subject's way down ---

cdef enum:
    ENDS_MAX = 24               # tokens whose ends are found beforehand; others when needed


cdef struct Way:
    Span subject
    Key key
    Py_ssize_t known            # tokens in `ends`
    Node** nodes
    int capacity
    int32_t[ENDS_MAX] ends      # where each token ends


cdef bint _find_ends(Way* way) noexcept nogil:
    """Where the first tokens end, in one pass; False if any token is empty."""
    cdef const char* data = way.subject.data
    cdef Py_ssize_t size = way.subject.size, at = 0, dot, start = 0
    cdef uint64_t found
    way.known = 0
    while at < size:
        if size - at >= 8:
            found = equal(word_at(data + at), c".")
        else:
            found = equal(word_of(data + at, size - at), c".")
        while found:
            dot = at + lowest(found)
            if dot == start:
                return False
            if way.known < ENDS_MAX:
                way.ends[way.known] = <int32_t> dot
                way.known += 1
            start = dot + 1
            found &= found - 1
        at += 8
    if way.known < ENDS_MAX:
        way.ends[way.known] = <int32_t> size
        way.known += 1
    return start < size


cdef inline int _note(Way* way, Node* node, int count) noexcept nogil:
    """Another node that matches, if it is one."""
    if node == NULL:
        return count
    if count < way.capacity:
        way.nodes[count] = node
    return count + 1


cdef int _walk(
    Way* way, const Branch* branch, Py_ssize_t start, Py_ssize_t depth, int count
) noexcept nogil:
    """Nodes below `branch` for the tokens from number `depth` on, which begins at `start`."""
    cdef Py_ssize_t end, size = way.subject.size
    cdef const char* data = way.subject.data
    while True:
        count = _note(way, branch.rest, count)
        if branch.star == NULL and branch.child_count == 0:
            return count
        end = way.ends[depth] if depth < way.known else _token_end(data, start, size)
        if branch.child_count == 0:
            branch = branch.star
        else:
            if branch.star != NULL:
                if end < size:
                    count = _walk(way, branch.star, end + 1, depth + 1, count)
                else:
                    count = _note(way, branch.star.here, count)
            branch = _child(
                branch, data + start, end - start, hash_bytes(data + start, end - start, way.key)
            )
            if branch == NULL:
                return count
        if end >= size:
            return _note(way, branch.here, count)
        start = end + 1
        depth += 1


cdef int pattern_walk(
    const Branch* root, Span subject, Key key, Node** nodes, int count, int capacity
) noexcept nogil:
    cdef Way way
    way.subject = subject
    way.key = key
    way.nodes = nodes
    way.capacity = capacity
    return _walk(&way, root, 0, 0, count) if _find_ends(&way) else count


# --- two patterns ---

cdef Py_ssize_t intersection(Span a, Span b, char* out, Py_ssize_t capacity) noexcept nogil:
    """Token by token the narrower one; a `>` gives way to all that the other has left."""
    cdef Py_ssize_t at = 0, start_a = 0, start_b = 0, end_a, end_b, size
    cdef const char* token
    if a.size + b.size > capacity:
        return -1
    while True:
        end_a = _token_end(a.data, start_a, a.size)
        end_b = _token_end(b.data, start_b, b.size)
        if end_a == a.size and _is_token(a, start_a, end_a, c">"):
            memcpy(out + at, b.data + start_b, b.size - start_b)
            return at + b.size - start_b
        if end_b == b.size and _is_token(b, start_b, end_b, c">"):
            memcpy(out + at, a.data + start_a, a.size - start_a)
            return at + a.size - start_a
        token = a.data + start_a
        size = end_a - start_a
        if _is_token(a, start_a, end_a, c"*"):
            token = b.data + start_b
            size = end_b - start_b
        elif not _is_token(b, start_b, end_b, c"*") and (
            size != end_b - start_b or memcmp(token, b.data + start_b, size)
        ):
            return -1
        memcpy(out + at, token, size)
        at += size
        if end_a == a.size or end_b == b.size:
            return at if end_a == a.size and end_b == b.size else -1
        out[at] = c"."
        at += 1
        start_a = end_a + 1
        start_b = end_b + 1
