"""A trie of subscribed patterns, token by token.

        root ─ "orders" ─┬─ star ─┬─ here   Node of orders.*
                         │        └─ "eu" ─ here   orders.*.eu
                         └─ rest            Node of orders.>

A subject walks down all branches that match it; no branch is visited twice. Branches that lead
nowhere any more are pruned.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint64_t

from isthmus.core.hashing cimport Key
from isthmus.core.message cimport Span
from isthmus.core.node cimport Node

cdef enum:
    PATTERN_TOKENS_MAX = 4096   # walking is recursive


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


cdef Branch* branch_new(const char* token, Py_ssize_t size, uint64_t hash) except NULL
cdef int branch_free(Branch* branch, list dropped) except -1
# prints what two patterns have in common; the size, or -1 if that is nothing or over `capacity`
cdef Py_ssize_t intersection(Span a, Span b, char* out, Py_ssize_t capacity) noexcept nogil
# the node of a pattern, made if need be
cdef Node* pattern_node(Branch* root, Span pattern, Key key) except NULL
# False if it was not there
cdef bint pattern_remove(
    Branch* root, Span pattern, Span queue, uint64_t queue_hash, PyObject* receiver, Key key
) noexcept
# adds the nodes that match the literal `subject` behind the `count` that are there; the new count,
# which goes on beyond `capacity`
cdef int pattern_walk(
    const Branch* root, Span subject, Key key, Node** nodes, int count, int capacity
) noexcept nogil


cdef inline bint has_wildcard(Span subject) noexcept nogil:
    """True if some whole token is `*` or `>`."""
    cdef const char* data = subject.data
    cdef Py_ssize_t at, size = subject.size
    for at in range(size):
        if (data[at] == c"*" or data[at] == c">") and (
            (at == 0 or data[at - 1] == c".") and (at + 1 == size or data[at + 1] == c".")
        ):
            return True
    return False
