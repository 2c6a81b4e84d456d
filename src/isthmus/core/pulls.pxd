"""Where a pull consumer delivers: the requests that wait, and whose turn it is.

        PullInlet ── ask ─► a wrong pin? too many? nothing there, and no wait? ─ yes ─► a status
                            └ no ─► Waiting                                    waiting.pxd
        Cursor ── answer ─► whose turn is it?           first come; or the Priority says who
                            └► has room for it, and is heard? ─ yes ─► the message to its target
                               └ no ─► a status, and whose turn is it now?
        time ── end_late ─► expired: a status · heartbeats
        Cursor ── end_impatient ─► nothing is left: those that do not wait get a status

Whether anybody still listens is asked of each that waits (`drop_deserted`) only where something can
have changed since it was asked last, and by a request that finds the queue full only while the turn
has not worked enough.

A push consumer has an Outlet in its place.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.ledger cimport Ledger
from isthmus.core.longer_header cimport LongerHeader
from isthmus.core.message cimport Message, Span
from isthmus.core.priority cimport Priority
from isthmus.core.pull cimport Pull, PullForm
from isthmus.core.router cimport AccountCore
from isthmus.core.turn cimport Turn
from isthmus.core.waiting cimport Waiting


@cython.final
cdef class Pulls:
    cdef Ledger ledger                    # for whose messages; None once it is closed
    cdef AccountCore account
    cdef Waiting waiting
    cdef Priority priority                # None: first come, first served
    cdef LongerHeader longer
    cdef Py_ssize_t max_waiting
    cdef bint offering                    # who waits is being walked: nobody is dropped
    cdef int64_t swept_ns                 # when `drop_deserted` last looked,
    cdef uint64_t swept_generation        # at the sublist as it was then,
    cdef uint64_t swept_asked             # and the requests before these
    cdef uint64_t asked                   # requests that wait or have waited

    cdef int ask(self, const PullForm* form, Span reply, Turn turn) except -1
    cdef int refuse(self, Span reply, Span header, Turn turn) except -1
    # False if nobody takes it
    cdef bint answer(self, Message* message, Py_ssize_t size, Turn turn) except -1
    cdef int end_late(self, Turn turn) except -1
    cdef int end_impatient(self, bint dry, bint paused, Turn turn) except -1
    cdef int drop_deserted(self, Turn turn) except -1
    cdef int dismiss(self, Span line, bint with_left, Turn turn) except -1
    cdef int prioritise(self, Priority priority) except -1
    cdef int lose_pin(self, Turn turn) except -1
    cdef int64_t deadline_ns(self) noexcept

    cdef Pull* _taker(self, Py_ssize_t size, Turn turn) except? NULL
    cdef Pull* _chosen(self, Turn turn) except? NULL
    cdef int _end(self, Pull* pull, Span line, bint with_left, Turn turn) except -1
    cdef int _beat(self, Pull* pull, Turn turn) except -1
    cdef int _status(self, Span reply, Span line, Turn turn) except -1
    cdef bint _swept(self, Turn turn) noexcept
    cdef int _make_room(self, Turn turn) except -1
    cdef bint _abandoned(self, Pull* pull) noexcept
