"""Stored messages, published again on a subject made from theirs.

        Ingest ─ stored ─► Republisher ─ matches? ─ header, copy ─ Kept: when durable ─► route

The copy leaves before the PubAck, and never before the message is durable. A stream without
republishing has no Republisher and pays for a comparison with None.
"""

from libc.stdint cimport uint64_t

from isthmus.core.rewriting cimport Rewriting
from isthmus.core.segment cimport Record
from isthmus.core.stamp cimport Stamp
from isthmus.core.stored cimport Stored
from isthmus.core.turn cimport Turn


cdef class Republisher:
    cdef bytes pattern                    # subjects that are published again
    cdef Rewriting rewriting
    cdef bint headers_only
    cdef Stamp stamp

    # `before`: the last sequence of the same subject before this one, or 0
    cdef int publish(
        self, Stored stored, uint64_t lsn, const Record* record, uint64_t before, Turn turn
    ) except -1
