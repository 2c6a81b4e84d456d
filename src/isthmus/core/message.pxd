"""One message on its way, borrowed: valid during the call that hands it over, and no longer.

A receiver that keeps anything copies it. `to` is the subject that is matched, `subject` the one
that subscribers see; they differ only where a consumer delivers a stored message (matched by the
puller's inbox, shown with the stream's subject). `info` is the JSON of a Nats-Request-Info header
that nobody has written yet: who crosses a border carries it beside the message, and only a receiver
that shows headers pays for printing it.

        to          _R_.aStXD0.fo9ikb                     matched
        subject     retail.v1.restock.requested           shown
        reply       $JS.ACK.RESTOCKEVENTS.C1.1.1.1.…      may be empty
        header      NATS/1.0 … blank line                 may be empty (size 0)
        info        {"acc":"ABB…","rtt":448156}           appended to header when shown
        payload     bytes
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t


cdef struct Span:
    const char* data
    Py_ssize_t size


cdef struct Message:
    Span to
    Span subject
    Span reply
    Span header
    Span info
    Span payload
    int64_t now_ns      # wall clock of the turn, nanoseconds since 1970
    PyObject* origin    # the Client that published it, borrowed, or NULL: for echo and request info
    int hops            # borders crossed so far; bounded by HOPS_MAX in router.pxd


cdef inline Span span(const char* data, Py_ssize_t size) noexcept nogil:
    cdef Span out
    out.data = data
    out.size = size
    return out


cdef inline Span span_of(bytes text) noexcept:
    """The bytes of `text`, which the caller keeps alive."""
    cdef Span out
    out.data = <const char*> text
    out.size = len(text)
    return out
