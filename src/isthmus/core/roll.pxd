"""Who of an account hears what it imports, so that an import can meet them one by one.

Who subscribes on purpose does: clients, and streams. Borders and the server's own services do not,
so no import reaches them.

        hearers   [S0, S1, I, S3]        a place for each; who leaves is replaced by the last

Sublists are tables and tries in which nobody can pause; a roll is a row. Who walks it from its end
downwards, however slowly, meets everybody who was there when the walk began and has not left: a
place is only ever filled again by one who stood behind it. Whom it meets twice it must know.
"""

from isthmus.core.receiver cimport Receiver
from isthmus.core.sublist cimport Watcher


cdef class Hearer(Receiver):
    cdef Py_ssize_t place       # on the roll, from 1; 0: not on it

    # tell `watcher` of each subject it is subscribed to, as if that was now
    cdef int report(self, Watcher watcher) except -1


cdef class Roll:
    cdef list hearers

    cdef int enter(self, Hearer hearer) except -1
    cdef int strike(self, Hearer hearer) except -1
