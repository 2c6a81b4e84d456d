# cython: boundscheck=False, wraparound=False, cdivision=True
"""Successions of messages that were stored before anybody wanted to know them.

A stream learns what follows a message on its subject when it stores the next one (`Stored.put`).
After a restart, or when a limit per subject comes later, what is there already is gone through
once, in slices. Until then the log is searched where a successor is not known, so nothing waits for
it.

        log      1:a  2:b  3:a  4:a  5:b …        looked at front to back, `limit` in a slice
        seen     a ─► 3   b ─► 2                  the last of each subject so far
        at 4:a   succession.note(3, 4), a ─► 4

Owns an index of its own that it lets go of at the end. Knows no consumer. Invariant: of a
succession it notes both messages are there, and none of their subject between them.
"""

from libc.stdint cimport uint64_t

from isthmus.core.segment cimport Record
from isthmus.core.stored cimport Stored
from isthmus.core.subject_order cimport SubjectEntry
from isthmus.core.subject_tree cimport SubjectTree


cdef class Linking:
    """Tell `stored` the successions among the messages it holds now."""

    cdef Stored stored
    cdef SubjectTree seen
    cdef uint64_t next_seq
    cdef uint64_t last_seq

    def __init__(self, Stored stored not None, uint64_t seed):
        self.stored = stored
        self.seen = SubjectTree(seed)
        self.next_seq = stored.log.first_seq
        self.last_seq = stored.log.last_seq

    def step(self, Py_ssize_t limit) -> bool:
        """Look at the next `limit` messages; true if there are more."""
        cdef Stored stored = self.stored
        cdef Record record
        cdef SubjectEntry* entry
        cdef Py_ssize_t _looked
        if stored.succession is None or stored.closed:
            return False
        for _looked in range(limit):
            self.next_seq = stored.log.next_present(self.next_seq)
            if self.next_seq == 0 or self.next_seq > self.last_seq:
                return False
            if stored.log.read(self.next_seq, &record):
                entry = self.seen.find(record.subject)
                if entry != NULL and stored.log.next_present(entry.last_seq) == entry.last_seq:
                    stored.succession.note(entry.last_seq, self.next_seq)
                self.seen.add(record.subject, self.next_seq)
            self.next_seq += 1
        return True
