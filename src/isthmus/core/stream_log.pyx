# cython: boundscheck=False, wraparound=False, cdivision=True
"""Messages of one stream; see `stream_log.pxd` for the picture.

Owns what is there and what was used. Knows no file and no policy: limits, expiry and what is
written when belong to others. Invariant: `messages` sequences are present, all between `first_seq`
and `last_seq`; a sequence that was used is never given to another message.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from isthmus.core.block cimport GONE, LOST, Block, enter, shrink
from isthmus.core.block_list cimport BlockList, place_of, sweep
from isthmus.core.buffer cimport Buffer
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span_of
from isthmus.core.segment cimport (
    RECORD_MESSAGE, Record, entry_of, record_print, record_size, record_view, record_write
)
from isthmus.core.subject_tree cimport SubjectTree

from isthmus.base.errors import StoreError

cdef enum:
    BLOCK_BYTES = 1048576       # of a block, unless one record is larger
    BLOCK_SPAN = 65536          # sequences in a block at most
    GAP_MAX = 1024              # unused sequences in a row that an index bridges


cdef uint64_t message_bytes(const Record* record, bint memory) noexcept nogil:
    """What one message counts in `state.bytes`."""
    cdef uint64_t out = record.subject.size + record.header.size + record.payload.size
    if memory:
        return out + 16
    return out + (34 if record.header.size else 30)


cdef class StreamLog(BlockList):
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
        BlockList.__init__(self, number, owner, epoch, block_bytes)
        self.last_seq = first_seq - 1
        self.first_seq = first_seq if first_seq > 1 else 0

    # --- appending ---

    cdef int append(self, Record* record) except -1:
        """Store a message under a sequence greater than all before."""
        cdef Py_ssize_t size = record_size(record)
        cdef Block* block
        cdef Block* full = NULL
        cdef Buffer buffer
        cdef uint64_t seq = record.seq
        assert seq > self.last_seq
        sweep(self)
        block = self.blocks[self.end - 1] if self.end > self.start else NULL
        if (
            block == NULL
            or seq - block.first_seq >= BLOCK_SPAN
            or seq - block.first_seq - block.span > GAP_MAX
            or (block.data == NULL or not block.checked) and not self.resume(block, size)
            or block.size + size > (<Buffer> block.buffer).capacity
        ):
            full = block
            if full != NULL:
                shrink(full)
            block = self.begin(seq, record.time_ns, size)
        buffer = <Buffer> block.buffer
        enter(block, seq, block.size >> 3)
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
                self.drop(self.end - 2)
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
        cdef Py_ssize_t place = place_of(self, seq)
        cdef Block* block
        sweep(self)
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
        if block.data != NULL and block.checked:
            block.touched = True
            record_view(block.data + offset, block.size - offset, out)
            return 1
        if self.fetch(block, place, out):
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

    cdef uint64_t next_present(self, uint64_t seq) noexcept:
        """The first sequence from `seq` on that is there, or 0."""
        cdef Py_ssize_t at
        cdef Block* block
        cdef uint64_t place
        if self.messages == 0 or seq > self.last_seq:
            return 0
        if seq < self.first_seq:
            return self.first_seq
        at = max(place_of(self, seq), self.start)
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
            at = place_of(self, seq)
            if self.blocks[at].headed:
                return seq
            if at + 1 == self.end:
                return 0
            seq = self.next_present(self.blocks[at + 1].first_seq)
        return 0

    cdef uint64_t previous_present(self, uint64_t seq) noexcept:
        """The last sequence up to `seq` that is there, or 0."""
        cdef Py_ssize_t at = place_of(self, seq)
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
        place = place_of(self, seq)
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
                self.drop(place)
            elif self.memory and block.dead > block.size >> 1:
                self.compact(block)
        return 1

    # --- for Python: requests, tests ---

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

    def restored(self, uint64_t first_seq, uint64_t last_seq, int64_t last_ns) -> None:
        """All messages are back: what was kept beside them."""
        self.last_seq = max(self.last_seq, last_seq)
        self.last_ns = max(self.last_ns, last_ns)
        if self.messages == 0:
            self.first_seq = max(first_seq, self.last_seq + 1) if self.last_seq else first_seq

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
