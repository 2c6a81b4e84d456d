"""One pull request of one consumer: what it asks for, and what has become of it.

A pull keeps its reply subject and where that leads (`Target`), so a delivery needs no look-up. It
ends with its batch, its bytes, its time, or with the interest of who asked. Requests of a priority
group say more of themselves (`Wish`).
"""

from libc.stdint cimport int64_t, uint64_t

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
    Pull* before                      # in the queue
    Pull* after
    Pull* impatient_before            # among those that end where nothing is left
    Pull* impatient_after
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
    Wish wish                         # meaningful while the queue has a `Priority`
    Py_ssize_t place                  # in its `Conditions`
    Py_ssize_t reply_size
    char[1] reply                     # reply_size bytes


cdef inline Span reply_of(Pull* pull) noexcept:
    cdef Span out
    out.data = pull.reply
    out.size = pull.reply_size
    return out
