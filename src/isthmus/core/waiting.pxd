"""Pull requests that wait for messages of one consumer, in the order in which they are served.

        first ⇄ … ⇄ last        who got a message and wants more goes to the end: round robin

Where requests of a priority group have priorities, the queue stands in their order, and who got a
message goes behind the others of its priority; the last of each is known:

        0 0 0 0 │ 2 2 │ 3 … 3 │ 9
              └─────└───────└───└─ lane_ends

Where they say of what they wait for, or who is pinned may take alone, they stand in `Conditions`
too. Whatever the policy, nothing here looks at each of those who wait but for who does it in a turn
that has time for it: deadlines, and inboxes that nobody listens to.
"""

from libc.stdint cimport int64_t

cimport cython

from isthmus.core.conditions cimport Condition, Conditions
from isthmus.core.message cimport Span
from isthmus.core.priority cimport Priority
from isthmus.core.pull cimport Pull, PullForm

cdef enum:
    LANES = 10                        # priorities are 0 to 9


@cython.final
cdef class Waiting:
    cdef readonly Py_ssize_t count
    cdef readonly int64_t batch_total         # messages they want together
    cdef int64_t deadline_ns                  # not after the first expiry or heartbeat; 0: none
    cdef Priority priority                    # None: first come, first served
    cdef bint ordered                         # by priority
    cdef Conditions conditions                # None: whoever is first may take
    cdef Pull* first
    cdef Pull* last
    cdef Pull* first_impatient                # of those that end where nothing is left to deliver
    cdef Pull* last_impatient
    cdef Pull* lane_ends[LANES]               # if it is `ordered`

    cdef int arrange(self, Priority priority) except -1
    cdef Pull* add(self, const PullForm* form, Span reply, int64_t now_ns) except NULL
    cdef void remove(self, Pull* pull) noexcept
    cdef int served(self, Pull* pull, Py_ssize_t size, int64_t now_ns) except -1
    cdef Pull* first_for(self, Condition reached) noexcept     # NULL: nobody may take
    cdef void set_deadline(self) noexcept

    cdef int _enter(self, Pull* pull) except -1
    cdef void _leave(self, Pull* pull) noexcept
    cdef void _link(self, Pull* pull, Pull* before) noexcept
    cdef Pull* _ahead(self, Pull* pull) noexcept
    cdef void _lose_patience(self, Pull* pull) noexcept
    cdef void _regain_patience(self, Pull* pull) noexcept
    cdef void _sooner(self, Pull* pull) noexcept
