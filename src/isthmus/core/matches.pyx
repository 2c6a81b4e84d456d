# cython: boundscheck=False, wraparound=False, cdivision=True
"""The receivers of one subject, flat; see `matches.pxd` for the picture.

Owns the scratch stacks. Knows no subject and no table. Invariant: what a match points to stays
where it is until that match is over.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy

from isthmus.core.node cimport Bag, Group, Node, bag_items, same_name

cdef enum:
    GROUPS_MAX = 64             # more queue groups than that are gathered on the heap


cdef int flatten(Scratch* scratch, Node** nodes, int count, Match* out) except -1:
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
    receivers = _take_receivers(scratch, total)
    out.receivers = receivers
    out.ends = _take_ends(scratch, group_total)
    for index in range(count):
        receivers = _copy(receivers, &nodes[index].plain)
        out.plain += nodes[index].plain.count
    if group_total:
        _merge_groups(nodes, count, group_total, out)
    return 0


# --- queue groups ---

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


cdef inline PyObject** _copy(PyObject** to, Bag* bag) noexcept nogil:
    if bag.count:
        memcpy(to, bag_items(bag), bag.count * sizeof(PyObject*))
    return to + bag.count


cdef int _by_name(const void* left, const void* right) noexcept nogil:
    """Any order in which equal names are neighbours."""
    cdef const Group* a = (<const Group**> left)[0]
    cdef const Group* b = (<const Group**> right)[0]
    if a.hash != b.hash:
        return -1 if a.hash < b.hash else 1
    if a.name_size != b.name_size:
        return -1 if a.name_size < b.name_size else 1
    return memcmp(a.name, b.name, a.name_size)


# --- room ---

cdef PyObject** _take_receivers(Scratch* scratch, Py_ssize_t size) except NULL:
    """Room on the stack. Running matches keep their old memory when it grows."""
    cdef PyObject** grown
    cdef Py_ssize_t wanted
    cdef PyObject** out
    if scratch.stack == NULL or scratch.stack_top + size > scratch.stack_capacity:
        wanted = scratch.stack_capacity * 2 if scratch.stack_capacity else 64
        while wanted < size:
            wanted *= 2
        grown = <PyObject**> malloc(wanted * sizeof(PyObject*))
        if grown == NULL:
            raise MemoryError
        retire(scratch, scratch.stack)
        scratch.stack = grown
        scratch.stack_capacity = wanted
        scratch.stack_top = 0
    out = scratch.stack + scratch.stack_top
    scratch.stack_top += size
    return out


cdef int32_t* _take_ends(Scratch* scratch, Py_ssize_t size) except NULL:
    cdef int32_t* grown
    cdef Py_ssize_t wanted
    cdef int32_t* out
    if scratch.ends_stack == NULL or scratch.ends_top + size > scratch.ends_capacity:
        wanted = scratch.ends_capacity * 2 if scratch.ends_capacity else 16
        while wanted < size:
            wanted *= 2
        grown = <int32_t*> malloc(wanted * sizeof(int32_t))
        if grown == NULL:
            raise MemoryError
        retire(scratch, scratch.ends_stack)
        scratch.ends_stack = grown
        scratch.ends_capacity = wanted
        scratch.ends_top = 0
    out = scratch.ends_stack + scratch.ends_top
    scratch.ends_top += size
    return out


cdef int retire(Scratch* scratch, void* memory) except -1:
    cdef void** grown
    if memory == NULL:
        return 0
    if scratch.depth == 0:
        free(memory)
        return 0
    if scratch.retired_count == scratch.retired_capacity:
        grown = <void**> realloc(
            scratch.retired, (scratch.retired_capacity * 2 + 8) * sizeof(void*)
        )
        if grown == NULL:
            raise MemoryError
        scratch.retired = grown
        scratch.retired_capacity = scratch.retired_capacity * 2 + 8
    scratch.retired[scratch.retired_count] = memory
    scratch.retired_count += 1
    return 0


cdef void free_retired(Scratch* scratch) noexcept:
    cdef Py_ssize_t index
    for index in range(scratch.retired_count):
        free(scratch.retired[index])
    scratch.retired_count = 0


cdef void scratch_free(Scratch* scratch) noexcept:
    free_retired(scratch)
    free(scratch.retired)
    free(scratch.stack)
    free(scratch.ends_stack)
