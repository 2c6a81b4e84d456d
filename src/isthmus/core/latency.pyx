"""How long a service takes; see `latency.pxd` for the picture.

Owns the samples of the turn. Knows no metric and no subject: the owner makes something of them.
Invariant: a sample ends once, and every ended one is handed over or counted as dropped.
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.message cimport Message
from isthmus.core.turn cimport Chore, Turn

# of one turn, which reads at most one socket buffer or one slice of timeouts
cdef Py_ssize_t SAMPLES_MAX = 65_536

# While metrics are published: they are not measured. One that crosses a border to where its own is
# published, and back, would go round for ever.
cdef bint reporting = False


cdef class Sample:
    """One measured request."""

    def __repr__(self) -> str:
        return f"Sample({self.status}, {self.ended_ns - self.asked_ns} ns)"


cdef class Latency(Chore):
    """Measures `percent` of the requests, and those whose headers ask for it.

    `owner.traced(header)` says what of a header asks to be measured, or None;
    `owner.measured(list[Sample], turn)` is told once per turn.
    """

    def __init__(self, object owner, int percent, bytes mark not None):
        assert 0 <= percent <= 100
        self.owner = owner
        self.percent = percent
        self.mark = mark
        self.samples = []

    cdef Sample begin(self, Message* message, bytes requester, Turn turn):
        cdef Sample sample
        header = None
        if reporting:
            return None
        if self.percent < 100 and turn.random() % <uint64_t> 100 >= <uint64_t> self.percent:
            if message.header.size == 0:
                return None
            header = self.owner.traced(message.header.data[: message.header.size])
            if header is None:
                return None
        sample = Sample.__new__(Sample)
        sample.asked_ns = message.now_ns
        sample.requester = requester
        sample.responder = b""
        sample.header = header
        self.turn = turn
        return sample

    cdef int end(self, Sample sample, int status, bytes responder, int64_t now_ns) except -1:
        if len(self.samples) >= SAMPLES_MAX:
            self.dropped += 1
            return 0
        sample.status = status
        sample.responder = responder
        sample.ended_ns = now_ns if now_ns else self.turn.now_ns
        self.samples.append(sample)
        self.turn.later(self)
        return 0

    cdef int settle(self, Turn turn) except -1:
        global reporting
        cdef list batch = self.samples
        self.samples = []
        reporting = True
        try:
            self.owner.measured(batch, turn)
        finally:
            reporting = False
        return 0
