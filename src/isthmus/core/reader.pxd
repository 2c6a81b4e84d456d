"""Where a consumer stands in its stream: what it delivers next, and how much it has not seen.

        chosen    3 7 9 ─────┐                          last_per_subject: these first, ascending
        stream    … next_seq ┴─► next present, or next that matches, up to visible_seq

How many messages are unseen (`num_pending`):

        no filter      log.messages - passed        passed: present below next_seq; removals at the
                                                    front are subtracted when somebody asks
        filters        matching                     counted by the stream's sublist of filters

Where that must be counted anew, a `Census` does it, in slices: what may take long waits for it by
`count_on`, and nothing is delivered meanwhile.
"""

from cpython.array cimport array
from libc.stdint cimport uint64_t

from isthmus.core.census cimport Census
from isthmus.core.message cimport Span
from isthmus.core.segment cimport Record
from isthmus.core.stored cimport Follower
from isthmus.core.turn cimport Turn

cdef enum Found:
    NOTHING = 0
    FOUND = 1
    LOOK_AGAIN = 2              # a slice is over, with nothing found yet


cdef class Reader(Follower):
    cdef uint64_t passed
    cdef uint64_t front_mark                      # stored.front_gone when `passed` was right
    cdef bint ahead                               # next_seq is beyond the stream's end
    cdef uint64_t matching                        # once there is no census
    cdef Census census                            # None: all is counted
    cdef uint64_t* chosen
    cdef Py_ssize_t chosen_count
    cdef Py_ssize_t chosen_at
    cdef Py_ssize_t chosen_counted                # by the census, those before it

    cdef uint64_t unseen(self) noexcept
    # the next new message that may be seen, which stays where it is
    cdef int next_new(self, Record* record) except -1          # a Found
    # `next_new` found this one, and it was delivered
    cdef void pass_by(self, Record* record) noexcept
    cdef int count_removed(self, uint64_t seq, Span subject) except -1
    cdef int count_again(self) except -1
    # a slice of that; True if more is left
    cpdef bint count_on(self) except -1
    cdef int choose(self, array chosen) except -1
    cdef int follow(self, list filters) except -1

    cdef bint _next_chosen(self, Record* record) except -1
    cdef void _settle_passed(self) noexcept
    cdef bint _matches(self, Span subject) noexcept
