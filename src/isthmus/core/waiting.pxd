"""Pull requests that wait for messages of one consumer, in the order in which they are served.

        first ⇄ … ⇄ last        who got a message and wants more goes to the end: round robin

A pull keeps its reply subject and where that leads (`Target`), so a delivery needs no look-up. It
ends with its batch, its bytes, its time, or with the interest of who asked.

Requests of a priority group say more of themselves (`Wish`). Where they have priorities, the queue
stands in their order, and who got a message goes behind the others of its priority.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.message cimport Span
from isthmus.core.router cimport Target


cdef enum:
    PIN_SIZE = 22                     # characters of a pinned client's id


cdef struct Wish:                     # of a request in a priority group
    int64_t min_pending               # 0 or less: none
    int64_t min_ack_pending
    int priority                      # the lowest comes first
    int group                         # its number in the configuration; -1: it names none
    int id_size                       # 0: no id; not PIN_SIZE: one that nobody was given
    char[PIN_SIZE] id


cdef struct PullForm:                 # what one request asks for
    int64_t batch                     # messages to send, at least one
    int64_t batch_shown               # as it was written: statuses count down from it
    int64_t bytes_max                 # 0 or less: no bound
    int64_t expires_ns                # after it was made; 0: never; negative: at once
    int64_t heartbeat_ns              # 0: none
    bint no_wait
    Wish wish


cdef struct Pull:
    Pull* before
    Pull* after
    Target target
    int64_t batch_left
    int64_t batch_shown
    int64_t bytes_left                # bounds it if `counts_bytes`
    int64_t expires_ns                # wall clock; 0: never
    int64_t heartbeat_ns
    int64_t beat_ns                   # wall clock of the next heartbeat; 0: none
    uint64_t served
    bint no_wait
    bint counts_bytes
    Wish wish                         # meaningful while the queue is `grouped`
    Py_ssize_t reply_size
    char[1] reply                     # reply_size bytes


@cython.final
cdef class Waiting:
    cdef readonly Py_ssize_t count
    cdef readonly int64_t batch_total         # messages they want together
    cdef Py_ssize_t impatient                 # those that end where nothing is left to deliver
    cdef int64_t deadline_ns                  # not after the first expiry or heartbeat; 0: none
    cdef bint grouped                         # requests have wishes
    cdef bint ordered                         # by priority
    cdef Pull* first
    cdef Pull* last

    cdef void group(self, bint grouped, bint ordered) noexcept
    cdef Pull* add(self, const PullForm* form, Span reply, int64_t now_ns) except NULL
    cdef void remove(self, Pull* pull) noexcept
    cdef void served(self, Pull* pull, Py_ssize_t size, int64_t now_ns) noexcept
    cdef void set_deadline(self) noexcept
    cdef Pull* first_impatient(self) noexcept         # or NULL; all others are behind it

    cdef void _unlink(self, Pull* pull) noexcept
    cdef void _append(self, Pull* pull) noexcept
    cdef void _insert(self, Pull* pull) noexcept
    cdef void _sooner(self, Pull* pull) noexcept


cdef inline Span reply_of(Pull* pull) noexcept:
    cdef Span out
    out.data = pull.reply
    out.size = pull.reply_size
    return out
