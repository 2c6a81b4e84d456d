"""How long a service takes: which requests are measured, and what became of them.

        Crossing.receive ── begin ──► Sample ── Response: 200 answered
                                                          408 nobody listens to the answer any more
                                                          504 no answer within the threshold
                                    Crossing: 400 no reply subject, 503 nobody there

Ended samples are handed to the owner in batches, at the end of the turn. A service that nobody
measures pays nothing for it.
"""

from libc.stdint cimport int64_t

from isthmus.core.message cimport Message
from isthmus.core.turn cimport Chore, Turn


cdef class Sample:
    cdef readonly int status
    cdef readonly int64_t asked_ns        # wall clock
    cdef readonly int64_t ended_ns
    cdef readonly bytes requester         # JSON
    cdef readonly bytes responder         # JSON; empty: nobody
    cdef readonly object header           # what made it one, as the owner understood it, or None


cdef class Latency(Chore):
    cdef object owner
    cdef readonly int percent             # 0: only requests whose headers ask for it
    cdef readonly bytes mark              # behind the `_R_` subject of a measured request
    cdef list samples
    cdef Turn turn
    cdef readonly unsigned long long dropped

    # None: not this one
    cdef Sample begin(self, Message* message, bytes requester, Turn turn)
    cdef int end(self, Sample sample, int status, bytes responder, int64_t now_ns) except -1
