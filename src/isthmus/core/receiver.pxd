"""Everything that can receive a message is one kind of thing (design, D3).

        Chore                turn.pxd: settle(), what is left to do at the end of a turn, once
          Outbound             send the collected bytes
          Journal              tell the owner the new end
          Cursor               offer messages to waiting pulls, or to its outlet
          Latency              hand the measured requests to the owner
          Receiver           receive(): take a message, now
            Subscription       client.pxd     bytes for one connection
            Crossing           crossing.pxd   a service import
            Response           crossing.pxd   one way back
            Shadow             stream_import.pxd  a subscription of an importing account
            Inlet              inlet.pxd      a copy for Python
            Ingest             ingest.pxd     a stream
            PullInlet          pull_inlet.pxd requests of a pull consumer
            Outlet             outlet.pxd     a push consumer's deliveries; answers to flow control
            AckInlet           ack_inlet.pxd  acknowledgements of either

The router knows nothing else. These are the only virtual calls on the path of a message.
"""

from libc.stdint cimport int64_t

from isthmus.core.message cimport Message
from isthmus.core.turn cimport Chore, Turn


cdef class Receiver(Chore):
    # 1: taken. 0: not here after all (closed, expired, own echo), so the caller may try another
    # member of a queue group, or answer "no responders". -1: a Python exception is set.
    cdef int receive(self, Message* message, Turn turn) except -1
    # Would a message get anywhere? Asked rarely: a response looks behind its border.
    cdef bint interested(self, int64_t now_ns) except -1
