"""Acknowledgements of one consumer.

        $JS.ACK.<S>.<C>.<numbers>                       9 tokens
        $JS.ACK.<domain|_>.<hash>.<S>.<C>.<numbers>…    11 or more

        numbers: <deliveries>.<seq>.<consumer seq>.<time>.<pending>

        (empty) +ACK +OK      done
        -NAK [delay]          once more, now or later
        +WPI                  in progress
        +TERM [reason]        never again
        +NXT [pull request]   done, and the next one to the reply
        anything else         answered, without effect

The tokens are not authenticated; only deliveries, seq and consumer seq are looked at.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython

from isthmus.core.cursor cimport Cursor
from isthmus.core.message cimport Message, Span
from isthmus.core.pull_inlet cimport PullInlet
from isthmus.core.receiver cimport Receiver
from isthmus.core.turn cimport Turn


cdef struct AckTokens:
    uint64_t deliveries
    uint64_t seq
    uint64_t consumer_seq


@cython.final
cdef class AckInlet(Receiver):
    cdef readonly Cursor cursor
    cdef object owner
    cdef PullInlet pulls
    cdef list subjects

    cdef int64_t _delay_ns(self, Span text) except -1
