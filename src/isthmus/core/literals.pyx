# cython: boundscheck=False, wraparound=False, cdivision=True
"""Literal subjects and their nodes; see `literals.pxd` for the picture.

Owns the slots and the text of the subjects, not the receivers. Knows no pattern and no match.
Invariant: from a subject's home to its slot no slot is free, and every node has a receiver.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from isthmus.core.message cimport Span
from isthmus.core.node cimport Node, node_clear, node_empty, node_remove

cdef enum:
    TABLE_START = 16
    TABLE_KEPT = 1024           # slots that are kept for answers, which come and go


cdef Node* literal_node(Literals* table, Span subject, uint64_t hash) except NULL:
    cdef Literal* slot = literal_find(table, subject, hash)
    cdef Py_ssize_t mask, at
    if slot != NULL:
        return &slot.node
    if (table.count + 1) * 4 > table.capacity * 3:
        _rehash(table)
    mask = table.capacity - 1
    at = <Py_ssize_t> (hash & <uint64_t> mask)
    while table.slots[at].hash:
        at = (at + 1) & mask
    slot = &table.slots[at]
    slot.subject = <char*> malloc(subject.size if subject.size else 1)
    if slot.subject == NULL:
        raise MemoryError
    memcpy(slot.subject, subject.data, subject.size)
    slot.size = subject.size
    slot.hash = hash
    table.count += 1
    return &slot.node


cdef bint literal_remove(
    Literals* table, Span subject, uint64_t hash, Span queue, uint64_t queue_hash,
    PyObject* receiver
) except -1:
    cdef Literal* slot = literal_find(table, subject, hash)
    if slot == NULL or not node_remove(&slot.node, queue, queue_hash, receiver):
        return False
    if node_empty(&slot.node):
        free(slot.subject)
        _close_gap(table, slot - table.slots)
        table.count -= 1
        if table.capacity > TABLE_KEPT and table.count * 8 < table.capacity:
            _rehash(table)
    return True


cdef int literals_clear(Literals* table, list dropped) except -1:
    cdef Py_ssize_t index
    for index in range(table.capacity):
        if table.slots[index].hash:
            node_clear(&table.slots[index].node, dropped)
            free(table.slots[index].subject)
            memset(&table.slots[index], 0, sizeof(Literal))
    table.count = 0
    return 0


cdef int _rehash(Literals* table) except -1:
    """Room for twice the entries."""
    cdef Py_ssize_t capacity = TABLE_START, index, at
    cdef Literal* slots
    while capacity < (table.count + 1) * 2:
        capacity *= 2
    slots = <Literal*> calloc(capacity, sizeof(Literal))
    if slots == NULL:
        raise MemoryError
    for index in range(table.capacity):
        if table.slots[index].hash:
            at = <Py_ssize_t> (table.slots[index].hash & <uint64_t> (capacity - 1))
            while slots[at].hash:
                at = (at + 1) & (capacity - 1)
            slots[at] = table.slots[index]
    free(table.slots)
    table.slots = slots
    table.capacity = capacity
    return 0


cdef void _close_gap(Literals* table, Py_ssize_t gap) noexcept:
    """Free the slot, moving back what probed past it."""
    cdef Py_ssize_t mask = table.capacity - 1, at = gap, home
    while True:
        at = (at + 1) & mask
        if table.slots[at].hash == 0:
            break
        home = <Py_ssize_t> (table.slots[at].hash & <uint64_t> mask)
        if ((at - home) & mask) >= ((at - gap) & mask):
            table.slots[gap] = table.slots[at]
            gap = at
    memset(&table.slots[gap], 0, sizeof(Literal))
