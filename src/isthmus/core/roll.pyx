"""Who of an account hears what it imports; see `roll.pxd`.

Owns the row. Knows no subjects: a hearer reports its own. Invariant: a hearer's `place` is where it
stands.
"""

from isthmus.core.receiver cimport Receiver
from isthmus.core.sublist cimport Watcher


cdef class Hearer(Receiver):
    """A receiver that gets what its account imports as a stream."""

    cdef int report(self, Watcher watcher) except -1:
        raise NotImplementedError(type(self).__name__)


cdef class Roll:
    """The hearers of one account."""

    def __init__(self):
        self.hearers = []

    def __len__(self) -> int:
        return len(self.hearers)

    cdef int enter(self, Hearer hearer) except -1:
        """Put it at the end, unless it is here."""
        if hearer.place == 0:
            self.hearers.append(hearer)
            hearer.place = len(self.hearers)
        return 0

    cdef int strike(self, Hearer hearer) except -1:
        """Fill its place with the last one."""
        cdef Hearer last
        if hearer.place == 0:
            return 0
        last = <Hearer> self.hearers.pop()
        if last is not hearer:
            self.hearers[hearer.place - 1] = last
            last.place = hearer.place
        hearer.place = 0
        return 0
