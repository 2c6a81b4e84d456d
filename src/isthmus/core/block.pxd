"""One block of a stream: records back to back, and where each sequence stands among them.

        data     record record record …         segment.pxd; a file holds the same bytes
        index    4 bytes per sequence            where the record begins / 8, or that it is gone
                 ┌──────┬──────┬─────────────┐
                 │ GONE │ LOST │ place / 8   │  NEVER: this sequence was never stored
                 └──────┴──────┴─────────────┘

The index stays in memory; the bytes may be only in a file. Which blocks there are, and which of
them are in memory, is `BlockList`'s; how many messages that makes, `StreamLog`'s.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from isthmus.core.buffer cimport Buffer

cdef enum:
    GONE = 0x80000000           # in the index: removed; the rest still says where it was
    LOST = 0x40000000           # beside GONE: nobody removed it, the disk did
    PLACE = 0x3FFFFFFF          # the rest: where the record begins / 8
    NEVER = 0xFFFFFFFF          # in the index: this sequence was never stored


cdef struct Block:
    uint64_t first_seq          # of index[0]
    int64_t first_ns            # of its first record
    uint32_t span               # sequences covered
    uint32_t live               # of them there
    uint32_t lost               # of them damaged on disk
    uint32_t size               # bytes of records
    uint32_t dead               # of them removed
    uint32_t queued             # bytes that a worker got for the file
    uint32_t written            # bytes that the file holds
    uint32_t generation         # of the file: a compacted block gets a new one
    uint32_t misses             # reads in a row that did not find it in memory
    bint touched                # read since the cache last looked
    bint checked                # filled by this process: records need no check
    bint headed                 # some message of it has, or had, a header
    uint32_t index_capacity
    uint32_t* index
    char* data                  # NULL: on disk only
    void* buffer                # the Buffer that data belongs to, owned


# without records and without memory for them
cdef Block* new_block(uint64_t first_seq, int64_t first_ns) except NULL
# the holder let go of its buffer before
cdef void free_block(Block* block) noexcept
# room in the index for one more sequence, `place` behind the first
cdef int make_room(Block* block, uint32_t place) except -1
# no sequence will be added any more
cdef void shrink(Block* block) noexcept
# what lives in it is in `buffer`, too, back to back, and the index says where
cdef int copy_living(Block* block, Buffer buffer) except -1


cdef inline int enter(Block* block, uint64_t seq, uint32_t value) except -1:
    """Enter where `seq` stands; what it skips was never stored."""
    cdef uint32_t place = <uint32_t> (seq - block.first_seq)
    if place >= block.index_capacity:
        make_room(block, place)
    if place > block.span:
        memset(block.index + block.span, 0xFF, (place - block.span) * sizeof(uint32_t))
    block.index[place] = value
    block.span = place + 1
    return 0


cdef inline size_t offset_of(const Block* block, uint64_t place) noexcept:
    """Where the record of the sequence begins that is `place` behind the first."""
    return <size_t> (block.index[place] & PLACE) << 3
