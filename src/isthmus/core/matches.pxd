"""The receivers of one subject, flat, and the room for it while somebody looks at them.

        nodes      [R R] "work" [R R]    [R] "work" [R] "audit" [R]      what matches (node.pxd)
        Match      receivers   R R R │ R R R │ R         plain ones first, then group by group;
                   ends              3       6   7       a group spans all nodes

A receiver may route on, so matches nest, and take their room from a stack:

        Scratch    stack   │ first match │ second, inside the first │ … stack_top

Memory that a running match may look at (results that were dropped, a stack that was outgrown) is
`retired`, and freed when the outermost match ends.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t

from isthmus.core.node cimport Node


cdef struct Match:
    int32_t plain               # receivers[0:plain] all get the message
    int32_t groups              # number of queue groups
    int32_t* ends               # ends[g]: where group g's members end in receivers
    PyObject** receivers        # borrowed: valid until `release`
    PyObject* single            # where `receivers` points if nothing but one plain one matches


cdef struct Scratch:
    int depth                   # matches that run
    PyObject** stack
    Py_ssize_t stack_top
    Py_ssize_t stack_capacity
    int32_t* ends_stack
    Py_ssize_t ends_top
    Py_ssize_t ends_capacity
    void** retired
    Py_ssize_t retired_count
    Py_ssize_t retired_capacity


# plain receivers of all nodes, then the members of each queue group, names merged
cdef int flatten(Scratch* scratch, Node** nodes, int count, Match* out) except -1
# free now, or when the outermost match ends
cdef int retire(Scratch* scratch, void* memory) except -1
cdef void free_retired(Scratch* scratch) noexcept
cdef void scratch_free(Scratch* scratch) noexcept


cdef inline void give_back(Scratch* scratch, const Match* match) noexcept:
    """What the match took of the stacks is free again."""
    if scratch.stack <= match.receivers <= scratch.stack + scratch.stack_top:
        scratch.stack_top = match.receivers - scratch.stack
    if scratch.ends_stack <= match.ends <= scratch.ends_stack + scratch.ends_top:
        scratch.ends_top = match.ends - scratch.ends_stack
