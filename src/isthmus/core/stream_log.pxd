"""The messages of one stream by sequence, in blocks.

        blocks   [ 1 … 8191 ][ 8192 … 16383 ] … [ active ]
                 on disk, read through a bounded cache    in memory until written

        block    data    record record record …           segment.pxd; a file holds the same bytes
                 index   4 bytes per sequence: where the record begins / 8, or that it is gone

The index stays in memory, so a single message of a block on disk costs one small read; neighbours
bring in the whole block. A memory stream is the same without files.

The owner (`store.blocks`) writes and removes files and keeps the cache below its bound; this object
knows no files: it asks the owner for what is not in memory. What is asked of the owner:

        owner.read_block(first_seq, generation, offset, size) -> bytes   short if the file is
        owner.loaded(first_seq, size)                a whole block came into memory
        owner.rolled(first_seq)                      a block is full: write it some time
        owner.dropped(first_seq, generation)         nothing lives in it: its file may go
        owner.damaged(seq, first_seq, offset)        a record on disk failed its check

`read` gives borrowed spans. They last until the next call of any method here, and through
everything if the reader says so: `log.borrows += 1` … `log.give_back()` around whatever may append,
read or remove.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cimport cython

from isthmus.core.buffer cimport Buffer
from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree

cdef enum:
    BLOCK_BYTES = 1048576       # of a block, unless one record is larger
    BLOCK_SPAN = 65536          # sequences in a block at most


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


cdef packed struct BlockRow:    # a block in a checkpoint; the bits of what is gone follow
    uint64_t first_seq
    int64_t first_ns
    uint32_t generation
    uint32_t span
    uint32_t size
    uint32_t live               # lost ones included
    uint32_t gone_bytes
    uint32_t reserved


@cython.final
cdef class StreamLog:
    cdef object owner                     # None: a memory stream
    cdef readonly bint memory
    cdef readonly uint64_t number         # `owner` in its records
    cdef readonly uint64_t first_seq      # as STREAM.INFO shows them; 0 in a stream never used
    cdef readonly uint64_t last_seq
    cdef readonly int64_t last_ns
    cdef readonly uint64_t messages
    cdef readonly uint64_t bytes_stored   # by the accounting rule of the storage type
    cdef readonly uint64_t changes        # grows with every append, skip and removal
    cdef readonly uint64_t resident       # bytes of blocks in memory
    cdef int borrows
    cdef list retired                     # what to let go when nothing is borrowed
    cdef Block** blocks                   # blocks[start:end]
    cdef Py_ssize_t start
    cdef Py_ssize_t end
    cdef Py_ssize_t blocks_capacity
    cdef Py_ssize_t recent                # where the last look-up ended
    cdef uint32_t epoch                   # of its files
    cdef Py_ssize_t block_bytes           # of a block, unless one record is larger

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
    cdef int give_back(self) except -1

    cdef void _sweep(self) noexcept
    cdef Py_ssize_t _find(self, uint64_t seq) noexcept
    cdef int _roll(self, uint64_t seq, int64_t time_ns, Py_ssize_t size) except -1
    cdef int _index(self, Block* block, uint64_t seq, uint32_t value) except -1
    cdef void _shrink(self, Block* block) noexcept
    cdef void _retire(self, Block* block)
    cdef int _drop(self, Py_ssize_t place) except -1
    cdef int _compact(self, Block* block) except -1
    cdef int _look(self, Block* block, uint32_t place, Record* out) except -1
    cdef int _fetch(self, Block* block, uint32_t place, Record* out) except -1
    cdef int _load(self, Block* block) except -1
    cdef bint _resume(self, Block* block, Py_ssize_t size) except -1
    cdef int _lose(self, Block* block, uint32_t place) except -1
    cdef tuple _queue(self, Block* block)
    cdef Block* _block(self, uint64_t first_seq) except NULL


# bytes one message counts: by the rule of its storage type
cdef uint64_t message_bytes(const Record* record, bint memory) noexcept nogil

# removes the oldest messages below `seq`, at most `limit` of them, from log and tree; how many went
cdef Py_ssize_t trim(
    StreamLog log, SubjectTree tree, uint64_t seq, Py_ssize_t limit
) except -1

# the entry of `subject` with both ends exact (a removal may have left one stale), or NULL
cdef SubjectEntry* exact(StreamLog log, SubjectTree tree, Span subject) except? NULL
