"""Answers that an account waits for, and what happens when it does not any more.

        _INBOX.b.1     Response                 in the exporter, under _R_.aStXD0.fo9ikb
        _INBOX.b.next  {Response, Response}     several under one reply

When the last interest in a reply goes, by UNSUB or with its connection, whoever was to answer there
is abandoned at once: nothing waits in the exporter for an answer that nobody would hear. Closing
one that another border leads to takes its own interest away, so a chain ends link by link.
"""

from isthmus.core.message cimport Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.sublist cimport Sublist, Watcher


cdef class Awaiting(Receiver):
    # nobody listens to the reply any more
    cdef int abandoned(self) except -1


cdef class Awaited(Watcher):
    cdef Sublist sublist
    cdef dict waiting             # reply (bytes) -> Awaiting, or a dict of them

    cdef int add(self, bytes reply, Awaiting one) except -1
    cdef int discard(self, bytes reply, Awaiting one) except -1
    cdef int _look(self, bytes reply) except -1
