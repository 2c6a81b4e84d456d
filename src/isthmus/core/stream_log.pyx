# cython: boundscheck=False, wraparound=False, cdivision=True
"""Messages of one stream; see `stream_log.pxd` for the picture.

Owns the blocks that are in memory and the index of all. Knows no file and no policy: limits, expiry
and what is written when belong to others. Invariant: `messages` sequences are present, all between
`first_seq` and `last_seq`, in blocks of rising, disjoint ranges; a sequence that was used is never
given to another message.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.ref cimport Py_INCREF, Py_DECREF
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove, memset

from isthmus.core.buffer cimport Buffer, new_buffer
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span_of
from isthmus.core.segment cimport (
    RECORD_MESSAGE, Record, entry_of, record_print, record_read, record_resync, record_size,
    record_view, record_write
)
from isthmus.core.subject_order cimport STALE_FIRST, STALE_LAST, SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree

from isthmus.base.errors import StoreError

cdef enum:
    GONE = 0x80000000           # in the index: removed; the rest still says where it was
    LOST = 0x40000000           # beside GONE: nobody removed it, the disk did
    PLACE = 0x3FFFFFFF          # the rest: where the record begins / 8
    NEVER = 0xFFFFFFFF          # in the index: this sequence was never stored
    RESUME_BYTES = 65536        # a smaller block is brought back to append to it
    LOAD_AFTER = 3              # misses in a row that bring the whole block in
    GAP_MAX = 1024              # unused sequences in a row that an index bridges


cdef uint64_t message_bytes(const Record* record, bint memory) noexcept nogil:
    """What one message counts in `state.bytes`."""
    cdef uint64_t out = record.subject.size + record.header.size + record.payload.size
    if memory:
        return out + 16
    return out + (34 if record.header.size else 30)


cdef class StreamLog:
    """An empty log. `first_seq` is the sequence its first message gets; `owner` None: memory."""

    def __init__(
        self,
        uint64_t number,
        *,
        owner=None,
        uint64_t first_seq=1,
        uint32_t epoch=0,
        Py_ssize_t block_bytes=BLOCK_BYTES,
    ):
        assert first_seq >= 1
        assert 0 < block_bytes <= 1 << 30
        self.owner = owner
        self.memory = owner is None
        self.number = number
        self.last_seq = first_seq - 1
        self.first_seq = first_seq if first_seq > 1 else 0
        self.epoch = epoch
        self.block_bytes = block_bytes
        self.retired = []

    def __dealloc__(self):
        cdef Py_ssize_t place
        for place in range(self.start, self.end):
            if self.blocks[place].buffer != NULL:
                Py_DECREF(<object> self.blocks[place].buffer)
            free(self.blocks[place].index)
            free(self.blocks[place])
        free(self.blocks)

    # --- blocks ---

    cdef void _sweep(self) noexcept:
        """Let go of what readers may have looked at until now."""
        if self.borrows == 0 and self.retired:
            self.retired.clear()

    cdef int give_back(self) except -1:
        """The spans of one `read` are no longer looked at."""
        assert self.borrows > 0
        self.borrows -= 1
        return 0

    cdef Py_ssize_t _find(self, uint64_t seq) noexcept:
        """Place of the last block that begins at or before `seq`, or -1."""
        cdef Py_ssize_t low = self.start
        cdef Py_ssize_t high = self.end
        cdef Py_ssize_t middle = self.recent
        if low == high or seq < self.blocks[low].first_seq:
            return -1
        if low <= middle < high and self.blocks[middle].first_seq <= seq:
            if middle + 1 == high or seq < self.blocks[middle + 1].first_seq:
                return middle
        while high - low > 1:
            middle = (low + high) >> 1
            if self.blocks[middle].first_seq <= seq:
                low = middle
            else:
                high = middle
        self.recent = low
        return low

    cdef Block* _block(self, uint64_t first_seq) except NULL:
        """The block that begins at `first_seq`."""
        cdef Py_ssize_t place = self._find(first_seq)
        if place < 0 or self.blocks[place].first_seq != first_seq:
            raise KeyError(first_seq)
        return self.blocks[place]

    cdef int _roll(self, uint64_t seq, int64_t time_ns, Py_ssize_t size) except -1:
        """Begin a new block with room for a first record of `size` bytes (0: filled by others)."""
        cdef void* grown
        cdef Block* block
        cdef Buffer buffer
        cdef Py_ssize_t capacity
        if self.end == self.blocks_capacity:
            if self.start > self.blocks_capacity >> 1:
                memmove(
                    self.blocks, self.blocks + self.start, (self.end - self.start) * sizeof(Block*)
                )
                self.end -= self.start
                self.start = 0
            else:
                capacity = max(4, self.blocks_capacity * 2)
                grown = realloc(self.blocks, capacity * sizeof(Block*))
                if grown == NULL:
                    raise MemoryError()
                self.blocks = <Block**> grown
                self.blocks_capacity = capacity
        buffer = new_buffer(max(self.block_bytes, size)) if size else None
        block = <Block*> calloc(1, sizeof(Block))
        if block == NULL:
            raise MemoryError()
        block.first_seq = seq
        block.first_ns = time_ns
        if buffer is not None:
            Py_INCREF(buffer)
            block.buffer = <void*> buffer
            block.data = buffer.data
            block.checked = True
            self.resident += buffer.capacity
        self.blocks[self.end] = block
        self.end += 1
        return 0

    cdef int _index(self, Block* block, uint64_t seq, uint32_t value) except -1:
        """Enter where `seq` stands; what it skips was never stored."""
        cdef uint32_t place = <uint32_t> (seq - block.first_seq)
        cdef uint32_t capacity = block.index_capacity
        cdef void* grown
        if place >= capacity:
            while place >= capacity:
                capacity = max(<uint32_t> 64, capacity * 2)
            grown = realloc(block.index, <size_t> capacity * sizeof(uint32_t))
            if grown == NULL:
                raise MemoryError()
            block.index = <uint32_t*> grown
            block.index_capacity = capacity
        if place > block.span:
            memset(block.index + block.span, 0xFF, (place - block.span) * sizeof(uint32_t))
        block.index[place] = value
        block.span = place + 1
        return 0

    cdef void _shrink(self, Block* block) noexcept:
        """No sequence will be added to this block any more."""
        cdef void* less
        if block.span == 0:
            return
        less = realloc(block.index, <size_t> block.span * sizeof(uint32_t))
        if less != NULL:
            block.index = <uint32_t*> less
            block.index_capacity = block.span

    cdef void _retire(self, Block* block):
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

    cdef int _drop(self, Py_ssize_t place) except -1:
        """Forget a block in which nothing lives."""
        cdef Block* block = self.blocks[place]
        cdef uint64_t first_seq = block.first_seq
        cdef uint32_t generation = block.generation
        self._retire(block)
        if place == self.start:
            self.start += 1
        else:
            memmove(
                self.blocks + place, self.blocks + place + 1,
                (self.end - place - 1) * sizeof(Block*),
            )
            self.end -= 1
        self.recent = self.start
        free(block.index)
        free(block)
        if self.owner is not None:
            self.owner.dropped(first_seq, generation)
        return 0

    cdef int _compact(self, Block* block) except -1:
        """Copy what lives in a block that is in memory into a smaller one."""
        cdef Buffer buffer = new_buffer(max(<uint32_t> 8, block.size - block.dead))
        cdef Record record
        cdef uint32_t place
        cdef Py_ssize_t occupied
        for place in range(block.span):
            if block.index[place] == NEVER:
                continue
            if block.index[place] & GONE:
                block.index[place] = NEVER
                continue
            occupied = record_view(
                block.data + (<size_t> block.index[place] << 3),
                block.size - (<size_t> block.index[place] << 3), &record,
            )
            memcpy(
                buffer.data + buffer.used, block.data + (<size_t> block.index[place] << 3), occupied
            )
            block.index[place] = <uint32_t> (buffer.used >> 3)
            buffer.used += occupied
        self._retire(block)
        Py_INCREF(buffer)
        block.buffer = <void*> buffer
        block.data = buffer.data
        block.size = <uint32_t> buffer.used
        block.dead = 0
        self.resident += buffer.capacity
        return 0

    # --- appending ---

    cdef int append(self, Record* record) except -1:
        """Store a message under a sequence greater than all before."""
        cdef Py_ssize_t size = record_size(record)
        cdef Block* block
        cdef Block* full = NULL
        cdef Buffer buffer
        cdef uint64_t seq = record.seq
        assert seq > self.last_seq
        self._sweep()
        block = self.blocks[self.end - 1] if self.end > self.start else NULL
        if (
            block == NULL
            or seq - block.first_seq >= BLOCK_SPAN
            or seq - block.first_seq - block.span > GAP_MAX
            or (block.data == NULL or not block.checked) and not self._resume(block, size)
            or block.size + size > (<Buffer> block.buffer).capacity
        ):
            full = block
            if full != NULL:
                self._shrink(full)
            self._roll(seq, record.time_ns, size)
            block = self.blocks[self.end - 1]
        buffer = <Buffer> block.buffer
        self._index(block, seq, block.size >> 3)
        if self.memory:
            record_print(block.data + block.size, record)
        else:
            record_write(block.data + block.size, record, self.epoch)
        block.size += <uint32_t> size
        buffer.used = block.size
        block.live += 1
        block.headed |= record.header.size > 0
        if self.messages == 0:
            self.first_seq = seq
        self.last_seq = seq
        self.last_ns = record.time_ns
        self.messages += 1
        self.bytes_stored += message_bytes(record, self.memory)
        self.changes += 1
        if full != NULL:
            if full.live == 0 and full.lost == 0:
                self._drop(self.end - 2)
            elif self.owner is not None:
                self.owner.rolled(full.first_seq)
        return 0

    cdef int skip(self, uint64_t seq, int64_t now_ns) except -1:
        """Use up all sequences up to `seq`; `now_ns` 0 leaves the time of the last one."""
        if seq <= self.last_seq:
            return 0
        self.last_seq = seq
        if self.messages == 0:
            self.first_seq = seq + 1
        if now_ns:
            self.last_ns = now_ns
        self.changes += 1
        return 0

    # --- reading ---

    cdef int read(self, uint64_t seq, Record* out) except -1:
        """Point `out` at message `seq`; 0 if it is not there."""
        cdef Py_ssize_t place = self._find(seq)
        cdef Block* block
        self._sweep()
        if place < 0:
            return 0
        block = self.blocks[place]
        if seq - block.first_seq >= block.span:
            return 0
        return self._look(block, <uint32_t> (seq - block.first_seq), out)

    cdef int read_near(self, uint64_t seq, Record* out) except -1:
        """`read` without a search, for who goes through a stream; 0: `read` knows more."""
        cdef Block* block
        if self.recent < self.start or self.recent >= self.end or self.retired:
            return 0
        block = self.blocks[self.recent]
        if seq < block.first_seq or seq - block.first_seq >= block.span or block.data == NULL:
            return 0
        return self._look(block, <uint32_t> (seq - block.first_seq), out)

    cdef int _look(self, Block* block, uint32_t place, Record* out) except -1:
        """Point `out` at what the index names."""
        cdef uint32_t value = block.index[place]
        cdef size_t offset = <size_t> value << 3
        if value & GONE:
            return 0
        if block.data == NULL:
            return self._fetch(block, place, out)
        block.touched = True
        if block.checked:
            record_view(block.data + offset, block.size - offset, out)
            return 1
        if record_read(block.data + offset, block.size - offset, self.epoch, out) > 0:
            if out.seq == block.first_seq + place and out.owner == self.number:
                return 1
        return self._lose(block, place)

    cdef int _fetch(self, Block* block, uint32_t place, Record* out) except -1:
        """Read one record from disk, or the whole block when its neighbours were asked for too."""
        cdef size_t offset = <size_t> block.index[place] << 3
        cdef size_t end = block.size
        cdef uint32_t behind = place + 1
        cdef bytes raw
        block.misses += 1
        if block.misses >= LOAD_AFTER:
            self._load(block)
            return self._look(block, place, out)
        while behind < block.span:
            if block.index[behind] != NEVER:
                end = <size_t> (block.index[behind] & PLACE) << 3
                break
            behind += 1
        raw = self.owner.read_block(block.first_seq, block.generation, offset, end - offset)
        self.retired.append(raw)
        if record_read(PyBytes_AS_STRING(raw), len(raw), self.epoch, out) > 0:
            if out.seq == block.first_seq + place and out.owner == self.number:
                return 1
        return self._lose(block, place)

    cdef int _lose(self, Block* block, uint32_t place) except -1:
        """A record on disk is damaged: name it, go on without; the tree learns at the restart."""
        cdef uint64_t seq = block.first_seq + place
        cdef size_t offset = <size_t> block.index[place] << 3
        block.index[place] |= GONE | LOST
        block.live -= 1
        block.lost += 1
        self.messages -= 1
        if self.messages == 0:
            self.first_seq = self.last_seq + 1
            self.bytes_stored = 0
        elif seq == self.first_seq:
            self.first_seq = self.next_present(seq + 1)
        self.owner.damaged(seq, block.first_seq, offset)
        return 0

    cdef int _load(self, Block* block) except -1:
        """Bring a whole block into memory; a short file leaves zeros, which no check accepts."""
        cdef bytes raw = self.owner.read_block(block.first_seq, block.generation, 0, block.size)
        cdef Buffer buffer = new_buffer(block.size)
        memcpy(buffer.data, PyBytes_AS_STRING(raw), min(len(raw), <Py_ssize_t> block.size))
        buffer.used = block.size
        Py_INCREF(buffer)
        block.buffer = <void*> buffer
        block.data = buffer.data
        block.checked = False
        self.resident += buffer.capacity
        self.owner.loaded(block.first_seq, block.size)
        return 0

    cdef bint _resume(self, Block* block, Py_ssize_t size) except -1:
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
        self._retire(block)
        Py_INCREF(buffer)
        block.buffer = <void*> buffer
        block.data = buffer.data
        block.checked = True
        self.resident += buffer.capacity
        return True

    cdef uint64_t next_present(self, uint64_t seq) noexcept:
        """The first sequence from `seq` on that is there, or 0."""
        cdef Py_ssize_t at
        cdef Block* block
        cdef uint64_t place
        if self.messages == 0 or seq > self.last_seq:
            return 0
        if seq < self.first_seq:
            return self.first_seq
        at = max(self._find(seq), self.start)
        while at < self.end:
            block = self.blocks[at]
            if block.live:
                place = seq - block.first_seq if seq > block.first_seq else 0
                while place < block.span:
                    if not block.index[place] & GONE:
                        return block.first_seq + place
                    place += 1
            at += 1
        return 0

    cdef uint64_t next_headed(self, uint64_t seq) noexcept:
        """The first sequence from `seq` on that is there, in a block with headers, or 0."""
        cdef Py_ssize_t at
        seq = self.next_present(seq)
        while seq:
            at = self._find(seq)
            if self.blocks[at].headed:
                return seq
            if at + 1 == self.end:
                return 0
            seq = self.next_present(self.blocks[at + 1].first_seq)
        return 0

    cdef uint64_t previous_present(self, uint64_t seq) noexcept:
        """The last sequence up to `seq` that is there, or 0."""
        cdef Py_ssize_t at = self._find(seq)
        cdef Block* block
        cdef uint64_t place
        if self.messages == 0:
            return 0
        while at >= self.start:
            block = self.blocks[at]
            if block.live:
                place = min(seq - block.first_seq + 1, <uint64_t> block.span)
                while place > 0:
                    place -= 1
                    if not block.index[place] & GONE:
                        return block.first_seq + place
            at -= 1
        return 0

    cdef int next_match(
        self, Span pattern, uint64_t seq, Py_ssize_t limit, Record* out, uint64_t* reached
    ) except -1:
        """Find the first message from `seq` on whose subject matches `pattern`."""
        while True:
            seq = self.next_present(seq)
            if seq == 0:
                return 0
            reached[0] = seq
            if limit <= 0:
                return 2
            limit -= 1
            if self.read(seq, out) and subject_matches(pattern, out.subject):
                return 1
            seq += 1

    cdef int64_t first_time_ns(self) except? 0:
        """When the oldest message was stored; 0 if there is none."""
        cdef Record record
        cdef uint64_t seq = self.first_seq
        while self.messages and seq:
            if self.read(seq, &record):
                return record.time_ns
            seq = self.next_present(seq + 1)  # damaged on disk: the next one answers
        return 0

    cdef uint64_t seq_at(self, int64_t time_ns) except? 0:
        """The first sequence stored at or after `time_ns`, or 0."""
        cdef Py_ssize_t low = self.start
        cdef Py_ssize_t high = self.end
        cdef Py_ssize_t middle
        cdef Record record
        cdef uint64_t seq
        while low < high:  # the first block that begins at or after the time
            middle = (low + high) >> 1
            if self.blocks[middle].first_ns < time_ns:
                low = middle + 1
            else:
                high = middle
        seq = self.blocks[low - 1].first_seq if low > self.start else self.first_seq
        while True:
            seq = self.next_present(seq)
            if seq == 0:
                return 0
            if self.read(seq, &record) and record.time_ns >= time_ns:
                return seq
            seq += 1

    # --- removing ---

    cdef int remove(self, uint64_t seq, Record* out) except -1:
        """Message `seq` is gone; `out` still shows it until the next call."""
        cdef Py_ssize_t place
        cdef Block* block
        if not self.read(seq, out):
            return 0
        place = self._find(seq)
        block = self.blocks[place]
        block.index[seq - block.first_seq] |= GONE
        block.live -= 1
        block.dead += <uint32_t> record_size(out)
        self.messages -= 1
        self.bytes_stored -= message_bytes(out, self.memory)
        self.changes += 1
        if self.messages == 0:
            self.first_seq = self.last_seq + 1
        elif seq == self.first_seq:
            self.first_seq = self.next_present(seq + 1)
        if place < self.end - 1:
            if block.live == 0 and block.lost == 0:
                self._drop(place)
            elif self.memory and block.dead > block.size >> 1:
                self._compact(block)
        return 1

    # --- for the owner: what is in files ---

    def unwritten(self) -> list:
        """`(first_seq, generation, offset, bytes-like)` that no worker got yet; now one has it."""
        cdef Py_ssize_t place
        cdef Block* block
        cdef list out = []
        for place in range(self.start, self.end):
            block = self.blocks[place]
            if block.queued < block.size:
                out.append(self._queue(block))
        return out

    def unwritten_block(self, uint64_t first_seq):
        """The same of one block, or None."""
        cdef Py_ssize_t place = self._find(first_seq)
        if place < 0 or self.blocks[place].first_seq != first_seq:
            return None
        return self._queue(self.blocks[place]) if (
            self.blocks[place].queued < self.blocks[place].size
        ) else None

    cdef tuple _queue(self, Block* block):
        cdef uint32_t begin = block.queued
        block.queued = block.size
        return (
            block.first_seq,
            block.generation,
            begin,
            memoryview(<Buffer> block.buffer)[begin:block.size],
        )

    def written(self, uint64_t first_seq, uint32_t generation, uint32_t size) -> bool:
        """The file holds `size` bytes; true if that is all of the block."""
        cdef Py_ssize_t place = self._find(first_seq)
        cdef Block* block = self.blocks[place] if place >= 0 else NULL
        if block == NULL or block.first_seq != first_seq or block.generation != generation:
            return False  # it was dropped or compacted meanwhile
        block.written = max(block.written, size)
        return block.written == block.size

    def not_written(self) -> None:
        """A write failed: what a worker got counts for nothing, and goes into fresh files.

        A block that is only on disk stays where it is: it was written before.
        """
        cdef Py_ssize_t place
        cdef Block* block
        for place in range(self.start, self.end):
            block = self.blocks[place]
            if block.written < block.size:
                self.owner.dropped(block.first_seq, block.generation)
                block.generation += 1
                block.queued = block.written = 0

    def evict(self, uint64_t first_seq) -> bool:
        """Take a block out of memory; false if it is not all in its file."""
        cdef Py_ssize_t place = self._find(first_seq)
        cdef Block* block = self.blocks[place] if place >= 0 else NULL
        if block == NULL or block.first_seq != first_seq or block.written != block.size:
            return False
        self._retire(block)
        self._sweep()
        return True

    def touched(self, uint64_t first_seq) -> bool:
        """True if the block was read since the last time this was asked."""
        cdef Py_ssize_t place = self._find(first_seq)
        cdef Block* block = self.blocks[place] if place >= 0 else NULL
        if block == NULL or block.first_seq != first_seq or not block.touched:
            return False
        block.touched = False
        return True

    def compactable(self, Py_ssize_t limit) -> list:
        """First sequences of up to `limit` blocks whose files are more than half removed."""
        cdef Py_ssize_t place
        cdef Block* block
        cdef list out = []
        for place in range(self.start, self.end - 1):
            block = self.blocks[place]
            if (
                block.dead > block.size >> 1 and block.written == block.size
                and block.live and not block.lost and len(out) < limit
            ):
                out.append(block.first_seq)
        return out

    def compact(self, uint64_t first_seq) -> bool:
        """Copy what lives in a block together; it is to be written to a new file."""
        cdef Block* block = self._block(first_seq)
        cdef Record record
        cdef uint32_t place
        assert not self.memory
        assert block.written == block.size
        if block.data == NULL:
            self._load(block)
        if block.data == NULL:  # the cache had no room for it
            return False
        if not block.checked:
            for place in range(block.span):  # a damaged record must not get a good checksum
                if not block.index[place] & GONE and not self._look(block, place, &record):
                    return False
        self._compact(block)
        self.owner.dropped(block.first_seq, block.generation)
        block.generation += 1
        block.queued = block.written = 0
        block.checked = True
        self.changes += 1
        return True

    def snapshot(self) -> bytes:
        """The table of blocks for a checkpoint: a BlockRow each, and bits of what was removed."""
        cdef Py_ssize_t at
        cdef Block* block
        cdef BlockRow row
        cdef bytearray out = bytearray()
        cdef bytearray bits
        cdef uint32_t place
        for at in range(self.start, self.end):
            block = self.blocks[at]
            memset(&row, 0, sizeof(BlockRow))
            row.first_seq = block.first_seq
            row.first_ns = block.first_ns
            row.generation = block.generation
            row.span = block.span
            row.size = block.size
            row.live = block.live + block.lost
            bits = None
            if block.dead:
                bits = bytearray((block.span + 7) >> 3)
                for place in range(block.span):
                    if block.index[place] != NEVER and block.index[place] & (GONE | LOST) == GONE:
                        bits[place >> 3] |= 1 << (place & 7)
                row.gone_bytes = <uint32_t> len(bits)
            out += (<char*> &row)[:sizeof(BlockRow)]
            if bits is not None:
                out += bits
        return bytes(out)

    def restore(self, tuple row not None, bytes data not None, SubjectTree tree not None) -> list:
        """Take a block back from its file, all but its bytes, and count its subjects.

        `row` as `block_rows` gave it. Damage comes back as `(offset, last seq before)`.
        """
        cdef Block* block
        cdef Record record
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t size, occupied
        cdef const char* raw = PyBytes_AS_STRING(data)
        cdef const unsigned char* bits = NULL
        cdef Py_ssize_t bits_size = 0
        cdef uint64_t place
        cdef uint64_t before = 0
        cdef list damage = []
        first_seq, first_ns, generation, span, length, live, gone = row
        if self.end > self.start and first_seq <= self.blocks[self.end - 1].first_seq:
            raise StoreError(f"block {first_seq} of stream {self.number} is listed out of order")
        self._roll(first_seq, first_ns, 0)
        block = self.blocks[self.end - 1]
        block.generation = generation
        block.size = block.queued = block.written = length
        bits = <const unsigned char*> PyBytes_AS_STRING(gone)
        bits_size = len(gone)
        size = min(len(data), <Py_ssize_t> block.size)
        while at < size:
            occupied = record_read(raw + at, size - at, self.epoch, &record)
            place = record.seq - block.first_seq if occupied > 0 else 0
            if (
                occupied <= 0 or record.owner != self.number or record.seq <= before
                or place >= <uint64_t> span
            ):
                damage.append((at, before))
                at = record_resync(raw, at, size, self.epoch)
                if at < 0:
                    break
                continue
            before = record.seq
            block.headed |= record.header.size > 0
            self._index(block, record.seq, <uint32_t> (at >> 3))
            if <Py_ssize_t> (place >> 3) < bits_size and bits[place >> 3] >> (place & 7) & 1:
                block.index[place] |= GONE
                block.dead += <uint32_t> occupied
            else:
                if self.messages == 0:
                    self.first_seq = record.seq
                block.live += 1
                self.messages += 1
                self.bytes_stored += message_bytes(&record, False)
                self.last_ns = record.time_ns
                tree.add(record.subject, record.seq)
            at += occupied
        if len(data) < <Py_ssize_t> block.size:
            damage.append((len(data), before))
        if block.live < live:
            block.lost = live - block.live
        self.last_seq = max(self.last_seq, <uint64_t> (first_seq + span - 1))
        self._shrink(block)
        return damage

    def restored(self, uint64_t first_seq, uint64_t last_seq, int64_t last_ns) -> None:
        """All blocks are back: what the checkpoint says beside them."""
        self.last_seq = max(self.last_seq, last_seq)
        self.last_ns = max(self.last_ns, last_ns)
        if self.messages == 0:
            self.first_seq = max(first_seq, self.last_seq + 1) if self.last_seq else first_seq

    def files(self) -> list:
        """`(first_seq, generation, bytes)` of every block."""
        return [
            (self.blocks[at].first_seq, self.blocks[at].generation, self.blocks[at].size)
            for at in range(self.start, self.end)
        ]

    # --- for Python: requests, the owner's work, tests ---

    @property
    def first_ns(self) -> int:
        """When the oldest message was stored; 0 if there is none."""
        return self.first_time_ns()

    @property
    def deleted_count(self) -> int:
        """Sequences between first and last that are not there."""
        return self.last_seq - self.first_seq + 1 - self.messages if self.messages else 0

    def add(
        self,
        bytes subject not None,
        bytes payload not None=b"",
        *,
        bytes header not None=b"",
        int64_t time_ns=0,
        uint64_t seq=0,
    ) -> int:
        """Append a message and return its sequence: `seq`, or the next one."""
        cdef Record record
        memset(&record, 0, sizeof(Record))
        record.kind = RECORD_MESSAGE
        record.owner = self.number
        record.seq = seq if seq else self.last_seq + 1
        record.time_ns = time_ns
        record.subject = span_of(subject)
        record.header = span_of(header)
        record.payload = span_of(payload)
        if record.seq <= self.last_seq:
            raise StoreError(f"sequence {record.seq}: the last one used is {self.last_seq}")
        self.append(&record)
        return record.seq

    def use_up(self, uint64_t seq, int64_t now_ns=0) -> None:
        """No message gets a sequence up to `seq` any more."""
        self.skip(seq, now_ns)

    def get(self, uint64_t seq):
        """Message `seq` as an `Entry`, or None."""
        cdef Record record
        return entry_of(&record) if self.read(seq, &record) else None

    def discard(self, uint64_t seq, SubjectTree tree=None):
        """Remove message `seq`, also from `tree`; the `Entry` it was, or None."""
        cdef Record record
        if not self.remove(seq, &record):
            return None
        if tree is not None:
            tree.remove(record.subject, seq)
        return entry_of(&record)

    def erase(self, uint64_t seq):
        """Overwrite header and payload of message `seq` with zeros; it is to be removed next.

        `(first_seq, generation, offset, bytes)` of what its block's file may hold; None: of none.
        """
        cdef Record record
        cdef Py_ssize_t place = self._find(seq)
        cdef Block* block
        cdef bytes erased, header, payload
        cdef size_t offset
        if not self.read(seq, &record):
            return None
        block = self.blocks[place]
        offset = <size_t> (block.index[seq - block.first_seq] & PLACE) << 3
        header = bytes(record.header.size)
        payload = bytes(record.payload.size)
        record.header = span_of(header)
        record.payload = span_of(payload)
        record.crc = 0
        erased = bytes(record_size(&record))
        if self.memory:
            record_print(PyBytes_AS_STRING(erased), &record)
        else:
            record_write(PyBytes_AS_STRING(erased), &record, self.epoch)
        if block.data != NULL:
            memcpy(block.data + offset, PyBytes_AS_STRING(erased), len(erased))
        if self.memory or block.queued <= offset:
            return None
        return block.first_seq, block.generation, offset, erased

    def trim(self, uint64_t seq, SubjectTree tree not None, Py_ssize_t limit=1 << 62) -> int:
        """Remove the oldest messages below `seq`, at most `limit` of them; how many went."""
        return trim(self, tree, seq, limit)

    def purge(self, SubjectTree tree not None) -> int:
        """Remove everything at once, whatever its size; how many went."""
        cdef uint64_t count = self.messages
        self._sweep()
        while self.end > self.start:
            self.messages -= self.blocks[self.end - 1].live
            self._drop(self.end - 1)
        assert self.messages == 0
        self.bytes_stored = 0
        self.first_seq = self.last_seq + 1 if self.last_seq else self.first_seq
        self.changes += 1
        tree.clear()
        return count

    def purge_matching(
        self,
        SubjectTree tree not None,
        bytes pattern not None,
        uint64_t below,
        uint64_t start=0,
        Py_ssize_t limit=1 << 62,
    ) -> tuple[int, int]:
        """Remove what `pattern` matches from `start` on, below `below`; look at `limit` messages.

        `(how many went, where to go on)`; 0: done.
        """
        cdef Record record
        cdef uint64_t seq = start
        cdef uint64_t reached = 0
        cdef Py_ssize_t count = 0
        cdef int found
        while True:
            found = self.next_match(span_of(pattern), seq, 1, &record, &reached)
            if found == 0 or reached >= below:
                return count, 0
            seq = reached + 1
            if found == 1:
                self.remove(reached, &record)
                tree.remove(record.subject, reached)
                count += 1
            elif found == 2:
                seq = reached
            limit -= 1
            if limit <= 0:
                return count, seq

    def next_seq(self, uint64_t seq) -> int:
        """The first sequence from `seq` on that is there, or 0."""
        return self.next_present(seq)

    def previous_seq(self, uint64_t seq) -> int:
        """The last sequence up to `seq` that is there, or 0."""
        return self.previous_present(seq)

    def seq_since(self, int64_t time_ns) -> int:
        """The first sequence stored at or after `time_ns`, or 0."""
        return self.seq_at(time_ns)

    def find(self, bytes pattern not None, uint64_t seq=0, Py_ssize_t limit=1 << 62):
        """`(entry, seq)` of the next match; `(None, seq)`: limit reached; `(None, 0)`: none."""
        cdef Record record
        cdef uint64_t reached = 0
        cdef int found = self.next_match(span_of(pattern), seq, limit, &record, &reached)
        return entry_of(&record) if found == 1 else None, reached if found else 0

    def ends(self, SubjectTree tree not None, bytes subject not None):
        """`(first, last, count)` of a literal subject, both ends exact; None if it has none."""
        cdef SubjectEntry* entry = exact(self, tree, span_of(subject))
        return (entry.first_seq, entry.last_seq, entry.count) if entry != NULL else None


def block_rows(bytes table not None) -> list:
    """`(first_seq, first_ns, generation, span, size, live, gone bits)` of a snapshot."""
    cdef BlockRow row
    cdef Py_ssize_t at = 0
    cdef list out = []
    while at < len(table):
        if len(table) - at < <Py_ssize_t> sizeof(BlockRow):
            raise StoreError("table of blocks ends in the middle of a row")
        memcpy(&row, PyBytes_AS_STRING(table) + at, sizeof(BlockRow))
        at += sizeof(BlockRow)
        if len(table) - at < row.gone_bytes:
            raise StoreError("table of blocks ends in the middle of a row")
        out.append((
            row.first_seq, row.first_ns, row.generation, row.span, row.size, row.live,
            table[at:at + row.gone_bytes],
        ))
        at += row.gone_bytes
    return out


cdef Py_ssize_t trim(
    StreamLog log, SubjectTree tree, uint64_t seq, Py_ssize_t limit
) except -1:
    """Remove the oldest messages below `seq` from log and tree; how many went."""
    cdef Record record
    cdef Py_ssize_t count = 0
    while count < limit and log.messages and log.first_seq < seq:
        if log.remove(log.first_seq, &record):
            tree.remove(record.subject, record.seq)
            count += 1
    if count < limit:
        _forget_lost(log, seq)
    return count


cdef int _forget_lost(StreamLog log, uint64_t below) except -1:
    """What could not be read is removed, too: it must not come back when it can be read again."""
    cdef Py_ssize_t at = log.end - 1
    cdef Block* block
    cdef uint32_t place
    while at >= log.start:
        block = log.blocks[at]
        if block.lost and block.first_seq < below:
            for place in range(block.span):
                if block.first_seq + place >= below:
                    break
                if block.index[place] != NEVER and block.index[place] & LOST:
                    block.index[place] &= ~<uint32_t> LOST
                    block.lost -= 1
                    block.dead += 8  # its size cannot be read; that it is dead must be known
            if block.first_seq + block.span <= below:
                block.lost = 0
            if block.live == 0 and block.lost == 0 and at < log.end - 1:
                log._drop(at)
        at -= 1
    return 0


cdef SubjectEntry* exact(StreamLog log, SubjectTree tree, Span subject) except? NULL:
    """The entry of `subject` after looking up an end that a removal left stale."""
    cdef SubjectEntry* entry = tree.find(subject)
    cdef Record record
    cdef uint64_t seq = 0
    if entry == NULL or entry.stale == 0:
        return entry
    if entry.stale & STALE_FIRST and log.next_match(
        subject, entry.first_seq, <Py_ssize_t> 1 << 62, &record, &seq
    ):
        entry.first_seq = seq
    if entry.stale & STALE_LAST:
        seq = entry.last_seq
        while True:
            seq = log.previous_present(seq)
            if seq < entry.first_seq:
                break  # lost to damage: nothing newer is known
            if log.read(seq, &record) and subject_matches(subject, record.subject):
                entry.last_seq = seq
                break
            seq -= 1
    entry.stale = 0
    return entry
