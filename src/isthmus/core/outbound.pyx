# cython: boundscheck=False, wraparound=False, cdivision=True
"""Bytes waiting for one connection; see `outbound.pxd` for the picture.

Owns the buffer. Knows no protocol: receivers print into it. Invariant: start <= end <= capacity,
and the bytes between start and end leave in order, each once.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from isthmus.core.turn cimport Chore, Turn

cdef extern from "<sys/socket.h>" nogil:
    """
    #ifndef MSG_NOSIGNAL
    #define MSG_NOSIGNAL 0
    #endif
    """
    ssize_t send(int fd, const void* data, size_t size, int flags)
    int MSG_NOSIGNAL
    int MSG_DONTWAIT

cdef Py_ssize_t START_CAPACITY = 2048
# A connection keeps no more than this of a buffer that once was large; twice as much while it is
# used, since a full read buffer becomes a little more than its own size.
cdef Py_ssize_t KEPT_CAPACITY = 131072


cdef class Outbound(Chore):
    """Collects bytes for `owner`'s connection and sends them once per turn.

    `owner` has `slow_consumer(pending_bytes)` and `write_failed(errno)`. Until `attach` bytes only
    collect. `pending_max` bounds what may wait, in bytes.
    """

    def __init__(self, object owner, Py_ssize_t pending_max):
        assert pending_max > 0
        self.owner = owner
        self.pending_max = pending_max
        self.fd = -1
        self.transport = None

    def __dealloc__(self):
        free(self.data)

    def attach(self, object transport, int fd) -> None:
        """Send through `transport`; with `fd` >= 0 straight to that socket while it takes all.

        The transport calls `pause` as soon as it keeps a byte (high-water mark 0) and `resume`
        when it has got rid of all: only so may the socket be written around it.
        """
        self.transport = transport
        self.fd = fd

    def detach(self) -> None:
        """The connection is gone: drop everything, take nothing more, let go of the owner."""
        self.closed = True
        self.start = self.end = self.transport_bytes = self.capacity = 0
        free(self.data)
        self.data = NULL
        self.transport = None
        self.fd = -1
        self.owner = None

    @property
    def pending(self) -> int:
        """Bytes that wait here or in the transport."""
        return self.end - self.start + self.transport_bytes

    def pause(self) -> None:
        """The transport holds bytes that the socket did not take."""
        self.blocked = True

    def resume(self, Turn turn) -> None:
        """The transport got rid of its bytes."""
        self.blocked = False
        self.transport_bytes = 0
        if self.end > self.start:
            turn.flush_later(self)

    def flush(self, Turn turn) -> None:
        """Send now instead of at the end of the turn."""
        self.settle(turn)

    def write(self, bytes data not None, Turn turn) -> None:
        """Append `data`; it leaves when the turn is finished."""
        self.append(<const char*> data, len(data), turn)

    cdef char* reserve(self, Py_ssize_t size, Turn turn) except? NULL:
        """Room for `size` bytes, counted as written, or NULL if nothing may be written any more."""
        cdef Py_ssize_t wanted, waiting = self.end - self.start
        cdef char* grown
        cdef char* out
        if self.closed or self.overflowed:
            return NULL
        wanted = waiting + self.transport_bytes + size
        if wanted > self.pending_max - (self.pending_max >> 2):
            turn.stalled = True
            if wanted > self.pending_max:
                self._overflow()
                return NULL
        if self.end + size > self.capacity:
            if self.start > 0:
                memmove(self.data, self.data + self.start, waiting)
                self.start = 0
                self.end = waiting
            if waiting + size > self.capacity:
                wanted = self.capacity * 2 if self.capacity else START_CAPACITY
                while wanted < waiting + size:
                    wanted *= 2
                grown = <char*> realloc(self.data, wanted)
                if grown == NULL:
                    raise MemoryError
                self.data = grown
                self.capacity = wanted
        out = self.data + self.end
        self.end += size
        if not self.queued:
            turn.flush_later(self)
        return out

    cdef int append(self, const char* data, Py_ssize_t size, Turn turn) except -1:
        """Append a copy of `data`; 0 if the connection takes nothing any more."""
        cdef char* to
        if size == 0:
            return 1
        to = self.reserve(size, turn)
        if to == NULL:
            return 0
        memcpy(to, data, size)
        return 1

    cdef int _overflow(self) except -1:
        self.overflowed = True
        self.owner.slow_consumer(self.end - self.start + self.transport_bytes)
        return 0

    cdef int settle(self, Turn turn) except -1:
        """Send what waits. What the socket refuses goes to the transport, which waits for it."""
        cdef ssize_t sent
        cdef int error
        cdef Py_ssize_t waiting = self.end - self.start
        cdef Py_ssize_t used = self.end
        if waiting == 0 or self.blocked or self.closed or self.transport is None:
            return 0
        if self.fd >= 0:
            while waiting > 0:
                sent = send(self.fd, self.data + self.start, waiting, MSG_NOSIGNAL | MSG_DONTWAIT)
                if sent > 0:
                    self.start += sent
                    self.bytes_sent += sent
                    waiting -= sent
                    continue
                error = errno       # before anything else can change it
                if error == EINTR:
                    continue
                if error == EAGAIN:
                    break
                self.start = self.end = 0
                self.closed = True
                self.owner.write_failed(error)
                return 0
        if waiting > 0:
            self._hand_over(waiting)
        else:
            self.start = self.end = 0
        if self.capacity > KEPT_CAPACITY and self.end == 0 and not self.blocked and (
            self.capacity > 2 * KEPT_CAPACITY or used * 4 < self.capacity
        ):
            self._shrink()
        return 0

    cdef int _hand_over(self, Py_ssize_t waiting) except -1:
        """Give what waits to the transport, which calls `pause` at once if it cannot send it."""
        cdef bytes data = PyBytes_FromStringAndSize(self.data + self.start, waiting)
        self.start = self.end = 0
        self.bytes_sent += waiting
        self.transport_bytes = waiting
        self.transport.write(data)
        if not self.blocked and not self.closed:
            self.transport_bytes = 0
            if self.fd >= 0 and self.transport.get_write_buffer_size():
                self.fd = -1        # it keeps bytes and does not say when they are gone
        return 0

    cdef int _shrink(self) except -1:
        cdef char* smaller = <char*> realloc(self.data, KEPT_CAPACITY)
        if smaller != NULL:
            self.data = smaller
            self.capacity = KEPT_CAPACITY
        return 0
