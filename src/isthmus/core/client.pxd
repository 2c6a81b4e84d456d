"""The compiled half of one connection: who it is, what it may do, what it subscribes to.

`server.connection.Connection` owns policy (handshake, timers, close reasons); this object owns what
is looked at per message. `Subscription` prints messages into the connection's outbound buffer.

        socket ─► Parser ─► Client.publish ─► route(account) ─► Subscription.receive ─► Outbound
"""

from libc.stdint cimport int64_t

cimport cython

from isthmus.core.message cimport Message, Span
from isthmus.core.outbound cimport Outbound
from isthmus.core.permits cimport PublishPermits, SubjectSet
from isthmus.core.roll cimport Hearer
from isthmus.core.router cimport AccountCore
from isthmus.core.turn cimport Turn


@cython.final
cdef class Client:
    cdef readonly unsigned long long cid
    cdef readonly Outbound outbound
    cdef readonly AccountCore account       # None until authenticated
    cdef object owner                       # Connection; told of violations and rare operations
    cdef dict subscriptions                 # sid (bytes) -> Subscription
    cdef PublishPermits publish_permits     # None: everything
    cdef readonly bint echo
    cdef readonly bint verbose
    cdef readonly bint pedantic
    cdef readonly bint headers
    cdef readonly bint no_responders
    cdef readonly Py_ssize_t payload_max
    cdef readonly Py_ssize_t subscriptions_max     # -1: no bound
    cdef bytes info                         # {"acc":…,"rtt":…} for Nats-Request-Info
    cdef bytes shared_info                  # the same for imports with share: true
    cdef readonly unsigned long long in_messages
    cdef readonly unsigned long long in_bytes
    cdef readonly unsigned long long out_bytes   # of messages: headers and payloads
    cdef readonly int64_t published_ns      # when last; 0: never
    cdef readonly bint closed

    cdef int publish(self, Message* message, Turn turn) except -1
    cdef bint _map(self, Message* message, Turn turn) except -1
    cdef int say(self, const char* line, Py_ssize_t size, Turn turn) except -1
    cdef int _no_responders(self, Message* message, Turn turn) except -1


@cython.final
cdef class Subscription(Hearer):
    cdef Client client
    cdef bytes subject
    cdef bytes queue                        # empty: none
    cdef bytes sid
    cdef unsigned long long delivered
    cdef unsigned long long max_messages    # 0: no bound
    cdef SubjectSet denied                  # None, or what a wildcard must not show
    cdef bint closed

    cdef int close(self) except -1


@cython.final
cdef class Listing:
    cdef Client client
    cdef Py_ssize_t place                   # in its table of subscriptions: behind `last`
    cdef Subscription last                  # shown; None: not begun

    cdef Subscription _next(self)
    cdef int _resume(self) except -1
