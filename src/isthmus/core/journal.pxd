"""One journal for everything that must survive: messages of file streams, acks, configuration.

Records are appended to an arena in memory. The owner (`store.journal`) takes what has collected,
writes and syncs it in a worker, and comes back with `release`: then everything that waited for
those bytes happens at once, in one compiled loop. Meanwhile the next group collects.

        append ─► arena ─ take ─► write + fdatasync (worker) ─► release(durable_lsn, turn)
        hold(lsn, …)  queue of what waits for its record        │ visible_seq moves,
                                                                └ PubAcks and ack replies leave

An lsn is a position in the endless byte string of all records ever appended. The string is cut
into segments of `segment_bytes`, one file each: lsn // segment_bytes is the segment's number and
makes its epoch. No record crosses a cut. Every group and every segment begins with a RECORD_COMMIT
that says how far everything was released when it was begun: what lies below is never torn, only
damaged.

`refusing` is the signal to every ingest: true while more than `pending_max` bytes wait for the
disk, and for good once a write or sync failed (`failed`, with `reason`): nothing is released any
more. Over half of `pending_max` the turn is marked `stalled`, so that producers rest.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cimport cython

from isthmus.core.buffer cimport Buffer
from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record
from isthmus.core.turn cimport Chore, Turn


cdef class Holder(Chore):
    """Whoever waits for durability: a stream's ingest, a consumer's ack inlet."""

    # everything held for `seq` with `reply` is durable: show it, answer it
    cdef int durable(self, uint64_t seq, Span reply, uint32_t note, Turn turn) except -1


cdef class Notice(Holder):
    """Calls a Python function: `call(seq, reply, note, turn)`. For what happens rarely."""

    cdef object call


cdef struct SegmentHead:        # the payload of the RECORD_COMMIT that begins a segment
    uint32_t version
    uint32_t reserved
    uint64_t previous_end       # where the records before it end
    uint64_t oldest_lsn         # begins the oldest segment needed when this one was begun
    uint64_t next_number


cdef struct Shelf               # a chunk of held entries, which never move


@cython.final
cdef class Journal(Chore):
    cdef object owner                         # told once per turn: owner.appended(turn)
    cdef readonly uint64_t end_lsn
    cdef readonly uint64_t taken_lsn          # up to here the owner has it
    cdef readonly uint64_t durable_lsn        # up to here everything was released
    cdef readonly bint refusing
    cdef readonly bint failed
    cdef readonly str reason                  # why it failed, or empty
    cdef readonly Py_ssize_t held_count
    cdef readonly uint64_t waited_lsn         # somebody waits for everything below it
    cdef readonly uint64_t segment_bytes
    cdef readonly Py_ssize_t record_max       # bytes of the largest record: refuse more
    cdef readonly uint64_t pending_max        # bytes that may wait for the disk
    cdef public uint64_t oldest_lsn           # begins the oldest segment still needed
    cdef public uint64_t next_number          # no stream or consumer ever had it or a greater one
    cdef uint64_t secret                      # of the store, in every epoch
    cdef uint32_t epoch                       # of the segment that is being filled
    cdef uint64_t segment_end                 # lsn where it ends; 0: none has begun
    cdef uint64_t segment_next                # lsn where the next begins
    cdef bint collecting                      # the group has begun: its RECORD_COMMIT stands
    cdef Buffer arena                         # being filled
    cdef Py_ssize_t piece_start               # what of it belongs to the last piece
    cdef uint64_t piece_lsn
    cdef list pieces                          # finished ones of the collecting group
    cdef list full                            # (lsn, Buffer): to be used again when durable
    cdef list spare
    cdef Shelf* first_shelf                   # oldest held entries
    cdef Shelf* last_shelf
    cdef Shelf* spare_shelf
    cdef bint releasing

    # the lsn behind the record, for `hold`; a failed journal takes nothing and returns end_lsn
    cdef uint64_t append(self, Record* record, Turn turn) except 0
    # `holder.durable(seq, reply, note)` when everything below `lsn` is released; in order of calls
    cdef int hold(
        self, uint64_t lsn, Holder holder, uint64_t seq, Span reply, uint32_t note
    ) except -1
    cpdef int release(self, uint64_t durable_lsn, Turn turn) except -1

    cdef int _end_piece(self) except -1
    cdef int _next_segment(self) except -1
    cdef int _commit(self, bint begins_segment) except -1
    cdef int _put(self, Record* record) except -1
    cdef Shelf* _shelf(self, size_t size) except NULL
    cdef void _drop_held(self) noexcept
