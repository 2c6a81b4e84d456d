# cython: boundscheck=False, wraparound=False, cdivision=True
"""Republishing; see `republish.pxd` for the picture.

Owns the compiled form of one stream's setting. Knows no configuration. Invariant: what is published
again was stored.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from isthmus.core.decimal cimport print_u64
from isthmus.core.direct_inlet cimport Kept
from isthmus.core.matching cimport subject_matches
from isthmus.core.message cimport Span, span, span_of
from isthmus.core.rewriting cimport SUBJECT_MAX, Rewriting
from isthmus.core.segment cimport Record
from isthmus.core.stamp cimport Stamp
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Turn


cdef class Republisher:
    """Publish what `stream` stores under subjects that match `pattern` as `rewriting` says."""

    def __init__(
        self, bytes stream not None, bytes pattern not None, Rewriting rewriting not None,
        bint headers_only,
    ):
        self.pattern = pattern
        self.rewriting = rewriting
        self.headers_only = headers_only
        self.stamp = Stamp(stream)

    cdef int publish(
        self, Stored stored, uint64_t lsn, const Record* record, uint64_t before, Turn turn
    ) except -1:
        cdef char subject[SUBJECT_MAX]
        cdef char lines[96]
        cdef char* at = lines
        cdef Py_ssize_t size
        cdef Kept kept
        cdef Span header
        if not subject_matches(span_of(self.pattern), record.subject):
            return 0
        if self.rewriting.by_chance:
            self.rewriting.chance = turn.random()
        size = self.rewriting.write(record.subject, subject)
        if size <= 0:
            return 0
        memcpy(at, b"Nats-Last-Sequence: ", 20)
        at = print_u64(at + 20, before)
        if self.headers_only:
            memcpy(at, b"\r\nNats-Msg-Size: ", 17)
            at = print_u64(at + 17, <uint64_t> record.payload.size)
        memcpy(at, b"\r\n", 2)
        header = self.stamp.print(record, span(lines, at + 2 - lines))
        kept = Kept.__new__(Kept)
        kept.account = stored.account
        kept.header = header.data[: header.size]
        kept.payload = b"" if self.headers_only else record.payload.data[: record.payload.size]
        if lsn:
            stored.journal.hold(lsn, kept, 0, span(subject, size), 0)
        else:
            kept.durable(0, span(subject, size), 0, turn)
        return 1
