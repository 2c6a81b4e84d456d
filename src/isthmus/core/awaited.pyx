# cython: boundscheck=False, wraparound=False, cdivision=True
"""Answers that an account waits for; see `awaited.pxd` for the picture.

Owns nothing but the table. Knows no border: who waits is told, and leaves by itself. Invariant: who
added himself is in the table until he discards himself.
"""

from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from isthmus.core.hashing cimport hash_bytes
from isthmus.core.message cimport Span, span_of
from isthmus.core.patterns cimport has_wildcard, intersection
from isthmus.core.receiver cimport Receiver
from isthmus.core.rewriting cimport SUBJECT_MAX
from isthmus.core.sublist cimport Sublist, Watcher

cdef enum:
    TABLE_START = 16
    TABLE_KEPT = 1024           # slots that a table once needed and does not give back


cdef class Awaiting(Receiver):
    """Somebody who hands on answers to a reply subject."""

    cdef int abandoned(self) except -1:
        raise NotImplementedError(type(self).__name__)


cdef class Awaited(Watcher):
    """The replies of `sublist`'s account that somebody in another account may answer."""

    def __init__(self, Sublist sublist not None):
        self.sublist = sublist

    def __dealloc__(self):
        free(self.slots)

    cdef int add(self, Awaiting one) except -1:
        cdef uint64_t hash = hash_bytes(<const char*> one.reply, len(one.reply), self.sublist.key)
        cdef Slot* slot
        if (self.used + 1) * 2 > self.capacity:
            self._resize(self.capacity * 2 if self.capacity else TABLE_START)
        slot = self._find(hash)
        if slot.hash == 0:
            slot.hash = hash
            self.used += 1
        one.reply_hash = hash
        one.beside = slot.first
        slot.first = <PyObject*> one
        return 0

    cdef int discard(self, Awaiting one) except -1:
        cdef Slot* slot = self._find(one.reply_hash)
        cdef PyObject** link = &slot.first
        while link[0] != <PyObject*> one:
            link = &(<Awaiting> link[0]).beside
        link[0] = one.beside
        one.reply_hash = 0
        if slot.first == NULL:
            self.used -= 1
            self._close_gap(slot - self.slots)
            if self.capacity > TABLE_KEPT and self.used * 8 < self.capacity:
                self._resize(self.capacity // 2)
        return 0

    cdef Slot* _find(self, uint64_t hash) noexcept:
        """Where `hash` is, or the free slot where it would be; there is one."""
        cdef uint64_t mask = <uint64_t> self.capacity - 1
        cdef uint64_t at = hash & mask
        while self.slots[at].hash and self.slots[at].hash != hash:
            at = (at + 1) & mask
        return &self.slots[at]

    cdef int _resize(self, Py_ssize_t capacity) except -1:
        cdef Slot* before = self.slots
        cdef Py_ssize_t index, size = self.capacity
        cdef Slot* table = <Slot*> calloc(capacity, sizeof(Slot))
        if table == NULL:
            raise MemoryError
        self.slots = table
        self.capacity = capacity
        for index in range(size):
            if before[index].hash:
                self._find(before[index].hash)[0] = before[index]
        free(before)
        return 0

    cdef void _close_gap(self, Py_ssize_t gap) noexcept:
        """Free the slot, moving back what probed past it."""
        cdef Py_ssize_t mask = self.capacity - 1, at = gap, home
        while True:
            at = (at + 1) & mask
            if self.slots[at].hash == 0:
                break
            home = <Py_ssize_t> (self.slots[at].hash & <uint64_t> mask)
            if ((at - home) & mask) >= ((at - gap) & mask):
                self.slots[gap] = self.slots[at]
                gap = at
        memset(&self.slots[gap], 0, sizeof(Slot))

    # --- interest that goes ---

    cdef int added(self, Span subject, Span queue, Receiver receiver) except -1:
        return 0

    cdef int removed(self, Span subject, Span queue, Receiver receiver) except -1:
        cdef Slot* slot
        if self.used == 0:
            return 0
        if has_wildcard(subject):
            return self._look_all(subject)
        slot = self._find(hash_bytes(subject.data, subject.size, self.sublist.key))
        return self._look(self._waiting(slot)) if slot.hash else 0

    cdef int _look_all(self, Span pattern) except -1:
        """A pattern is gone, which may have been the interest in any of them."""
        cdef char common[SUBJECT_MAX]
        cdef Py_ssize_t index
        cdef Awaiting one
        cdef list concerned = []
        for index in range(self.capacity):
            if self.slots[index].hash:
                for one in self._waiting(&self.slots[index]):
                    if intersection(pattern, span_of(one.reply), common, SUBJECT_MAX) >= 0:
                        concerned.append(one)
        return self._look(concerned)

    cdef list _waiting(self, Slot* slot):
        """Who is in `slot`, held on to: being told takes them out."""
        cdef PyObject* at = slot.first
        cdef list out = []
        while at != NULL:
            out.append(<Awaiting> at)
            at = (<Awaiting> at).beside
        return out

    cdef int _look(self, list concerned) except -1:
        """Is anybody still there for them?"""
        cdef Awaiting one
        for one in concerned:
            # one before may have taken it along
            if one.reply_hash and not self.sublist.has_interest(span_of(one.reply)):
                one.abandoned()
        return 0
