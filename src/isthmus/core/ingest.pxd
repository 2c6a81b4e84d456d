"""A stream's fast path: checks, duplicate table, append, PubAck.

        route ─► Ingest.receive
                   rare `Nats-*` header? ──► owner.verdict(…) in the same call, order is kept
                   sizes, limits, duplicate, expected-last         compiled
                   log.append · tree.add · journal.append · journal.hold(lsn, self, seq, reply)
        sync done ─► Ingest.durable: visible_seq = seq, PubAck through route, cursors woken

`visible_seq` is the last sequence that anybody may see: of a file stream the last one whose record
is durable, of a memory stream the last one of finished turns. So no sequence is ever seen twice with
different content. An Ingest is subscribed under each of the stream's subjects.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from isthmus.core.journal cimport Holder, Journal
from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore
from isthmus.core.stream_log cimport StreamLog
from isthmus.core.subject_tree cimport SubjectTree
from isthmus.core.turn cimport Turn


cdef class Stored(Holder):
    """What ingest, cursors and the API share: one stream's log, index and visibility."""

    cdef readonly AccountCore account
    cdef readonly bytes name
    cdef readonly uint64_t number         # `owner` in its records
    cdef readonly StreamLog log
    cdef readonly SubjectTree tree
    cdef readonly Journal journal         # None: memory
    cdef readonly uint64_t visible_seq
    cdef list cursors


cdef class Ingest(Receiver):
    cdef readonly Stored stored
    cdef object owner
