"""The blocks of one stream in order, and which of them are in memory.

        blocks   [ 1 … 8191 ][ 8192 … 16383 ] … [ active ]
                 on disk, read through a bounded cache    in memory until written

The index of each stays in memory (block.pxd), so a single message of a block on disk costs one
small read; neighbours bring in the whole block. A memory stream is the same without files.

The owner (`store.blocks`) writes and removes files and keeps the cache below its bound; here no
file is known: the owner is asked for what is not in memory, and told what becomes of blocks:

        owner.read_block(first_seq, generation, offset, size) -> bytes   short if the file is
        owner.loaded(first_seq, size)                a whole block came into memory
        owner.rolled(first_seq)                      a block is full: write it some time
        owner.dropped(first_seq, generation)         nothing lives in it: its file may go
        owner.damaged(seq, first_seq, offset)        a record on disk failed its check

What was read may be looked at until the next call of any method, and through everything if the
reader says so: `log.borrows += 1` … `log.give_back()`. Till then bytes that left are `retired`.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.block cimport Block
from isthmus.core.buffer cimport Buffer
from isthmus.core.segment cimport Record


cdef class BlockList:
    cdef object owner                     # None: a memory stream
    cdef readonly bint memory
    cdef readonly uint64_t number         # `owner` in its records
    cdef readonly uint64_t resident       # bytes of blocks in memory
    cdef int borrows
    cdef list retired                     # what to let go when nothing is borrowed
    cdef Block** blocks                   # blocks[start:end]
    cdef Py_ssize_t start
    cdef Py_ssize_t end
    cdef Py_ssize_t blocks_capacity
    cdef Py_ssize_t recent                # where the last look-up ended
    cdef uint32_t epoch                   # of its files
    cdef Py_ssize_t block_bytes           # of a block, unless one record is larger

    cdef int give_back(self) except -1
    # for `place_of`
    cdef Py_ssize_t search(self, uint64_t seq) noexcept
    # the block that begins there, or KeyError
    cdef Block* block_at(self, uint64_t first_seq) except NULL
    # a new last block, with room for a first record of `size` bytes; 0: others fill it
    cdef Block* begin(self, uint64_t seq, int64_t time_ns, Py_ssize_t size) except NULL
    # forgets a block in which nothing lives
    cdef int drop(self, Py_ssize_t place) except -1
    cdef void retire(self, Block* block)
    # what lives in a block that is in memory moves into a smaller buffer
    cdef int compact(self, Block* block) except -1
    # from the file, or from bytes that came from there: False if the record fails its check
    cdef bint fetch(self, Block* block, uint32_t place, Record* out) except -1
    cdef int load(self, Block* block) except -1
    # True: a record of `size` bytes may be appended to a block that was written before
    cdef bint resume(self, Block* block, Py_ssize_t size) except -1

    cdef void _hold(self, Block* block, Buffer buffer, bint checked)
    cdef int _make_room(self) except -1


cdef inline Py_ssize_t place_of(BlockList blocks, uint64_t seq) noexcept:
    """Place of the last block that begins at or before `seq`, or -1."""
    cdef Py_ssize_t at = blocks.recent
    if blocks.start <= at < blocks.end and blocks.blocks[at].first_seq <= seq:
        if at + 1 == blocks.end or seq < blocks.blocks[at + 1].first_seq:
            return at
    return blocks.search(seq)


cdef inline void sweep(BlockList blocks) noexcept:
    """Let go of what readers may have looked at until now."""
    if blocks.borrows == 0 and blocks.retired:
        blocks.retired.clear()
