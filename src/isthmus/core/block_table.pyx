# cython: boundscheck=False, wraparound=False, cdivision=True
"""The table of a stream's blocks: what a checkpoint lists, and how a log comes back from it.

        row    first_seq first_ns generation span size live gone_bytes │ bits of what was removed

        a log ── make_table ──► bytes of a checkpoint ── block_rows ──► rows
        each row, and the file it names ── restore_block ──► the log and the index of its subjects

Owns the layout of a row. Knows no file: the bytes of a block are handed in. Invariant: what comes
back are the messages that were there when the table was made, but for those named as damaged.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from isthmus.core.block cimport GONE, LOST, NEVER, Block, enter, shrink
from isthmus.core.segment cimport Record, record_read, record_resync
from isthmus.core.stream_log cimport StreamLog, message_bytes
from isthmus.core.subject_tree cimport SubjectTree

from isthmus.base.errors import StoreError


cdef packed struct BlockRow:    # the bits of what is gone follow
    uint64_t first_seq
    int64_t first_ns
    uint32_t generation
    uint32_t span
    uint32_t size
    uint32_t live               # lost ones included
    uint32_t gone_bytes
    uint32_t reserved


def make_table(StreamLog log not None) -> bytes:
    """The table of blocks as it is now: a BlockRow each, and bits of what was removed."""
    cdef Py_ssize_t at
    cdef Block* block
    cdef BlockRow row
    cdef bytearray out = bytearray()
    cdef bytearray bits
    cdef uint32_t place
    for at in range(log.start, log.end):
        block = log.blocks[at]
        memset(&row, 0, sizeof(BlockRow))
        row.first_seq = block.first_seq
        row.first_ns = block.first_ns
        row.generation = block.generation
        row.span = block.span
        row.size = block.size
        row.live = block.live + block.lost
        bits = None
        if block.dead:
            bits = bytearray((block.span + 7) >> 3)
            for place in range(block.span):
                if block.index[place] != NEVER and block.index[place] & (GONE | LOST) == GONE:
                    bits[place >> 3] |= 1 << (place & 7)
            row.gone_bytes = <uint32_t> len(bits)
        out += (<char*> &row)[:sizeof(BlockRow)]
        if bits is not None:
            out += bits
    return bytes(out)


def block_rows(bytes table not None) -> list:
    """`(first_seq, first_ns, generation, span, size, live, gone bits)` of each row."""
    cdef BlockRow row
    cdef Py_ssize_t at = 0
    cdef list out = []
    while at < len(table):
        if len(table) - at < <Py_ssize_t> sizeof(BlockRow):
            raise StoreError("table of blocks ends in the middle of a row")
        memcpy(&row, PyBytes_AS_STRING(table) + at, sizeof(BlockRow))
        at += sizeof(BlockRow)
        if len(table) - at < row.gone_bytes:
            raise StoreError("table of blocks ends in the middle of a row")
        out.append((
            row.first_seq, row.first_ns, row.generation, row.span, row.size, row.live,
            table[at:at + row.gone_bytes],
        ))
        at += row.gone_bytes
    return out


def restore_block(
    StreamLog log not None, tuple row not None, bytes data not None, SubjectTree tree not None
) -> list:
    """Take a block back from its file, all but its bytes, and count its subjects.

    `row` as `block_rows` gave it. Damage comes back as `(offset, last seq before)`.
    """
    cdef Block* block
    cdef Record record
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t size, occupied
    cdef const char* raw = PyBytes_AS_STRING(data)
    cdef const unsigned char* bits = NULL
    cdef Py_ssize_t bits_size = 0
    cdef uint64_t place
    cdef uint64_t before = 0
    cdef list damage = []
    first_seq, first_ns, generation, span, length, live, gone = row
    if log.end > log.start and first_seq <= log.blocks[log.end - 1].first_seq:
        raise StoreError(f"block {first_seq} of stream {log.number} is listed out of order")
    block = log.begin(first_seq, first_ns, 0)
    block.generation = generation
    block.size = block.queued = block.written = length
    bits = <const unsigned char*> PyBytes_AS_STRING(gone)
    bits_size = len(gone)
    size = min(len(data), <Py_ssize_t> block.size)
    while at < size:
        occupied = record_read(raw + at, size - at, log.epoch, &record)
        place = record.seq - block.first_seq if occupied > 0 else 0
        if (
            occupied <= 0 or record.owner != log.number or record.seq <= before
            or place >= <uint64_t> span
        ):
            damage.append((at, before))
            at = record_resync(raw, at, size, log.epoch)
            if at < 0:
                break
            continue
        before = record.seq
        block.headed |= record.header.size > 0
        enter(block, record.seq, <uint32_t> (at >> 3))
        if <Py_ssize_t> (place >> 3) < bits_size and bits[place >> 3] >> (place & 7) & 1:
            block.index[place] |= GONE
            block.dead += <uint32_t> occupied
        else:
            if log.messages == 0:
                log.first_seq = record.seq
            block.live += 1
            log.messages += 1
            log.bytes_stored += message_bytes(&record, False)
            log.last_ns = record.time_ns
            tree.add(record.subject, record.seq)
        at += occupied
    if len(data) < <Py_ssize_t> block.size:
        damage.append((len(data), before))
    if block.live < live:
        block.lost = live - block.live
    log.last_seq = max(log.last_seq, <uint64_t> (first_seq + span - 1))
    shrink(block)
    return damage
