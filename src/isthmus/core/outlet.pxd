"""Where a push consumer delivers: a subject, who listens there, and how much may leave.

        SUB / UNSUB <subject> ─► Interest ─► settle: does anybody listen?
        Cursor ── send ─────────► everybody on <subject>, while there is interest and room
        $JS.FC.<S>.<C>.<id> ────► receive: the window doubles, what was asked for is free again

There is interest while somebody subscribes to exactly the deliver subject, in the deliver group if
there is one. Messages go the usual way then: patterns and other groups get theirs too.

Flow control: at half a window under way a request follows the message, and until it is answered no
more than a window leaves.

        0 ──────────── ½ window ──────────── window
          messages        │ FlowControl Request │ stalled: heartbeats name the request
                          └── answered: what was under way then is taken off, the window doubles

A consumer may be acknowledged by these answers, which then say in their header what has arrived.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.interest cimport Interest
from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.router cimport AccountCore, Target
from isthmus.core.turn cimport Chore, Turn


@cython.final
cdef class Outlet(Receiver):
    cdef AccountCore account
    cdef Interest interest
    cdef Chore cursor                     # settled when there is more room, or interest
    cdef object owner                     # told when interest comes and goes
    cdef readonly bytes subject           # empty: not open
    cdef readonly bytes group             # empty: none
    cdef Target target
    cdef readonly bint active             # somebody listens
    cdef readonly int64_t heartbeat_ns    # 0: none
    cdef int64_t beat_ns                  # wall clock of the next heartbeat; 0: none
    cdef int64_t rate_bps                 # bits per second; 0: no bound
    cdef int64_t burst_ns                 # what may leave at once, as time at that rate
    cdef int64_t paid_ns                  # wall clock at which what has left is paid for
    cdef int64_t rest_until_ns            # nothing leaves before
    cdef bint refused                     # whoever listened took nothing
    cdef bytes answers                    # $JS.FC.<S>.<C>.
    cdef bytes request                    # subject of the unanswered flow control request, or None
    cdef readonly int64_t window_bytes    # 0: no flow control
    cdef readonly int64_t sent_bytes      # not known to have arrived
    cdef int64_t asked_bytes              # of them, those that the request asks about
    cdef bint acknowledges                # an answer says what arrived, and that is acknowledged
    cdef uint64_t arrived_seq             # as an answer said, for the cursor; 0: nothing new
    cdef uint64_t arrived_consumer_seq

    cdef bint ready(self, int64_t now_ns) noexcept
    cdef bint send(self, Message* message, Py_ssize_t size, Turn turn) except -1
    cdef int beat(self, uint64_t consumer_seq, uint64_t stream_seq, Turn turn) except -1
    cdef int64_t deadline_ns(self, int64_t now_ns) noexcept
    # asks what has arrived, unless a request is under way
    cdef int ask(self, Turn turn) except -1
    cdef int _ask(self, Turn turn) except -1
    cdef int _say(self, Span header, Span reply, Turn turn) except -1
