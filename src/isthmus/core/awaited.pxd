"""Answers that an account waits for, and what happens when it does not any more.

        hash of _INBOX.b.1      Response        in the exporter, under _R_.aStXD0.fo9ikb
        hash of _INBOX.b.next   Response ─► Response            several under one reply

When the last interest in a reply goes, by UNSUB or with its connection, whoever was to answer there
is abandoned at once: nothing waits in the exporter for an answer that nobody would hear. Closing
one that another border leads to takes its own interest away, so a chain ends link by link.

Every request that crosses enters the table and leaves it, so it is an open one, by the sublist's
keyed hash, with the chain going through those who wait: no Python object is made.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t

cimport cython

from isthmus.core.message cimport Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.sublist cimport Sublist, Watcher


cdef class Awaiting(Receiver):
    cdef bytes reply              # the requester's
    cdef uint64_t reply_hash      # 0: not in the table
    cdef PyObject* beside         # the next one with that hash, or NULL

    # nobody listens to the reply any more
    cdef int abandoned(self) except -1


cdef struct Slot:
    uint64_t hash                 # 0: free
    PyObject* first               # Awaiting; not owned: it leaves before it goes


@cython.final
cdef class Awaited(Watcher):
    cdef Sublist sublist
    cdef Slot* slots
    cdef Py_ssize_t capacity      # a power of two
    cdef Py_ssize_t used          # slots

    cdef int add(self, Awaiting one) except -1
    cdef int discard(self, Awaiting one) except -1
    cdef Slot* _find(self, uint64_t hash) noexcept
    cdef int _resize(self, Py_ssize_t capacity) except -1
    cdef void _close_gap(self, Py_ssize_t gap) noexcept
    cdef list _waiting(self, Slot* slot)
    cdef int _look_all(self, Span pattern) except -1
    cdef int _look(self, list concerned) except -1
