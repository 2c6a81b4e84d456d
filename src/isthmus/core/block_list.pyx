# cython: boundscheck=False, wraparound=False, cdivision=True
"""Blocks of one stream in order; see `block_list.pxd` for the picture.

Owns the blocks and their bytes in memory. Knows no count of messages: `StreamLog` is one of these
that keeps it. Invariant: blocks have rising, disjoint ranges; `resident` is what their buffers
occupy; bytes that somebody may still look at are not let go.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.ref cimport Py_INCREF, Py_DECREF
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from isthmus.core.block cimport NEVER, Block, copy_living, free_block, new_block, offset_of
from isthmus.core.buffer cimport Buffer, new_buffer
from isthmus.core.segment cimport Record, record_read

cdef enum:
    RESUME_BYTES = 65536        # a smaller block is brought back to append to it
    LOAD_AFTER = 3              # misses in a row that bring the whole block in


cdef class BlockList:
    """No blocks yet; `owner` None: of a memory stream."""

    def __init__(self, uint64_t number, object owner, uint32_t epoch, Py_ssize_t block_bytes):
        assert 0 < block_bytes <= 1 << 30
        self.owner = owner
        self.memory = owner is None
        self.number = number
        self.epoch = epoch
        self.block_bytes = block_bytes
        self.retired = []

    def __dealloc__(self):
        cdef Py_ssize_t place
        for place in range(self.start, self.end):
            if self.blocks[place].buffer != NULL:
                Py_DECREF(<object> self.blocks[place].buffer)
                self.blocks[place].buffer = NULL
            free_block(self.blocks[place])
        free(self.blocks)

    cdef int give_back(self) except -1:
        """The spans of one `read` are no longer looked at."""
        assert self.borrows > 0
        self.borrows -= 1
        return 0

    # --- which there are ---

    cdef Py_ssize_t search(self, uint64_t seq) noexcept:
        """Place of the last block that begins at or before `seq`, or -1; remembered."""
        cdef Py_ssize_t low = self.start
        cdef Py_ssize_t high = self.end
        cdef Py_ssize_t middle
        if low == high or seq < self.blocks[low].first_seq:
            return -1
        while high - low > 1:
            middle = (low + high) >> 1
            if self.blocks[middle].first_seq <= seq:
                low = middle
            else:
                high = middle
        self.recent = low
        return low

    cdef Block* block_at(self, uint64_t first_seq) except NULL:
        """The block that begins at `first_seq`."""
        cdef Py_ssize_t place = place_of(self, first_seq)
        if place < 0 or self.blocks[place].first_seq != first_seq:
            raise KeyError(first_seq)
        return self.blocks[place]

    cdef Block* begin(self, uint64_t seq, int64_t time_ns, Py_ssize_t size) except NULL:
        """Begin a new block with room for a first record of `size` bytes (0: filled by others)."""
        cdef Block* block
        cdef Buffer buffer
        self._make_room()
        buffer = new_buffer(max(self.block_bytes, size)) if size else None
        block = new_block(seq, time_ns)
        if buffer is not None:
            self._hold(block, buffer, True)
        self.blocks[self.end] = block
        self.end += 1
        return block

    cdef int _make_room(self) except -1:
        """One more block fits behind the last one."""
        cdef void* grown
        cdef Py_ssize_t capacity
        if self.end < self.blocks_capacity:
            return 0
        if self.start > self.blocks_capacity >> 1:
            memmove(
                self.blocks, self.blocks + self.start, (self.end - self.start) * sizeof(Block*)
            )
            self.end -= self.start
            self.start = 0
            return 0
        capacity = max(4, self.blocks_capacity * 2)
        grown = realloc(self.blocks, capacity * sizeof(Block*))
        if grown == NULL:
            raise MemoryError()
        self.blocks = <Block**> grown
        self.blocks_capacity = capacity
        return 0

    cdef int drop(self, Py_ssize_t place) except -1:
        """Forget a block in which nothing lives."""
        cdef Block* block = self.blocks[place]
        cdef uint64_t first_seq = block.first_seq
        cdef uint32_t generation = block.generation
        self.retire(block)
        if place == self.start:
            self.start += 1
        else:
            memmove(
                self.blocks + place, self.blocks + place + 1,
                (self.end - place - 1) * sizeof(Block*),
            )
            self.end -= 1
        self.recent = self.start
        free_block(block)
        if self.owner is not None:
            self.owner.dropped(first_seq, generation)
        return 0

    # --- which of them are in memory ---

    cdef void _hold(self, Block* block, Buffer buffer, bint checked):
        """`buffer` has the block's bytes, from now on; `checked`: this process wrote them."""
        Py_INCREF(buffer)
        block.buffer = <void*> buffer
        block.data = buffer.data
        block.checked = checked
        self.resident += buffer.capacity

    cdef void retire(self, Block* block):
        """Take the block's bytes out of memory, as soon as nobody looks at them."""
        cdef Buffer buffer
        if block.buffer == NULL:
            return
        buffer = <Buffer> block.buffer
        self.retired.append(buffer)
        self.resident -= buffer.capacity
        block.buffer = NULL
        block.data = NULL
        block.misses = 0
        Py_DECREF(buffer)

    def evict(self, uint64_t first_seq) -> bool:
        """Take a block out of memory; false if it is not all in its file."""
        cdef Py_ssize_t place = place_of(self, first_seq)
        cdef Block* block = self.blocks[place] if place >= 0 else NULL
        if block == NULL or block.first_seq != first_seq or block.written != block.size:
            return False
        self.retire(block)
        sweep(self)
        return True

    def touched(self, uint64_t first_seq) -> bool:
        """True if the block was read since the last time this was asked."""
        cdef Py_ssize_t place = place_of(self, first_seq)
        cdef Block* block = self.blocks[place] if place >= 0 else NULL
        if block == NULL or block.first_seq != first_seq or not block.touched:
            return False
        block.touched = False
        return True

    cdef int compact(self, Block* block) except -1:
        """Copy what lives in a block that is in memory into a smaller one."""
        cdef Buffer buffer = new_buffer(max(<uint32_t> 8, block.size - block.dead))
        cdef bint checked = block.checked
        copy_living(block, buffer)
        self.retire(block)
        self._hold(block, buffer, checked)
        block.size = <uint32_t> buffer.used
        block.dead = 0
        return 0

    # --- back from the file ---

    cdef bint fetch(self, Block* block, uint32_t place, Record* out) except -1:
        """Read one record from disk, or the whole block when its neighbours were asked for too."""
        cdef size_t offset = offset_of(block, place)
        cdef Py_ssize_t occupied
        cdef bytes raw
        if block.data == NULL and block.misses + 1 >= LOAD_AFTER:
            self.load(block)
        if block.data != NULL:
            block.touched = True
            occupied = record_read(block.data + offset, block.size - offset, self.epoch, out)
        else:           # perhaps because the cache had no room for all of it
            block.misses += 1
            raw = self.owner.read_block(
                block.first_seq, block.generation, offset, _end_of(block, place) - offset
            )
            self.retired.append(raw)
            occupied = record_read(PyBytes_AS_STRING(raw), len(raw), self.epoch, out)
        return occupied > 0 and out.seq == block.first_seq + place and out.owner == self.number

    cdef int load(self, Block* block) except -1:
        """Bring a whole block into memory; a short file leaves zeros, which no check accepts."""
        cdef bytes raw = self.owner.read_block(block.first_seq, block.generation, 0, block.size)
        cdef Buffer buffer = new_buffer(block.size)
        memcpy(buffer.data, PyBytes_AS_STRING(raw), min(len(raw), <Py_ssize_t> block.size))
        buffer.used = block.size
        self._hold(block, buffer, False)
        self.owner.loaded(block.first_seq, block.size)
        return 0

    cdef bint resume(self, Block* block, Py_ssize_t size) except -1:
        """Bring the last block back into memory to append to it, if it is small and sound."""
        cdef Buffer buffer
        cdef Record record
        cdef uint32_t at = 0
        cdef Py_ssize_t occupied
        if self.memory or block.size >= RESUME_BYTES or block.size + size > self.block_bytes:
            return False
        raw = self.owner.read_block(block.first_seq, block.generation, 0, block.size)
        if len(raw) != <Py_ssize_t> block.size:
            return False
        buffer = new_buffer(self.block_bytes)
        memcpy(buffer.data, PyBytes_AS_STRING(raw), block.size)
        buffer.used = block.size
        while at < block.size:
            occupied = record_read(buffer.data + at, block.size - at, self.epoch, &record)
            if occupied <= 0:
                return False
            at += <uint32_t> occupied
        self.retire(block)
        self._hold(block, buffer, True)
        return True


cdef size_t _end_of(const Block* block, uint32_t place) noexcept:
    """Where the record ends that the index names: where the next one begins."""
    cdef uint32_t behind
    for behind in range(place + 1, block.span):
        if block.index[behind] != NEVER:
            return offset_of(block, behind)
    return block.size
