"""Messages for Python, once per turn; see `inlet.pxd` for the picture.

Owns the copies. Knows no meaning: the handler does. Invariant: requests reach the handler in the
order in which they came, each once; while one waits, the inlet is queued for a turn.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from isthmus.core.effort cimport spend
from isthmus.core.message cimport Message
from isthmus.core.receiver cimport Receiver
from isthmus.core.turn cimport Turn

# A turn reads at most one socket buffer; more requests than this waiting are no sane client's.
cdef Py_ssize_t REQUESTS_MAX = 65_536
# A request takes a Python handler 20 to 200 microseconds.
cdef Py_ssize_t SLICE_MAX = 16
cdef uint64_t REQUEST_NS = 40_000   # the turn counts that for each, whatever its handler does


cdef class Request:
    """A copy of one message, for Python."""

    def __repr__(self) -> str:
        return f"Request({self.subject!r}, reply={self.reply!r}, {len(self.payload)} bytes)"


cdef class Inlet(Receiver):
    """Collects messages for `handler(list[Request], turn)`, called once at the end of a turn.

    It gets at most `slice_max` at a time, in the order they came. Subjects that begin with one of
    `excluded` are left to other receivers.
    """

    def __init__(
        self, object handler, excluded=(), Py_ssize_t requests_max=REQUESTS_MAX,
        Py_ssize_t slice_max=SLICE_MAX,
    ):
        assert requests_max > 0
        assert slice_max > 0
        self.handler = handler
        self.excluded = tuple(excluded)
        self.requests = []
        self.requests_max = requests_max
        self.slice_max = slice_max

    cdef int receive(self, Message* message, Turn turn) except -1:
        cdef Request request
        cdef bytes prefix
        for prefix in self.excluded:
            if message.to.size >= len(prefix) and not memcmp(
                message.to.data, <const char*> prefix, len(prefix)
            ):
                return 0
        if len(self.requests) >= self.requests_max:
            self.dropped += 1
            return 0
        request = Request.__new__(Request)
        request.subject = message.to.data[: message.to.size]
        request.reply = message.reply.data[: message.reply.size]
        request.header = message.header.data[: message.header.size]
        request.payload = message.payload.data[: message.payload.size]
        request.info = message.info.data[: message.info.size]
        request.client = None if message.origin == NULL else <object> message.origin
        request.now_ns = message.now_ns
        self.requests.append(request)
        turn.later(self)
        return 1

    cdef int settle(self, Turn turn) except -1:
        cdef list batch = self.requests
        self.requests = []
        if len(batch) > self.slice_max:
            self.requests = batch[self.slice_max :]
            batch = batch[: self.slice_max]
            turn.again(self)
        self.handler(batch, turn)
        spend(<uint64_t> len(batch) * REQUEST_NS)
        return 0
