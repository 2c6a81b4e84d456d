# cython: boundscheck=False, wraparound=False
"""Answers that an account waits for; see `awaited.pxd` for the picture.

Owns nothing but the table. Knows no border: who waits is told, and leaves by itself. Invariant: who
added himself is in the table until he discards himself.
"""

from isthmus.core.message cimport Span, span_of
from isthmus.core.patterns cimport has_wildcard, intersection
from isthmus.core.receiver cimport Receiver
from isthmus.core.rewriting cimport SUBJECT_MAX
from isthmus.core.sublist cimport Sublist, Watcher


cdef class Awaiting(Receiver):
    """Somebody who hands on answers to a reply subject."""

    cdef int abandoned(self) except -1:
        raise NotImplementedError(type(self).__name__)


cdef class Awaited(Watcher):
    """The replies of `sublist`'s account that somebody in another account may answer."""

    def __init__(self, Sublist sublist not None):
        self.sublist = sublist
        self.waiting = {}

    cdef int add(self, bytes reply, Awaiting one) except -1:
        there = self.waiting.setdefault(reply, one)
        if there is not one:
            if type(there) is not dict:
                self.waiting[reply] = there = {there: None}
            there[one] = None
        return 0

    cdef int discard(self, bytes reply, Awaiting one) except -1:
        there = self.waiting.get(reply)
        if type(there) is dict:
            there.pop(one, None)
            if not there:
                del self.waiting[reply]
        elif there is one:
            del self.waiting[reply]
        return 0

    cdef int added(self, Span subject, Span queue, Receiver receiver) except -1:
        return 0

    cdef int removed(self, Span subject, Span queue, Receiver receiver) except -1:
        cdef char common[SUBJECT_MAX]
        if not self.waiting:
            return 0
        if not has_wildcard(subject):
            return self._look(subject.data[: subject.size])
        for reply in list(self.waiting):
            if intersection(subject, span_of(reply), common, SUBJECT_MAX) >= 0:
                self._look(reply)
        return 0

    cdef int _look(self, bytes reply) except -1:
        """Is anybody still there?"""
        there = self.waiting.get(reply)
        if there is None or self.sublist.has_interest(span_of(reply)):
            return 0
        for one in list(there) if type(there) is dict else (there,):
            (<Awaiting> one).abandoned()
        return 0
