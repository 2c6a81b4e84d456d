"""One journal for everything that must survive: messages of file streams, acks, configuration.

Records are appended to an arena in memory. The owner (`store.journal`) takes what has collected,
writes and syncs it in a worker, and comes back with `release`: then everything that waited for
those bytes happens at once, in one compiled loop. While a sync is under way the next group collects.

        append ─► arena ─ take ─► write + fdatasync (worker) ─► release(durable_lsn, turn)
        hold(lsn, …)  ring of what waits for its record         │  visible_seq moves,
                                                                └─ PubAcks and ack replies leave

An lsn is a position in the endless byte string of all records ever appended. `failed` is set by the
owner when a write or sync failed: nothing is released any more.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.message cimport Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore
from isthmus.core.segment cimport Record
from isthmus.core.turn cimport Chore, Turn


cdef class Holder(Chore):
    """Whoever waits for durability: a stream's ingest, a consumer's ack inlet."""

    # everything held for `seq` with `reply` is durable: show it, answer it
    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1


cdef class Journal(Chore):
    cdef object owner                         # told once per turn: owner.appended(end_lsn)
    cdef readonly uint64_t end_lsn
    cdef readonly uint64_t taken_lsn
    cdef readonly uint64_t durable_lsn
    cdef readonly bint failed
    cdef readonly Py_ssize_t held_count

    cdef uint64_t append(self, const Record* record, Turn turn) except 0
    cdef int hold(
        self, uint64_t lsn, Holder holder, uint64_t seq, Span reply, uint32_t note
    ) except -1
    cpdef int release(self, uint64_t durable_lsn, Turn turn) except -1
