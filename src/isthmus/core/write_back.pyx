# cython: boundscheck=False, wraparound=False, cdivision=True
"""What the files of a stream hold of its log, and what they lack: for who writes them.

        a block     ├──── written ────┼──── queued ────┼──── only here ────┤ size
                    the file holds it   a worker has it   `unwritten` hands it out

        compactable ─► compact ─► a new generation: all of it is unwritten again

Owns nothing: the marks stand in each `Block`. Knows no path and no disk. Invariant: what a worker
got stays as it is in memory until the file is said to hold it.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from isthmus.core.block cimport GONE, Block, offset_of
from isthmus.core.block_list cimport place_of
from isthmus.core.buffer cimport Buffer
from isthmus.core.message cimport span_of
from isthmus.core.segment cimport Record, record_print, record_size, record_write
from isthmus.core.stream_log cimport StreamLog


def unwritten(StreamLog log not None) -> list:
    """`(first_seq, generation, offset, bytes-like)` that no worker got yet; now one has it."""
    cdef Py_ssize_t place
    cdef Block* block
    cdef list out = []
    for place in range(log.start, log.end):
        block = log.blocks[place]
        if block.queued < block.size:
            out.append(_queue(block))
    return out


def unwritten_block(StreamLog log not None, uint64_t first_seq):
    """The same of one block, or None."""
    cdef Py_ssize_t place = place_of(log, first_seq)
    if place < 0 or log.blocks[place].first_seq != first_seq:
        return None
    return _queue(log.blocks[place]) if (
        log.blocks[place].queued < log.blocks[place].size
    ) else None


cdef tuple _queue(Block* block):
    cdef uint32_t begin = block.queued
    block.queued = block.size
    return (
        block.first_seq,
        block.generation,
        begin,
        memoryview(<Buffer> block.buffer)[begin:block.size],
    )


def written(StreamLog log not None, uint64_t first_seq, uint32_t generation, uint32_t size) -> bool:
    """The file holds `size` bytes; true if that is all of the block."""
    cdef Py_ssize_t place = place_of(log, first_seq)
    cdef Block* block = log.blocks[place] if place >= 0 else NULL
    if block == NULL or block.first_seq != first_seq or block.generation != generation:
        return False  # it was dropped or compacted meanwhile
    block.written = max(block.written, size)
    return block.written == block.size


def not_written(StreamLog log not None) -> None:
    """A write failed: what a worker got counts for nothing, and goes into fresh files.

    A block that is only on disk stays where it is: it was written before.
    """
    cdef Py_ssize_t place
    cdef Block* block
    for place in range(log.start, log.end):
        block = log.blocks[place]
        if block.written < block.size:
            log.owner.dropped(block.first_seq, block.generation)
            block.generation += 1
            block.queued = block.written = 0


def compactable(StreamLog log not None, Py_ssize_t limit) -> list:
    """First sequences of up to `limit` blocks whose files are more than half removed."""
    cdef Py_ssize_t place
    cdef Block* block
    cdef list out = []
    for place in range(log.start, log.end - 1):
        block = log.blocks[place]
        if (
            block.dead > block.size >> 1 and block.written == block.size
            and block.live and not block.lost and len(out) < limit
        ):
            out.append(block.first_seq)
    return out


def compact(StreamLog log not None, uint64_t first_seq) -> bool:
    """Copy what lives in a block together; it is to be written to a new file."""
    cdef Block* block = log.block_at(first_seq)
    cdef Record record
    cdef uint32_t place
    assert not log.memory
    assert block.written == block.size
    if block.data == NULL:
        log.load(block)
    if block.data == NULL:  # the cache had no room for it
        return False
    if not block.checked:
        for place in range(block.span):  # a damaged record must not get a good checksum
            if not block.index[place] & GONE and not log.read(first_seq + place, &record):
                return False
    log.compact(block)
    log.owner.dropped(block.first_seq, block.generation)
    block.generation += 1
    block.queued = block.written = 0
    block.checked = True
    log.changes += 1
    return True


def files(StreamLog log not None) -> list:
    """`(first_seq, generation, bytes)` of every block."""
    return [
        (log.blocks[at].first_seq, log.blocks[at].generation, log.blocks[at].size)
        for at in range(log.start, log.end)
    ]


def erase(StreamLog log not None, uint64_t seq):
    """Overwrite header and payload of message `seq` with zeros; it is to be removed next.

    `(first_seq, generation, offset, bytes)` of what its block's file may hold; None: of none.
    """
    cdef Record record
    cdef Py_ssize_t place = place_of(log, seq)
    cdef Block* block
    cdef bytes erased, header, payload
    cdef size_t offset
    if not log.read(seq, &record):
        return None
    block = log.blocks[place]
    offset = offset_of(block, seq - block.first_seq)
    header = bytes(record.header.size)
    payload = bytes(record.payload.size)
    record.header = span_of(header)
    record.payload = span_of(payload)
    record.crc = 0
    erased = bytes(record_size(&record))
    if log.memory:
        record_print(PyBytes_AS_STRING(erased), &record)
    else:
        record_write(PyBytes_AS_STRING(erased), &record, log.epoch)
    if block.data != NULL:
        memcpy(block.data + offset, PyBytes_AS_STRING(erased), len(erased))
    if log.memory or block.queued <= offset:
        return None
    return block.first_seq, block.generation, offset, erased
