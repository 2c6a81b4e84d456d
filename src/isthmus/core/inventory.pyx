# cython: boundscheck=False, wraparound=False, cdivision=True
"""Pending messages to steps and back; see `inventory.pxd` for the forms.

Owns nothing. Knows no consumer and no disk. Invariant: what `read_pending` makes of the steps that
`write_pending` wrote is what was pending, the order of the redelivery queue aside.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.pending cimport HEAP, LINE, QUEUE, SPENT, Delivery, Pending
from isthmus.core.progress cimport PENDING, RUN, WAS_QUEUED, WAS_SPENT, WAS_WAITING, Step, Steps


cdef int write_pending(Pending pending, Steps steps) except -1:
    """Everything that is tracked, as steps for a fresh `Pending`."""
    cdef Delivery* entry = pending.first_spent()
    while entry != NULL:
        _write_one(entry, steps)
        entry = pending.next_spent(entry)
    entry = pending.first()
    while entry != NULL:
        entry = _write_run(pending, entry, steps)
    return 0


cdef int read_pending(Pending pending, Step step, const uint64_t* values) except -1:
    """Add what one step says."""
    cdef Delivery* entry
    cdef uint64_t index
    cdef int64_t time_ns = <int64_t> values[2], due_ns = <int64_t> values[3]
    if step == RUN:
        for index in range(values[4]):
            pending.add(values[0] + index, values[1] + index, time_ns, due_ns)
        return 0
    entry = pending.add(values[0], values[1], time_ns, due_ns)
    if values[4] > 1:
        pending.count_delivery(entry, time_ns)
        entry.deliveries = <uint32_t> values[4]
    if values[5] == WAS_QUEUED:
        pending.enqueue(entry)
    elif values[5] == WAS_SPENT:
        pending.spend(entry)
    return 0


cdef Delivery* _write_run(Pending pending, Delivery* first, Steps steps) except? NULL:
    """`first` and the neighbours that came with it; what is behind them, or NULL."""
    cdef uint64_t[5] values
    cdef uint64_t count = 1
    cdef Delivery* entry = pending.next(first)
    if not _plain(first):
        _write_one(first, steps)
        return entry
    while entry != NULL and _plain(entry) and (
        entry.seq == first.seq + count and entry.consumer_seq == first.consumer_seq + count
        and entry.time_ns == first.time_ns and entry.due_ns == first.due_ns
    ):
        count += 1
        entry = pending.next(entry)
    values[0] = first.seq
    values[1] = first.consumer_seq
    values[2] = <uint64_t> first.time_ns
    values[3] = <uint64_t> first.due_ns
    values[4] = count
    steps.add_many(RUN, values, 5)
    return entry


cdef inline bint _plain(const Delivery* entry) noexcept:
    return entry.deliveries == 1 and entry.place in (LINE, HEAP)


cdef int _write_one(Delivery* entry, Steps steps) except -1:
    cdef uint64_t[6] values
    values[0] = entry.seq
    values[1] = entry.consumer_seq
    values[2] = <uint64_t> entry.time_ns
    values[3] = <uint64_t> entry.due_ns
    values[4] = entry.deliveries
    values[5] = WAS_QUEUED if entry.place == QUEUE else (
        WAS_SPENT if entry.place == SPENT else WAS_WAITING
    )
    return steps.add_many(PENDING, values, 6)
