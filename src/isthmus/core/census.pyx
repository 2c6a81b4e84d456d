# cython: boundscheck=False, wraparound=False, cdivision=True
"""A count in slices; see `census.pxd` for the picture.

Owns the place that it has reached and the sum so far. Knows no consumer. Invariant: `total` is the
number of messages there are of what was counted, those among them that came or went since included.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from isthmus.core.effort cimport LOOK_NS, spend
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span_of
from isthmus.core.segment cimport Record
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_order cimport Tally, compare
from isthmus.core.subject_tree cimport SubjectTree

cdef enum:
    SLICE = 8192                # groups, subjects or messages: less than a millisecond


cdef class Census:
    """Messages from `seq` on under `patterns`, of which no two match one subject."""

    def __init__(
        self, StreamLog log not None, SubjectTree tree not None, list patterns not None,
        uint64_t seq=0,
    ):
        self.log = log
        self.tree = tree
        self.patterns = patterns
        self.seq = seq
        self.after = b""

    @property
    def total(self) -> int:
        """The number of messages, as far as they are counted."""
        return self.done + self.here

    cpdef bint step(self, Py_ssize_t limit=SLICE) except -1:
        """Go on counting; False: `total` is the number."""
        cdef Py_ssize_t left = limit
        cdef Span pattern
        self.begun = True
        if self.seq > self.log.last_seq:
            self.at = len(self.patterns)        # nothing yet; what comes is told
        while left > 0 and self.at < len(self.patterns):
            pattern = span_of(<bytes> self.patterns[self.at])
            if (
                self._by_message(pattern, &left) if self.reached
                else self._by_subject(pattern, &left)
            ):
                continue
            self.done += self.here
            self.here = 0
            self.after = b""
            self.reached = 0
            self.at += 1
        spend(<uint64_t> (limit - left) * LOOK_NS)
        return self.at < len(self.patterns)

    cdef bint _by_subject(self, Span pattern, Py_ssize_t* left) except -1:
        """Count a part of it by subject, or begin anew by message; True if more is left."""
        cdef Tally tally
        cdef Span resume
        cdef bint more
        memset(&tally, 0, sizeof(Tally))
        tally.left = left[0]
        more = self.tree.tally(
            pattern, self.seq if self.seq > self.log.first_seq else 0, span_of(self.after), &tally,
            &resume,
        )
        left[0] = tally.left
        if tally.straddles:
            self.here = 0
            self.reached = self.seq
            return True
        self.here += tally.messages
        if more:
            self.after = resume.data[: resume.size]
        return more

    cdef bint _by_message(self, Span pattern, Py_ssize_t* left) except -1:
        """Count a part of it by message; True if more is left."""
        cdef Record record
        cdef uint64_t seq = self.reached
        cdef int found
        while left[0] > 0:
            found = self.log.next_match(pattern, seq, min(left[0], 64), &record, &seq)
            if found == 0:
                return False
            left[0] -= <Py_ssize_t> min(seq - self.reached + 1, <uint64_t> 64)
            if found == 1:
                self.here += 1
                seq += 1
            self.reached = seq
        return True

    cdef int changed(self, uint64_t seq, Span subject, int by) except -1:
        cdef Py_ssize_t at
        if seq < self.seq or not self.begun:
            return 0
        for at in range(min(self.at + 1, len(self.patterns))):
            if subject_matches(span_of(<bytes> self.patterns[at]), subject):
                if at < self.at:
                    self.done += <uint64_t> by
                elif self._counted(seq, subject):
                    self.here += <uint64_t> by
                break
        return 0

    cdef bint _counted(self, uint64_t seq, Span subject) noexcept:
        """Has the pattern that is counted now been counted so far?"""
        if self.reached:
            return seq < self.reached
        return compare(subject, span_of(self.after)) <= 0

    # --- for tests: what a stream tells its followers ---

    def came(self, uint64_t seq, bytes subject not None) -> None:
        """A message was stored."""
        self.changed(seq, span_of(subject), 1)

    def went(self, uint64_t seq, bytes subject not None) -> None:
        """A message was removed."""
        self.changed(seq, span_of(subject), -1)
