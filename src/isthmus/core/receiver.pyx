"""The base class of all receivers; see `receiver.pxd` for the family.

Owns nothing. Invariant: `receive` borrows the message for the call and keeps no pointer into it.
"""

from libc.stdint cimport int64_t

from isthmus.core.message cimport Message
from isthmus.core.turn cimport Chore, Turn


cdef class Receiver(Chore):
    """Something that a subject leads to."""

    cdef int receive(self, Message* message, Turn turn) except -1:
        raise NotImplementedError(type(self).__name__)

    cdef bint interested(self, int64_t now_ns) except -1:
        return True
