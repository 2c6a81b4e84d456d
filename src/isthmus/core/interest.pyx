# cython: boundscheck=False, wraparound=False, cdivision=True
"""Who must know when somebody begins, or stops, to listen; see `interest.pxd`.

Owns the table of subjects. Knows no consumer and keeps no interest itself. Invariant: it watches
the sublist exactly while its table is not empty.
"""

from isthmus.core.message cimport Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.sublist cimport Sublist, Watcher
from isthmus.core.turn cimport Chore, Turn


cdef class Interest(Watcher):
    """The attention of one account to its literal subjects."""

    def __init__(self, Sublist sublist not None):
        self.sublist = sublist
        self.attending = {}

    def __len__(self) -> int:
        return len(self.attending)

    cdef int attend(self, bytes subject, Chore chore, Turn turn) except -1:
        self.turn = turn
        if not self.attending:
            self.sublist.watch_changes(self)
        self.attending.setdefault(subject, []).append(chore)
        return 0

    cdef int neglect(self, bytes subject, Chore chore) except -1:
        cdef list chores = self.attending[subject]
        chores.remove(chore)
        if not chores:
            del self.attending[subject]
            if not self.attending:
                self.sublist.unwatch(self)
        return 0

    cdef int added(self, Span subject, Span queue, Receiver receiver) except -1:
        return self._tell(subject)

    cdef int removed(self, Span subject, Span queue, Receiver receiver) except -1:
        return self._tell(subject)

    cdef int _tell(self, Span subject) except -1:
        cdef Chore chore
        chores = self.attending.get(subject.data[: subject.size])
        if chores is not None:
            for chore in chores:
                self.turn.later(chore)
        return 0
