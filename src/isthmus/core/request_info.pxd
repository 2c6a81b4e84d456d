"""Nats-Request-Info: who asks, as JSON, on its way over borders.

        first border      {"acc":"C","rtt":300406}
        second border     {"acc":"C","svc":"B","rtt":300406}
        where it shares   {"acc":"C","svc":"B","rtt":300406,"server":"lab7"}

Whoever crosses carries it beside the message (`message.pxd`). A line of that name which a client
wrote itself is taken out.
"""

from isthmus.core.message cimport Span

# where the first line from `start` on with Nats-Request-Info begins in a header, or -1
cdef Py_ssize_t find_info(Span header, Py_ssize_t start) noexcept
# the header block without any such line
cdef bytes without_info(Span header)
# `info` with `svc` set to the account (a JSON string) that the request came through, or without it
cdef bytes with_service(bytes info, bytes service)
cdef bytes without_service(bytes info)
# `info` with the server's name, which `shared` has
cdef bytes with_server(bytes info, bytes shared)
