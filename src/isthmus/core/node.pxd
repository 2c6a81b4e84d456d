"""The receivers of one subject or pattern.

        Node    plain    Bag [R R R]              every one gets the message
                groups   "work"  Bag [R R]        one of each group gets it
                         "audit" Bag [R]

A bag holds one receiver in place, more in an array. Removing puts the last one into the gap. Beyond
INDEXED_FROM entries a bag, and the list of groups, has an index from hash to place, so that adding
and removing cost the same however many there are.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcmp

from isthmus.core.message cimport Span

cdef enum:
    INDEXED_FROM = 32


cdef struct Place:
    uint32_t hash
    int32_t at                  # place + 1; 0: empty


cdef struct Places:             # open addressing, at most half full
    int32_t count
    int32_t mask
    Place* slots


cdef struct Bag:
    int32_t count
    int32_t capacity
    PyObject** items            # capacity 1: the receiver itself; see `bag_items`
    Places* places              # NULL: few enough to look through


cdef struct Group:
    Bag members
    char* name
    int32_t name_size
    uint64_t hash


cdef struct Node:
    Bag plain
    int32_t group_count
    int32_t group_capacity
    Group* groups
    Places* places              # of groups


cdef inline PyObject** bag_items(Bag* bag) noexcept nogil:
    """The receivers of `bag`, `bag.count` of them; not after its node has moved."""
    return <PyObject**> &bag.items if bag.capacity == 1 else bag.items


cdef inline bint node_empty(const Node* node) noexcept nogil:
    return node.plain.count == 0 and node.group_count == 0


cdef inline bint same_name(const Group* group, const char* name, Py_ssize_t size) noexcept nogil:
    return group.name_size == size and not memcmp(group.name, name, size)


# `hash` is that of the queue name
cdef int node_add(Node* node, Span queue, uint64_t hash, PyObject* receiver) except -1
# False if it was not there
cdef bint node_remove(Node* node, Span queue, uint64_t hash, PyObject* receiver) noexcept
# frees everything; hands the references of the receivers to `dropped`
cdef int node_clear(Node* node, list dropped) except -1
