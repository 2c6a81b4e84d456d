"""The messages of one stream by sequence, in blocks.

        blocks   [ 1 … 8191 ][ 8192 … 16383 ] … [ active ]
                 on disk, read through a bounded cache    in memory until checkpointed

One record (segment.pxd) per message; an index of 4 bytes per message finds it in its block; removed
messages are marked in the index and reclaimed by compaction. A file stream's block is written lazily
from memory and synced before the journal segments that carry its records are recycled. A memory
stream is the same without files. The owner (`store.blocks`) rolls blocks over, writes and removes
files, and keeps the cache below its bound; this object knows no files: it asks the owner for a
block that is not in memory, and keeps what it gets until the owner takes it back.
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record


cdef class StreamLog:
    cdef object owner
    cdef readonly uint64_t first_seq      # as STREAM.INFO shows them
    cdef readonly uint64_t last_seq
    cdef readonly int64_t first_ns
    cdef readonly int64_t last_ns
    cdef readonly uint64_t messages
    cdef readonly uint64_t bytes_stored   # by the accounting rule of the storage type

    cdef int append(self, const Record* record) except -1
    # 1 and `out` borrowed until the next append or read; 0 if `seq` is not there
    cdef int read(self, uint64_t seq, Record* out) except -1
    # 1 if it was there; the record's subject and size are given back for the indexes
    cdef int remove(self, uint64_t seq) except -1
    # first sequence >= seq that is there, or 0
    cdef uint64_t next_present(self, uint64_t seq) except? 0
