# cython: boundscheck=False, wraparound=False, cdivision=True
"""Removing many messages at once, from a log and the index of its subjects; see `purge.pxd`.

Owns nothing. Knows no follower, no usage and no journal: `upkeep` does. Invariant: what went from
the log went from the index, and what a damaged disk hid does not come back.
"""

from libc.stdint cimport uint32_t, uint64_t

from isthmus.core.block cimport LOST, NEVER, Block
from isthmus.core.block_list cimport place_of, sweep
from isthmus.core.message cimport Span, span_of
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree


cpdef Py_ssize_t trim(
    StreamLog log, SubjectTree tree, uint64_t below, Py_ssize_t limit=<Py_ssize_t> 1 << 62
) except -1:
    """Remove the oldest messages below sequence `below`, at most `limit`; how many went."""
    cdef Record record
    cdef Py_ssize_t count = 0
    while count < limit and log.messages and log.first_seq < below:
        if log.remove(log.first_seq, &record):
            tree.remove(record.subject, record.seq)
            count += 1
    if count < limit:
        _forget_lost(log, below)
    return count


cpdef uint64_t purge(StreamLog log, SubjectTree tree) except? 0:
    """Remove everything at once, whatever its size; how many went."""
    cdef uint64_t count = log.messages
    sweep(log)
    while log.end > log.start:
        log.messages -= log.blocks[log.end - 1].live
        log.drop(log.end - 1)
    assert log.messages == 0
    log.bytes_stored = 0
    log.first_seq = log.last_seq + 1 if log.last_seq else log.first_seq
    log.changes += 1
    tree.clear()
    return count


cpdef Py_ssize_t purge_matching(
    StreamLog log, SubjectTree tree, bytes pattern, uint64_t below
) except -1:
    """Remove what `pattern` matches below sequence `below`; how many went."""
    cdef Span subject = span_of(pattern)
    cdef Record record
    cdef uint64_t seq = 0
    cdef Py_ssize_t count = 0
    cdef int found
    while True:
        found = log.next_match(subject, seq, 1, &record, &seq)
        if found == 0 or seq >= below:
            return count
        if found == 1:
            log.remove(seq, &record)
            tree.remove(record.subject, seq)
            count += 1
            seq += 1


cdef bint forget_hidden(StreamLog log, uint64_t seq) except -1:
    """Was message `seq` there, but could not be read? It is removed: a restart does not find it."""
    cdef Py_ssize_t at = place_of(log, seq)
    cdef Block* block
    cdef uint64_t place
    if at < log.start or at >= log.end:
        return False
    block = log.blocks[at]
    if block.lost == 0 or seq < block.first_seq or seq - block.first_seq >= block.span:
        return False
    place = seq - block.first_seq
    if not _forget(block, <uint32_t> place):
        return False
    if block.live == 0 and block.lost == 0 and at < log.end - 1:
        log.drop(at)
    return True


cdef bint _forget(Block* block, uint32_t place) noexcept:
    if block.index[place] == NEVER or not block.index[place] & LOST:
        return False
    block.index[place] &= ~<uint32_t> LOST
    block.lost -= 1
    block.dead += 8  # its size cannot be read; that it is dead must be known
    return True


cdef int _forget_lost(StreamLog log, uint64_t below) except -1:
    """What could not be read is removed, too: it must not come back when it can be read again."""
    cdef Py_ssize_t at = log.end - 1
    cdef Block* block
    cdef uint32_t place
    while at >= log.start:
        block = log.blocks[at]
        if block.lost and block.first_seq < below:
            for place in range(block.span):
                if block.first_seq + place >= below:
                    break
                _forget(block, place)
            if block.first_seq + block.span <= below:
                block.lost = 0
            if block.live == 0 and block.lost == 0 and at < log.end - 1:
                log.drop(at)
        at -= 1
    return 0
