# cython: boundscheck=False, wraparound=False
"""Nats-Request-Info; see `request_info.pxd` for the picture.

Owns nothing. Knows the form that `Connection` prints: `acc` comes first of those used here, without
blanks. Invariant: what comes out is JSON if what went in is.
"""

from libc.string cimport memchr, memcmp

from isthmus.core.message cimport Span

cdef bytes INFO_KEY = b"Nats-Request-Info:"


cdef Py_ssize_t find_info(Span header, Py_ssize_t start) noexcept:
    cdef const char* newline
    cdef Py_ssize_t key_size = len(INFO_KEY)
    while True:
        newline = <const char*> memchr(header.data + start, c"\n", header.size - start)
        if newline == NULL:
            return -1
        start = newline + 1 - header.data
        if header.size - start >= key_size and not memcmp(
            header.data + start, <const char*> INFO_KEY, key_size
        ):
            return start


cdef bytes without_info(Span header):
    # a bare newline ends a line too: there are clients that read it so
    lines = [line.removesuffix(b"\r") for line in header.data[: header.size].split(b"\n")]
    return b"\r\n".join([line for line in lines if not line.startswith(INFO_KEY)])


cdef bytes with_service(bytes info, bytes service):
    start = info.find(b'"acc":')
    if start < 0:
        return info
    end = _string_end(info, start + 6)
    rest = info[end:]
    if rest.startswith(b',"svc":'):
        rest = rest[_string_end(rest, 7) :]
    return info[:end] + b',"svc":' + service + rest


cdef bytes without_service(bytes info):
    start = info.find(b',"svc":')
    return info if start < 0 else info[:start] + info[_string_end(info, start + 7) :]


cdef bytes with_server(bytes info, bytes shared):
    start = shared.find(b',"server":')
    if start < 0 or b',"server":' in info:
        return info
    return info[: len(info) - 1] + shared[start : _string_end(shared, start + 10)] + b"}"


cdef Py_ssize_t _string_end(bytes json, Py_ssize_t start) except -1:
    """Behind the JSON string that begins at `start`."""
    cdef const char* text = json
    cdef Py_ssize_t at = start + 1
    assert text[start] == c'"'
    while text[at] != c'"':
        at += 2 if text[at] == c"\\" else 1
        assert at < len(json)
    return at + 1
