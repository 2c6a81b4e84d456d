"""Who must know when somebody begins, or stops, to listen to a literal subject of an account.

        SUB d · UNSUB d · a shadow of an import ─► Sublist ─► Interest: attending["d"]
                                                                 └─► chore.settle, in the same turn

A chore asks the sublist (`holds`) what is true now. Patterns are nobody's concern here. The sublist
is watched only while somebody attends; then a subscription costs one look-up more, however many
subjects are attended to.
"""

from isthmus.core.message cimport Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.sublist cimport Sublist, Watcher
from isthmus.core.turn cimport Chore, Turn


cdef class Interest(Watcher):
    cdef Sublist sublist
    cdef Turn turn                    # where chores are settled; None: nobody ever attended
    cdef dict attending               # subject (bytes) -> list of chores, never empty

    # settle `chore` whenever a subscription to exactly `subject` comes or goes
    cdef int attend(self, bytes subject, Chore chore, Turn turn) except -1
    cdef int neglect(self, bytes subject, Chore chore) except -1
    cdef int _tell(self, Span subject) except -1
