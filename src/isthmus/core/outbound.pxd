"""Bytes waiting for one connection.

        data  ┌──────────┬───────────────────────┬────────┐
              │ sent     │ waiting               │ free   │
              └──────────┴───────────────────────┴────────┘
              0        start                    end    capacity

Receivers print straight into `free`; `settle` hands everything to the socket in one system call.
What the socket does not take goes to the transport, and `blocked` holds until the transport has
got rid of it; meanwhile bytes collect here, up to `pending_max`. Over that, or when a write waits
longer than the deadline, the connection is a slow consumer: `overflowed` is set once and the owner
is told by `owner.slow_consumer(pending)`. Over 75 % of the bound the turn is marked `stalled`.
"""

cimport cython

from isthmus.core.message cimport Message, Span

from isthmus.core.turn cimport Chore, Turn


@cython.final
cdef class Outbound(Chore):
    cdef char* data
    cdef Py_ssize_t start
    cdef Py_ssize_t end
    cdef Py_ssize_t capacity
    cdef readonly Py_ssize_t pending_max
    cdef readonly Py_ssize_t transport_bytes   # handed to the transport and not yet sent
    cdef int fd                                # socket to send on directly, or -1
    cdef bint blocked
    cdef bint closed
    cdef bint overflowed
    cdef object transport
    cdef object owner
    cdef readonly unsigned long long messages_sent
    cdef readonly unsigned long long bytes_sent

    cdef char* reserve(self, Py_ssize_t size, Turn turn) except? NULL
    cdef int append(self, const char* data, Py_ssize_t size, Turn turn) except -1
    cdef int _overflow(self) except -1
    cdef int _hand_over(self, Py_ssize_t waiting) except -1
    cdef int _shrink(self) except -1
