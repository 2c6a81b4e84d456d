"""What one consumer has delivered and nobody has acknowledged yet.

        slab     chunks of entries; an entry keeps its place, so pointers to it hold
        table    stream sequence ─► entry                             open addressing
        order    oldest ⇄ … ⇄ newest     by first delivery, that is by sequence: floors
        line     first due ⇄ … ⇄ last    waits that end in the order they began: the usual case
        heap     waits that end before the line's last: NAK with a delay, backoff
        queue    front ⇄ … ⇄ back        due again, waiting for somebody who asks
        spent    oldest ⇄ … ⇄ newest     not pending: see below

An entry is in the table and in `order` exactly while it is pending, and then in one of line, heap
and queue. A message that was delivered as often as it may be is `spent`: no longer pending, but its
count of deliveries is known until it is acknowledged or gone (the server counts it as redelivered).

At 64 bytes an entry, a million unacknowledged messages take 64 MB and 8 MB of table.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cimport cython

cdef enum:
    PENDING_MAX = 16_777_216    # entries, where max_ack_pending sets no bound

cdef enum Place:
    NOWHERE = 0
    LINE = 1
    HEAP = 2
    QUEUE = 3
    SPENT = 4


cdef struct Delivery:
    uint64_t seq                # in the stream
    uint64_t consumer_seq       # of its first delivery
    int64_t time_ns             # of its last delivery or sign of progress
    int64_t due_ns
    uint32_t deliveries
    uint32_t index              # its own number in the slab
    uint32_t older              # in `order`; 0: none
    uint32_t newer
    uint32_t before             # in line or queue; in the heap, its position
    uint32_t after
    uint8_t place


cdef struct Chain:
    uint32_t first
    uint32_t last
    Py_ssize_t size


@cython.final
cdef class Pending:
    cdef readonly Py_ssize_t count            # pending
    cdef readonly Py_ssize_t redelivered      # tracked, and delivered more than once
    cdef Delivery** chunks
    cdef Py_ssize_t chunk_count
    cdef uint32_t used                        # entries ever taken from the slab
    cdef uint32_t free_list
    cdef uint32_t* table
    cdef int table_shift                      # 64 - log2(capacity)
    cdef uint64_t table_mask
    cdef uint32_t oldest
    cdef uint32_t newest
    cdef Chain line
    cdef Chain queue
    cdef Chain spent                          # by sequence
    cdef uint32_t* heap
    cdef Py_ssize_t heap_size
    cdef Py_ssize_t heap_capacity

    cdef Delivery* at(self, uint32_t index) noexcept
    cdef Delivery* find(self, uint64_t seq) noexcept              # NULL: not pending
    cdef Delivery* find_tracked(self, uint64_t seq) noexcept      # spent ones too
    cdef Delivery* first(self) noexcept                           # the oldest pending, or NULL
    cdef Delivery* first_spent(self) noexcept                     # the oldest, or NULL
    cdef Delivery* next(self, Delivery* entry) noexcept
    cdef Delivery* next_spent(self, Delivery* entry) noexcept
    cdef Delivery* add(
        self, uint64_t seq, uint64_t consumer_seq, int64_t now_ns, int64_t due_ns
    ) except NULL
    cdef int remove(self, Delivery* entry) except -1
    cdef int spend(self, Delivery* entry) except -1
    cdef int count_delivery(self, Delivery* entry, int64_t now_ns) except -1
    cdef int schedule(self, Delivery* entry, int64_t due_ns) except -1
    cdef int enqueue(self, Delivery* entry) except -1
    cdef Delivery* front(self) noexcept                           # of the queue, or NULL
    cdef int64_t next_due_ns(self) noexcept                       # 0: nothing waits
    cdef Py_ssize_t take_due(self, int64_t now_ns, Delivery** out, Py_ssize_t room) except -1
    cdef int clear(self) except -1

    cdef void _detach(self, Delivery* entry) noexcept
    cdef void _link(self, Chain* chain, Delivery* entry) noexcept
    cdef void _unlink(self, Chain* chain, Delivery* entry) noexcept
    cdef Delivery* _take(self) except NULL
    cdef int _grow_table(self) except -1
    cdef void _forget(self, Delivery* entry) noexcept
    cdef void _leave_order(self, Delivery* entry) noexcept
    cdef void _heap_up(self, Py_ssize_t at) noexcept
    cdef void _heap_down(self, Py_ssize_t at) noexcept
    cdef int _heap_push(self, Delivery* entry) except -1
    cdef void _heap_remove(self, Delivery* entry) noexcept
