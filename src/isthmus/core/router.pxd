"""From a published message to its receivers, inside one account.

`route` matches `message.to`, hands the message to every plain receiver and to one member of each
queue group, and returns how many took it. A crossing calls `route` again for the other account;
`message.hops` bounds that recursion at HOPS_MAX, so no configuration can loop.

        message.to ─► Sublist.match ─► [ R R R │ G G │ G G G ]
                                         plain   one of each group, another if that one is gone
        R: Subscription, Ingest, Cursor's inlets …      answer here
        R: Crossing, Response, Shadow ─► route(the other account), hops + 1

`AccountCore` is the compiled half of `accounts.account.Account`: the sublist and the counters. It
knows its name and nothing about who may do what.

An account's mappings are looked at where a message comes in: published by a client, or entering
through a crossing (`route_mapped`). What the server itself sends is not mapped.

`Target` remembers where a reply subject leads: while the sublist has not changed and exactly one
plain receiver is interested, a delivery goes to it without a look-up.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from isthmus.core.mapping cimport Mapping
from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.roll cimport Roll
from isthmus.core.sublist cimport Sublist, Watcher
from isthmus.core.turn cimport Turn

cdef enum:
    HOPS_MAX = 16


cdef class AccountCore:
    cdef readonly bytes name          # key in operator mode, name in configuration mode
    cdef bytes requester              # the name as a JSON string
    cdef readonly Sublist sublist
    cdef readonly Roll roll           # who hears its stream imports
    cdef public Mapping mapping       # None: no subject stands for another
    cdef public list answering        # crossings that may have answers under way, of all accounts
    cdef bytes response_prefix        # `_R_.` + 6 characters + `.`
    cdef Watcher awaited              # answers that other accounts owe it (`awaited.pxd`), or None
    cdef readonly uint64_t in_messages
    cdef readonly uint64_t in_bytes
    cdef readonly uint64_t out_messages
    cdef readonly uint64_t out_bytes


cdef int route(AccountCore account, Message* message, Turn turn) except -1
# the same for an account that has a mapping
cdef int route_mapped(AccountCore account, Message* message, Turn turn) except -1


# True if a message on `subject` would reach somebody, borders looked through
cdef bint reaches(AccountCore account, Span subject, int64_t now_ns) except -1


cdef struct Target:
    PyObject* receiver                # borrowed, valid while generation stands; NULL: match again
    uint64_t generation


cdef int deliver(
    Target* target, AccountCore account, Message* message, Turn turn
) except -1
