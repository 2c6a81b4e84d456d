"""Messages for Python: $JS.API, $SYS, everything that happens once per request.

        receive ─ copy ─► requests  [ r r r r r … ]         at most `requests_max`
        settle  ◄─────────────────── first `slice_max` ─► handler(requests, turn)
                again, in the next turn ◄── the rest

`receive` copies the message; at the end of the turn the owner gets a batch in one call:
`handler(requests)`, a list of `Request`. What it publishes is routed in the same turn. A batch has
at most `slice_max` requests; the rest waits for the next turn, so that a client with a thousand
requests in one read does not hold up everybody else. The queue is bounded by `requests_max`; what
comes over it is refused like a subject without interest.
"""

from libc.stdint cimport int64_t

from isthmus.core.message cimport Message
from isthmus.core.receiver cimport Receiver
from isthmus.core.turn cimport Turn


cdef class Request:
    cdef readonly bytes subject
    cdef readonly bytes reply
    cdef readonly bytes header
    cdef readonly bytes payload
    cdef readonly bytes info          # JSON of who asks, when the request crossed a border
    cdef readonly object client       # the Client that published it, or None
    cdef readonly int64_t now_ns


cdef class Inlet(Receiver):
    cdef object handler
    cdef list requests
    cdef readonly Py_ssize_t requests_max
    cdef readonly Py_ssize_t slice_max
    cdef tuple excluded               # subject prefixes that this inlet leaves to others
    cdef readonly unsigned long long dropped
