"""What a consumer journals: its steps of one turn, in one record of a few bytes per message.

        RECORD_ACK   owner: consumer   time_ns: of the turn   payload: step step step …
        step         one byte what, then varints

            DELIVERED   gap, count      neighbours, the first `gap` behind the last delivered
            REDELIVERED seq
            ACKED       seq             acknowledged, terminated or gone
            ACKED_ALL   seq, consumer_seq
            NAKED       seq, delay_ns + 1    0: at once
            EXTENDED    seq             work in progress
            SPENT       seq             delivered as often as it may be
            MOVED       next_seq, delivered_seq, floor_seq, floor_consumer_seq
            RESET       the same, delivered_consumer_seq, times of the last delivery and the last
                        acknowledgement: everything before is void
            PENDING     seq, consumer_seq, time_ns, due_ns, deliveries, WasPlace
            RUN         seq, consumer_seq, time_ns, due_ns, count: neighbours, delivered once

Whoever applies the steps in order to the state before them has the state after them: a first
delivery needs no sequence of its own, since the last one is known. RESET, PENDING and RUN make a
snapshot.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cimport cython

from isthmus.core.message cimport Span

cdef enum Step:
    DELIVERED = 1
    REDELIVERED = 2
    ACKED = 3
    ACKED_ALL = 4
    NAKED = 5
    EXTENDED = 6
    SPENT_STEP = 7
    MOVED = 8
    RESET = 9
    PENDING = 10
    RUN = 11

cdef enum WasPlace:
    WAS_WAITING = 0
    WAS_QUEUED = 1
    WAS_SPENT = 2


@cython.final
cdef class Steps:
    """Collects the steps of a turn."""

    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef uint64_t run_gap
    cdef uint64_t run_count

    cdef int delivered(self, uint64_t gap) except -1
    cdef int add(self, Step step, uint64_t one) except -1
    cdef int add_two(self, Step step, uint64_t one, uint64_t two) except -1
    cdef int add_many(self, Step step, const uint64_t* values, int count) except -1
    cdef Span taken(self) except *
    cdef void clear(self) noexcept
    cdef int _room(self, Py_ssize_t more) except -1
    cdef void _close_run(self) noexcept
    cdef void _number(self, uint64_t value) noexcept


# the next number at `at`, which moves behind it; False at a damaged end
cdef bint read_number(const char** at, const char* end, uint64_t* out) noexcept
