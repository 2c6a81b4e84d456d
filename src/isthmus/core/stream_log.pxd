"""The messages of one stream by sequence: what is there, and how far sequences were used.

        first_seq                                  last_seq
        │ there │ gone │ there  there │ gone │ there │    records in blocks (block_list.pxd)

What it takes to find a message by its subject stands beside it, in a `SubjectTree`; what is
written of it, and read at a start, in `write_back` and `block_table`.

`read` gives borrowed spans. They last until the next call of any method here, and through
everything if the reader says so: `log.borrows += 1` … `log.give_back()` around whatever may append,
read or remove.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cimport cython

from isthmus.core.block cimport Block
from isthmus.core.block_list cimport BlockList
from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record


@cython.final
cdef class StreamLog(BlockList):
    cdef readonly uint64_t first_seq      # as STREAM.INFO shows them; 0 in a stream never used
    cdef readonly uint64_t last_seq
    cdef readonly int64_t last_ns
    cdef readonly uint64_t messages
    cdef readonly uint64_t bytes_stored   # by the accounting rule of the storage type
    cdef readonly uint64_t changes        # grows with every append, skip and removal

    # record.seq > last_seq; what lies between was never stored
    cdef int append(self, Record* record) except -1
    # the sequence is used up and nothing is stored: a later append gets a greater one
    cdef int skip(self, uint64_t seq, int64_t now_ns) except -1
    # 1 and `out` borrowed; 0 if `seq` is not there
    cdef int read(self, uint64_t seq, Record* out) except -1
    # the same if it stands in the block looked at last, in memory; 0 says nothing
    cdef int read_near(self, uint64_t seq, Record* out) except -1
    # 1 if it was there: `out` is the record, borrowed, for the indexes
    cdef int remove(self, uint64_t seq, Record* out) except -1
    # first sequence >= seq that is there, or 0; last sequence <= seq that is there, or 0
    cdef uint64_t next_present(self, uint64_t seq) noexcept
    # first sequence >= seq that is there and may have a header, or 0; others are passed by unread
    cdef uint64_t next_headed(self, uint64_t seq) noexcept
    cdef uint64_t previous_present(self, uint64_t seq) noexcept
    # first message >= seq whose subject matches `pattern`, looking at no more than `limit` of them:
    # 1: `out` and `reached` are it; 0: none; 2: limit reached, go on at `reached`
    cdef int next_match(
        self, Span pattern, uint64_t seq, Py_ssize_t limit, Record* out, uint64_t* reached
    ) except -1
    # first sequence stored at or after `time_ns`, or 0
    cdef uint64_t seq_at(self, int64_t time_ns) except? 0
    # when the oldest message was stored; 0 if there is none
    cdef int64_t first_time_ns(self) except? 0

    cdef int _look(self, Block* block, uint32_t place, Record* out) except -1
    cdef int _lose(self, Block* block, uint32_t place) except -1


# bytes one message counts: by the rule of its storage type
cdef uint64_t message_bytes(const Record* record, bint memory) noexcept nogil
