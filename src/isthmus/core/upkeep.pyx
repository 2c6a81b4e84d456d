# cython: boundscheck=False, wraparound=False, cdivision=True
"""Removals that may be many: shrunk limits, purges, in slices of at most `limit` messages.

Every function does a part of its work and says how much, so that its owner can go on in the next
turn. Followers learn of single removals; of bulk ones (`trim`) their owners tell them at the end.

        owner ─ shrink, trim, purge_matching, sweep (…, limit) ─► how many went, where to go on
          ▲                                                       │
          └──────────────── next turn, until nothing is left ◄────┘ then `purged`: one record

Owns nothing. Knows no configuration: what must go is its owner's to say. Invariant: a call looks at
no more than `limit` messages, and what it removed is gone from log, index and usage alike.
"""

from libc.stdint cimport uint64_t

from isthmus.core.block cimport Block
from isthmus.core.effort cimport LOOK_NS, PASS_NS, REMOVE_NS, TRIM_NS, spend
from isthmus.core.message cimport span_of
from isthmus.core.purge cimport purge as purge_log
from isthmus.core.purge cimport trim as trim_log
from isthmus.core.segment cimport RECORD_PURGE, RECORD_REMOVE, Record
from isthmus.core.stored cimport BY_INTEREST, Follower, Stored
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.turn cimport Turn


def shrink(Stored stored not None, Py_ssize_t limit, Turn turn not None) -> int:
    """Remove the oldest messages over max_msgs and max_bytes; how many went."""
    cdef Py_ssize_t count = 0
    while count < limit and stored.over_limit():
        if not stored.remove(stored.log.first_seq, turn):
            break
        count += 1
    spend(<uint64_t> count * REMOVE_NS)
    return count


def enforce(Stored stored not None, bytes subject not None, Turn turn not None) -> None:
    """Apply the limits after they became narrower, to the messages of one subject."""
    cdef uint64_t before = stored.log.messages
    stored.enforce(span_of(subject), turn)
    spend(LOOK_NS + (before - stored.log.messages) * REMOVE_NS)


def discard(Stored stored not None, uint64_t seq, Turn turn not None) -> bool:
    """Remove one message for good; False if it is not there."""
    cdef bint front = seq == stored.log.first_seq
    if not stored.remove(seq, turn):
        return False
    if front:       # the record of a new first sequence comes at the end of the turn: too late
        stored.journal_removal(RECORD_REMOVE, seq, b"", turn)
    return True


def newest(Stored stored not None, uint64_t count) -> int:
    """The sequence from which on `count` messages are there; where all begin if no more are."""
    cdef StreamLog log = stored.log
    cdef Py_ssize_t place = log.end
    cdef uint64_t seq = log.last_seq + 1
    cdef Block* block
    if count >= log.messages:
        return log.first_seq
    while place > log.start:
        place -= 1
        block = log.blocks[place]
        if block.live > count:
            break
        count -= block.live
        seq = block.first_seq
    spend(count * PASS_NS)
    while count:
        seq = log.previous_present(seq - 1)
        count -= 1
    return seq


def trim(Stored stored not None, uint64_t below, Py_ssize_t limit, Turn turn not None) -> int:
    """Remove messages below sequence `below` in bulk; how many went."""
    cdef Py_ssize_t count = trim_log(stored.log, stored.tree, below, limit)
    stored.front_gone += <uint64_t> count
    stored.count_usage()
    spend(<uint64_t> count * TRIM_NS)
    return count


def purge(Stored stored not None, Turn turn not None) -> int:
    """Remove everything at once, whatever its size; how many went."""
    cdef uint64_t count = purge_log(stored.log, stored.tree)
    spend(count)
    stored.front_gone += count
    if stored.succession is not None:
        stored.succession.clear()
    stored.count_usage()
    return count


def purge_matching(
    Stored stored not None, bytes pattern not None, uint64_t start, uint64_t below,
    uint64_t at_most, Py_ssize_t limit, Turn turn not None,
) -> tuple[int, int]:
    """Remove up to `at_most` messages that `pattern` matches, looking at `limit` of them.

    `(how many went, where to go on)`; 0: nothing is left below `below`. Followers are told, but
    nobody is advised.
    """
    cdef Record record
    cdef uint64_t seq = start, reached = 0, count = 0, looked
    cdef int found
    stored.quiet = True
    try:
        while count < at_most:
            found = stored.log.next_match(span_of(pattern), seq, 64, &record, &reached)
            if found == 0 or reached >= below:
                return count, 0
            looked = min(reached - seq + 1, <uint64_t> 64)  # gaps cost next to nothing
            spend(looked * LOOK_NS)
            seq = reached
            if found == 1:
                stored.remove(reached, turn)
                spend(REMOVE_NS)
                count += 1
                seq = reached + 1
            limit -= <Py_ssize_t> looked
            if limit <= 0:
                return count, seq
        return count, seq
    finally:
        stored.quiet = False


def purged(
    Stored stored not None, bytes pattern not None, uint64_t below, Turn turn not None
) -> None:
    """Journal that a purge removed what lies below `below` (and matches `pattern`, if any).

    Sequences up to there are used up, and may be seen to be.
    """
    if stored.succession is not None and not pattern:
        stored.succession.drop_below(below)     # what was trimmed in bulk told it nothing
    if below - 1 > stored.log.last_seq and not pattern:
        stored.log.skip(below - 1, turn.now_ns)
        if stored.journal is None or stored.visible_seq < below - 1:
            stored.visible_seq = below - 1
    stored.journal_removal(RECORD_PURGE, below, pattern, turn)


def sweep(
    Stored stored not None, uint64_t seq, uint64_t last_seq, Py_ssize_t limit, Turn turn not None
) -> int:
    """Remove messages up to `last_seq` that no follower needs; where to go on, or 0."""
    cdef Follower follower
    cdef Record record
    cdef Py_ssize_t _looked
    cdef bint needed
    spend(<uint64_t> limit * LOOK_NS)
    for _looked in range(limit):
        seq = stored.log.next_present(seq)
        if seq == 0 or seq > last_seq or stored.retention != BY_INTEREST:
            return 0
        if stored.log.read(seq, &record):
            needed = False
            for follower in stored.followers:
                needed = needed or follower.needs(seq, record.subject)
            if not needed:
                stored.remove(seq, turn)
                spend(REMOVE_NS)
        seq += 1
    return seq
