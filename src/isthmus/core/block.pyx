# cython: boundscheck=False, wraparound=False, cdivision=True
"""One block of a stream; see `block.pxd` for the picture.

Owns the index of a block. Knows no other block and no file. Invariant: the index covers `span`
sequences, and of each of them says where its record begins, that it went, or that it never was.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from isthmus.core.buffer cimport Buffer
from isthmus.core.segment cimport Record, record_view

cdef enum:
    INDEX_FIRST = 64            # sequences that a new index has room for


cdef Block* new_block(uint64_t first_seq, int64_t first_ns) except NULL:
    """An empty block; its bytes are its holder's to give."""
    cdef Block* block = <Block*> calloc(1, sizeof(Block))
    if block == NULL:
        raise MemoryError()
    block.first_seq = first_seq
    block.first_ns = first_ns
    return block


cdef void free_block(Block* block) noexcept:
    """Forget a block that holds no buffer any more."""
    free(block.index)
    free(block)


cdef int make_room(Block* block, uint32_t place) except -1:
    """Let the index grow by doubling until `place` is in it."""
    cdef uint32_t capacity = block.index_capacity
    cdef void* grown
    while place >= capacity:
        capacity = max(<uint32_t> INDEX_FIRST, capacity * 2)
    grown = realloc(block.index, <size_t> capacity * sizeof(uint32_t))
    if grown == NULL:
        raise MemoryError()
    block.index = <uint32_t*> grown
    block.index_capacity = capacity
    return 0


cdef void shrink(Block* block) noexcept:
    """Give back what the index will not need any more."""
    cdef void* less
    if block.span == 0:
        return
    less = realloc(block.index, <size_t> block.span * sizeof(uint32_t))
    if less != NULL:
        block.index = <uint32_t*> less
        block.index_capacity = block.span


cdef int copy_living(Block* block, Buffer buffer) except -1:
    """Copy the records that live, out of a block in memory; what is gone never was, from now on."""
    cdef Record record
    cdef uint32_t place
    cdef size_t offset
    cdef Py_ssize_t occupied
    for place in range(block.span):
        if block.index[place] == NEVER:
            continue
        if block.index[place] & GONE:
            block.index[place] = NEVER
            continue
        offset = offset_of(block, place)
        occupied = record_view(block.data + offset, block.size - offset, &record)
        memcpy(buffer.data + buffer.used, block.data + offset, occupied)
        block.index[place] = <uint32_t> (buffer.used >> 3)
        buffer.used += occupied
    return 0
