"""Priority groups of a pull consumer: which of the waiting requests may take the next message.

        overflow        one for whom enough is unseen (min_pending) or unacknowledged
                        (min_ack_pending), or that does not ask for either
        prioritized     the lowest priority first: the queue stands in that order (waiting.pxd)
        pinned_client   one client at a time, known by the id that its messages carry:

                    nobody ── a request without id gets a message, and a new id ──► pinned
                      ▲                                                               │
                      └── no request with the id for `timeout_ns`, or UNPIN ──────────┘

Where not everybody may take what is there, a request stands in the queue under a `Condition`
(conditions.pxd): of overflow the numbers it asks for; of pinned_client 0 with an id, and 1 without
one, which nobody reaches while somebody is pinned.

While somebody is pinned, requests without id wait; one with another id is over. Who names no group
(a request that is no JSON) is never pinned. The groups of a consumer share one queue and one pin,
as in the original.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.conditions cimport Condition
from isthmus.core.message cimport Span
from isthmus.core.pull cimport PIN_SIZE, Wish
from isthmus.core.turn cimport Turn

cdef enum Policy:
    OVERFLOW = 1
    PINNED = 2
    PRIORITIZED = 3


@cython.final
cdef class Priority:
    cdef readonly Policy policy
    cdef bint conditional             # not everybody may take whatever is there
    cdef readonly int64_t timeout_ns
    cdef readonly bint pinned
    cdef readonly int64_t pinned_ns   # wall clock, since when
    cdef readonly int group           # of whom is pinned, as a number
    cdef int64_t lost_ns              # wall clock at which the pin is lost; 0: nobody is pinned
    cdef char[PIN_SIZE] id            # of who is pinned, or will be next
    cdef bint id_made
    # of the message on offer:
    cdef uint64_t unseen              # messages there, this one included
    cdef bint refused                 # somebody waits, but nobody may take it

    # somebody else is pinned than the request says; else its pin holds for `timeout_ns` more
    cdef bint mistaken(self, const Wish* wish, int64_t now_ns) noexcept
    # what that request waits for, and how much of it there is
    cdef Condition condition(self, const Wish* wish) noexcept
    cdef Condition reached(self, Py_ssize_t unacked) noexcept
    # a request whose condition holds is over all the same: its id is not the pinned client's
    cdef bint is_over(self, const Wish* wish) noexcept
    # the id that the next message carries, for that request; empty: nobody's
    cdef Span next_id(self, const Wish* wish, Turn turn) noexcept
    # a message was taken: True if who took it is pinned from now on, and has the id
    cdef bint taken(self, Wish* wish, int64_t now_ns) noexcept
    # nobody is pinned any more
    cdef void let_go(self) noexcept

    cdef bint _is_pinned(self, const Wish* wish) noexcept
