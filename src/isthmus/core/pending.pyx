# cython: boundscheck=False, wraparound=False, cdivision=True
"""The unacknowledged messages of one consumer; see `pending.pxd` for the picture.

Owns entries and their order. Knows no subjects, no storage, no policy and no clock: callers pass
times. `count` is the number the server reports as `num_ack_pending`.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memset

cdef enum:
    CHUNK_BITS = 10
    CHUNK_SIZE = 1024
    TABLE_BITS_MIN = 6


cdef int _by_seq(const void* left, const void* right) noexcept nogil:
    cdef uint64_t one = (<Delivery**> left)[0].seq
    cdef uint64_t other = (<Delivery**> right)[0].seq
    return -1 if one < other else (1 if one > other else 0)


cdef class Pending:
    """Entries are added in ascending order of their sequence (which deliveries are)."""

    def __cinit__(self):
        self.used = 1               # index 0 means none

    def __dealloc__(self):
        self._release()

    def __len__(self) -> int:
        return self.count

    def sequences(self) -> list[int]:
        """What is pending, oldest first."""
        cdef list out = []
        cdef Delivery* entry = self.first()
        while entry != NULL:
            out.append(entry.seq)
            entry = self.next(entry)
        return out

    def queued(self) -> list[int]:
        """What waits for redelivery, in that order."""
        cdef list out = []
        cdef uint32_t index = self.queue.first
        while index:
            out.append(self.at(index).seq)
            index = self.at(index).after
        return out

    @property
    def spent_count(self) -> int:
        """Messages that were delivered as often as they may be."""
        return self.spent.size

    def check(self) -> None:
        """Assert the invariants."""
        cdef Delivery* entry = self.first()
        cdef Delivery* follower
        cdef Py_ssize_t count = 0, heaped = 0, index, slots = 0
        while entry != NULL:
            count += 1
            assert entry.place in (LINE, HEAP, QUEUE), entry.place
            assert self.find(entry.seq) == entry, entry.seq
            follower = self.next(entry)
            assert follower == NULL or follower.seq > entry.seq
            assert follower == NULL or follower.older == entry.index
            if entry.place == HEAP:
                heaped += 1
                assert self.heap[entry.before] == entry.index
            entry = follower
        assert count == self.count, (count, self.count)
        assert heaped == self.heap_size, (heaped, self.heap_size)
        assert count == self.line.size + self.queue.size + heaped
        for index in range(1, self.heap_size):
            assert self.at(self.heap[(index - 1) // 2]).due_ns <= self.at(self.heap[index]).due_ns
        if self.table != NULL:
            for index in range(<Py_ssize_t> self.table_mask + 1):
                slots += self.table[index] != 0
        assert slots == self.count + self.spent.size, (slots, self.count)

    cdef inline Delivery* at(self, uint32_t index) noexcept:
        return &self.chunks[index >> CHUNK_BITS][index & (CHUNK_SIZE - 1)]

    cdef Delivery* find(self, uint64_t seq) noexcept:
        cdef Delivery* entry = self.find_tracked(seq)
        return NULL if entry == NULL or entry.place == SPENT else entry

    cdef Delivery* find_tracked(self, uint64_t seq) noexcept:
        cdef uint64_t slot
        cdef Delivery* entry
        if self.count + self.spent.size == 0:
            return NULL
        slot = _home(seq, self.table_shift)
        while self.table[slot]:
            entry = self.at(self.table[slot])
            if entry.seq == seq:
                return entry
            slot = (slot + 1) & self.table_mask
        return NULL

    cdef Delivery* first(self) noexcept:
        return self.at(self.oldest) if self.oldest else NULL

    cdef Delivery* first_spent(self) noexcept:
        return self.at(self.spent.first) if self.spent.first else NULL

    cdef Delivery* next(self, Delivery* entry) noexcept:
        return self.at(entry.newer) if entry.newer else NULL

    cdef Delivery* next_spent(self, Delivery* entry) noexcept:
        return self.at(entry.after) if entry.after else NULL

    cdef Delivery* add(
        self, uint64_t seq, uint64_t consumer_seq, int64_t now_ns, int64_t due_ns
    ) except NULL:
        """A first delivery. What was known of `seq` (it had been spent) is forgotten."""
        cdef Delivery* entry = self.find_tracked(seq)
        cdef uint64_t slot
        if entry != NULL:
            self.remove(entry)
        if self.table == NULL or <uint64_t> (self.count + self.spent.size) * 2 > self.table_mask:
            self._grow_table()
        entry = self._take()
        entry.seq = seq
        entry.consumer_seq = consumer_seq
        entry.time_ns = now_ns
        entry.deliveries = 1
        entry.place = NOWHERE
        slot = _home(seq, self.table_shift)
        while self.table[slot]:
            slot = (slot + 1) & self.table_mask
        self.table[slot] = entry.index
        # ascending in all but the rarest cases (a consumer set back), which walk
        entry.newer = 0
        entry.older = self.newest
        while entry.older and self.at(entry.older).seq > seq:
            entry.newer = entry.older
            entry.older = self.at(entry.older).older
        if entry.older:
            self.at(entry.older).newer = entry.index
        else:
            self.oldest = entry.index
        if entry.newer:
            self.at(entry.newer).older = entry.index
        else:
            self.newest = entry.index
        self.count += 1
        self.schedule(entry, due_ns)
        return entry

    cdef int remove(self, Delivery* entry) except -1:
        """Forget an entry, pending or spent; the pointer is dead afterwards."""
        if entry.deliveries > 1:
            self.redelivered -= 1
        if entry.place == SPENT:
            self._unlink(&self.spent, entry)
        else:
            self._detach(entry)
            self._leave_order(entry)
            self.count -= 1
        self._forget(entry)
        return 0

    cdef int spend(self, Delivery* entry) except -1:
        """Never again: not pending any more, but its count stays known."""
        cdef uint32_t before = self.spent.last
        self._detach(entry)
        self._leave_order(entry)
        entry.place = SPENT
        self.count -= 1
        # they come nearly in order
        while before and self.at(before).seq > entry.seq:
            before = self.at(before).before
        if before == self.spent.last:
            self._link(&self.spent, entry)
            return 0
        entry.before = before
        entry.after = self.at(before).after if before else self.spent.first
        self.at(entry.after).before = entry.index
        if before:
            self.at(before).after = entry.index
        else:
            self.spent.first = entry.index
        self.spent.size += 1
        return 0

    cdef int count_delivery(self, Delivery* entry, int64_t now_ns) except -1:
        """It goes out once more."""
        if entry.deliveries == 1:
            self.redelivered += 1
        entry.deliveries += 1
        entry.time_ns = now_ns
        return 0

    cdef int schedule(self, Delivery* entry, int64_t due_ns) except -1:
        """(Re)start its wait, which ends at `due_ns`."""
        self._detach(entry)
        entry.due_ns = due_ns
        if self.line.last == 0 or self.at(self.line.last).due_ns <= due_ns:
            entry.place = LINE
            self._link(&self.line, entry)
        else:
            entry.place = HEAP
            self._heap_push(entry)
        return 0

    cdef int enqueue(self, Delivery* entry) except -1:
        """To the back of the redelivery queue, unless it is queued already."""
        if entry.place == QUEUE:
            return 0
        self._detach(entry)
        entry.place = QUEUE
        self._link(&self.queue, entry)
        return 0

    cdef Delivery* front(self) noexcept:
        return self.at(self.queue.first) if self.queue.first else NULL

    cdef int64_t next_due_ns(self) noexcept:
        cdef int64_t due_ns = 0
        if self.line.first:
            due_ns = self.at(self.line.first).due_ns
        if self.heap_size and (due_ns == 0 or self.at(self.heap[0]).due_ns < due_ns):
            due_ns = self.at(self.heap[0]).due_ns
        return due_ns

    cdef Py_ssize_t take_due(self, int64_t now_ns, Delivery** out, Py_ssize_t room) except -1:
        """Up to `room` entries whose wait is over, by sequence; the caller finds them a place."""
        cdef Py_ssize_t found = 0
        cdef Delivery* entry
        while found < room:
            if self.heap_size and self.at(self.heap[0]).due_ns <= now_ns:
                entry = self.at(self.heap[0])
            elif self.line.first and self.at(self.line.first).due_ns <= now_ns:
                entry = self.at(self.line.first)
            else:
                break
            self._detach(entry)
            out[found] = entry
            found += 1
        if found > 1:
            qsort(out, found, sizeof(Delivery*), _by_seq)
        return found

    cdef int clear(self) except -1:
        """Forget everything."""
        self._release()
        return 0

    def _release(self):
        cdef Py_ssize_t index
        for index in range(self.chunk_count):
            free(self.chunks[index])
        free(self.chunks)
        free(self.table)
        free(self.heap)
        self.chunks = NULL
        self.table = NULL
        self.heap = NULL
        self.chunk_count = self.heap_size = self.heap_capacity = 0
        self.count = self.redelivered = 0
        self.used = 1
        self.free_list = self.oldest = self.newest = 0
        memset(&self.line, 0, sizeof(Chain))
        memset(&self.queue, 0, sizeof(Chain))
        memset(&self.spent, 0, sizeof(Chain))

    # --- line, queue and heap ---

    cdef void _detach(self, Delivery* entry) noexcept:
        """Out of line, heap or queue."""
        if entry.place == LINE:
            self._unlink(&self.line, entry)
        elif entry.place == QUEUE:
            self._unlink(&self.queue, entry)
        elif entry.place == HEAP:
            self._heap_remove(entry)
        entry.place = NOWHERE

    cdef void _link(self, Chain* chain, Delivery* entry) noexcept:
        entry.after = 0
        entry.before = chain.last
        if chain.last:
            self.at(chain.last).after = entry.index
        else:
            chain.first = entry.index
        chain.last = entry.index
        chain.size += 1

    cdef void _unlink(self, Chain* chain, Delivery* entry) noexcept:
        if entry.before:
            self.at(entry.before).after = entry.after
        else:
            chain.first = entry.after
        if entry.after:
            self.at(entry.after).before = entry.before
        else:
            chain.last = entry.before
        chain.size -= 1

    cdef int _heap_push(self, Delivery* entry) except -1:
        cdef uint32_t* heap
        cdef Py_ssize_t capacity
        if self.heap_size == self.heap_capacity:
            capacity = self.heap_capacity * 2 if self.heap_capacity else 64
            heap = <uint32_t*> realloc(self.heap, capacity * sizeof(uint32_t))
            if heap == NULL:
                raise MemoryError
            self.heap = heap
            self.heap_capacity = capacity
        self.heap[self.heap_size] = entry.index
        entry.before = <uint32_t> self.heap_size
        self.heap_size += 1
        self._heap_up(self.heap_size - 1)
        return 0

    cdef void _heap_remove(self, Delivery* entry) noexcept:
        cdef Py_ssize_t at = entry.before
        cdef uint32_t last
        self.heap_size -= 1
        if at == self.heap_size:
            return
        last = self.heap[self.heap_size]
        self.heap[at] = last
        self.at(last).before = <uint32_t> at
        self._heap_up(at)
        self._heap_down(self.at(last).before)

    cdef void _heap_up(self, Py_ssize_t at) noexcept:
        cdef uint32_t moving = self.heap[at]
        cdef int64_t due_ns = self.at(moving).due_ns
        cdef Py_ssize_t parent
        while at > 0:
            parent = (at - 1) // 2
            if self.at(self.heap[parent]).due_ns <= due_ns:
                break
            self.heap[at] = self.heap[parent]
            self.at(self.heap[at]).before = <uint32_t> at
            at = parent
        self.heap[at] = moving
        self.at(moving).before = <uint32_t> at

    cdef void _heap_down(self, Py_ssize_t at) noexcept:
        cdef uint32_t moving = self.heap[at]
        cdef int64_t due_ns = self.at(moving).due_ns
        cdef Py_ssize_t child
        while True:
            child = 2 * at + 1
            if child >= self.heap_size:
                break
            if child + 1 < self.heap_size and (
                self.at(self.heap[child + 1]).due_ns < self.at(self.heap[child]).due_ns
            ):
                child += 1
            if self.at(self.heap[child]).due_ns >= due_ns:
                break
            self.heap[at] = self.heap[child]
            self.at(self.heap[at]).before = <uint32_t> at
            at = child
        self.heap[at] = moving
        self.at(moving).before = <uint32_t> at

    # --- slab, table and order ---

    cdef void _leave_order(self, Delivery* entry) noexcept:
        if entry.older:
            self.at(entry.older).newer = entry.newer
        else:
            self.oldest = entry.newer
        if entry.newer:
            self.at(entry.newer).older = entry.older
        else:
            self.newest = entry.older

    cdef Delivery* _take(self) except NULL:
        """A free entry; only its `index` is meaningful."""
        cdef Delivery* entry
        cdef Delivery* chunk
        cdef Delivery** chunks
        if self.free_list:
            entry = self.at(self.free_list)
            self.free_list = entry.newer
            return entry
        if self.used >> CHUNK_BITS >= <uint32_t> self.chunk_count:
            chunks = <Delivery**> realloc(
                self.chunks, (self.chunk_count + 1) * sizeof(Delivery*)
            )
            if chunks == NULL:
                raise MemoryError
            self.chunks = chunks
            chunk = <Delivery*> malloc(CHUNK_SIZE * sizeof(Delivery))
            if chunk == NULL:
                raise MemoryError
            self.chunks[self.chunk_count] = chunk
            self.chunk_count += 1
        entry = self.at(self.used)
        entry.index = self.used
        self.used += 1
        return entry

    cdef void _forget(self, Delivery* entry) noexcept:
        """Out of the table, closing the gap, and back to the slab."""
        cdef uint64_t hole = _home(entry.seq, self.table_shift), slot, home
        while self.table[hole] != entry.index:
            hole = (hole + 1) & self.table_mask
        slot = hole
        while True:
            slot = (slot + 1) & self.table_mask
            if self.table[slot] == 0:
                break
            home = _home(self.at(self.table[slot]).seq, self.table_shift)
            if ((slot - home) & self.table_mask) >= ((slot - hole) & self.table_mask):
                self.table[hole] = self.table[slot]
                hole = slot
        self.table[hole] = 0
        entry.place = NOWHERE
        entry.newer = self.free_list
        self.free_list = entry.index

    cdef int _grow_table(self) except -1:
        cdef int bits = 64 - self.table_shift + 1 if self.table != NULL else TABLE_BITS_MIN
        cdef uint64_t capacity = <uint64_t> 1 << bits
        cdef uint64_t index, slot
        cdef uint32_t* table = <uint32_t*> calloc(capacity, sizeof(uint32_t))
        if table == NULL:
            raise MemoryError
        if self.table != NULL:
            for index in range(self.table_mask + 1):
                if self.table[index]:
                    slot = _home(self.at(self.table[index]).seq, 64 - bits)
                    while table[slot]:
                        slot = (slot + 1) & (capacity - 1)
                    table[slot] = self.table[index]
            free(self.table)
        self.table = table
        self.table_shift = 64 - bits
        self.table_mask = capacity - 1
        return 0


cdef inline uint64_t _home(uint64_t seq, int shift) noexcept nogil:
    # Fibonacci hashing: neighbours in a stream land far apart, and rarely on each other
    return (seq * <uint64_t> 0x9E3779B97F4A7C15) >> shift
