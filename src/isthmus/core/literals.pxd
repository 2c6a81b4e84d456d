"""Literal subjects and their nodes: one table, probed linearly.

        slots    [ free │ "a.b" Node │ "x" Node │ free … ]      from hash & (capacity - 1) onward

At most three quarters are used. What is removed leaves no tombstone: whatever probed past it moves
back, so a look-up ends at the first free slot. Nodes move with their slots, and when the table
grows or shrinks: who has a `Literal*` keeps it no longer than until the next change.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from isthmus.core.message cimport Span
from isthmus.core.node cimport Node


cdef struct Literal:
    uint64_t hash               # 0: free
    char* subject
    Py_ssize_t size
    Node node


cdef struct Literals:
    Literal* slots
    Py_ssize_t capacity         # power of two, or 0
    Py_ssize_t count


cdef inline Literal* literal_find(
    const Literals* table, Span subject, uint64_t hash
) noexcept nogil:
    """The slot of `subject`, or NULL."""
    cdef Py_ssize_t mask = table.capacity - 1, at
    cdef Literal* slot
    if table.count == 0:
        return NULL
    at = <Py_ssize_t> (hash & <uint64_t> mask)
    while True:
        slot = &table.slots[at]
        if slot.hash == 0:
            return NULL
        if slot.hash == hash and slot.size == subject.size and not memcmp(
            slot.subject, subject.data, subject.size
        ):
            return slot
        at = (at + 1) & mask


# the node of `subject`, made if need be
cdef Node* literal_node(Literals* table, Span subject, uint64_t hash) except NULL
# False if it was not there
cdef bint literal_remove(
    Literals* table, Span subject, uint64_t hash, Span queue, uint64_t queue_hash,
    PyObject* receiver
) except -1
# lets go of everything but the slots; hands the references of the receivers to `dropped`
cdef int literals_clear(Literals* table, list dropped) except -1
