"""Bytes to operations, for one connection.

Complete publications are handed to the client in place, without a copy. What a read leaves over is
kept by the parser and put in front of the next read: small leftovers are copied into the headroom
of the loop's shared read buffer, a large half-read payload gets a buffer of its own, into which
the socket reads directly.

        ReadBuffer   ┌ headroom ───────┬ read ──────────────────────────┐
                     │      leftover   │ new bytes                      │
                     └──────▲──────────┴────────────────────────────────┘
                            └ parse starts here

Everything that is not PUB, HPUB, PING or PONG goes to the owner as a Python call, since it happens
once per subscription or connection. Broken input raises `ProtocolError`.

Of an incomplete line only the name and the arguments are kept: the blanks between them, and
whatever follows a PING, PONG or +OK, may be as long as they like and cost nothing.
"""

cimport cython

from isthmus.core.client cimport Client
from isthmus.core.turn cimport Turn


cdef enum:
    PING, PONG, OK, ERR, SUB, UNSUB, CONNECT, INFO, PUB, HPUB, OPERATIONS


cdef class ReadBuffer:
    cdef bytearray memory
    cdef object view                # of what lies behind the headroom
    cdef char* data
    cdef readonly Py_ssize_t headroom
    cdef readonly Py_ssize_t size


@cython.final
cdef class Parser:
    cdef Client client
    cdef object owner
    cdef ReadBuffer shared
    cdef char* left                 # leftover, or a half-read publication
    cdef Py_ssize_t left_size
    cdef Py_ssize_t left_capacity
    cdef Py_ssize_t wanted          # total bytes of the half-read publication, or 0
    cdef bint held                  # authentication is under way: keep bytes, parse nothing
    cdef bint ended                 # closed: drop everything
    cdef readonly Py_ssize_t control_line_max

    cdef Py_ssize_t parse(self, char* data, Py_ssize_t size, Turn turn) except -1
    cdef int _parse_left(self, Turn turn) except -1
    cdef int _keep(self, const char* data, Py_ssize_t size) except -1
    cdef Py_ssize_t _line_end(self, const char* arguments, const char* end) except -2
    cdef Py_ssize_t _publication(
        self, char* start, char* arguments, char* end, bint with_header, Turn turn
    ) except -1
    cdef Py_ssize_t _control(self, char* at, char* end, Turn turn) except -1
    cdef Py_ssize_t _line(self, int operation, char* at, char* end, Turn turn) except -1
    cdef int _execute(
        self, int operation, const char* arguments, const char* end, Turn turn
    ) except -1
    cdef int _subscribe(self, const char* arguments, const char* end) except -1
    cdef int _unsubscribe(self, const char* arguments, const char* end) except -1
