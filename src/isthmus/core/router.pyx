# cython: boundscheck=False, wraparound=False
"""From a published message to its receivers, inside one account; see `router.pxd` for the picture.

Owns an account's counters. Knows no receiver by its class. Invariant: no receiver that
matched is freed while the message is being spread, and none gets it twice from one `route`.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from isthmus.base.values import to_json
from isthmus.core.matches cimport Match
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.receiver cimport Receiver
from isthmus.core.rewriting cimport SUBJECT_MAX
from isthmus.core.roll cimport Roll
from isthmus.core.sublist cimport Sublist
from isthmus.core.turn cimport Turn


cdef class AccountCore:
    """Compiled half of an account: interest, counters, responses under way.

    `name` is the public key in operator mode, else the configured name. `seed` keys the sublist's
    hash. `response_token` is six random characters: the account's part of its `_R_` subjects.
    """

    def __init__(self, bytes name not None, uint64_t seed, bytes response_token not None):
        assert name
        assert len(response_token) == 6
        self.name = name
        self.requester = to_json(name.decode())
        self.sublist = Sublist(seed)
        self.roll = Roll()
        self.answering = []
        self.response_prefix = b"_R_." + response_token + b"."

    def __repr__(self) -> str:
        return f"AccountCore({self.name.decode()})"


def publish(
    AccountCore account not None, bytes subject not None, bytes payload not None,
    Turn turn not None, *, bytes reply=b"", bytes header=b"",
) -> int:
    """Route a message of the server itself; how many took it. The subject must be literal."""
    cdef Message message
    message.to = message.subject = span_of(subject)
    message.reply = span_of(reply)
    message.header = span_of(header)
    message.info = span(NULL, 0)
    message.payload = span_of(payload)
    message.now_ns = turn.now_ns
    message.origin = NULL
    message.hops = 0
    return route(account, &message, turn)


cdef int _spread(Match* found, Message* message, Turn turn) except -1:
    """Every plain receiver, and one of each queue group; how many took it."""
    cdef int taken = 0
    cdef int32_t index, group, start, end, size, pick
    for index in range(found.plain):
        taken += (<Receiver> found.receivers[index]).receive(message, turn)
    start = found.plain
    for group in range(found.groups):
        end = found.ends[group]
        size = end - start
        pick = 0 if size == 1 else <int32_t> (turn.random() % <uint64_t> size)
        # others of the group are tried if the picked one does not take it
        for index in range(size):
            if (<Receiver> found.receivers[start + (pick + index) % size]).receive(message, turn):
                taken += 1
                break
        start = end
    return taken


cdef int route(AccountCore account, Message* message, Turn turn) except -1:
    """Hand `message` to everyone interested in `message.to`; how many took it."""
    cdef Match found
    cdef Sublist sublist = account.sublist
    if message.hops > HOPS_MAX:
        return 0
    sublist.match(message.to, &found)
    try:
        return _spread(&found, message, turn)
    finally:
        sublist.release(&found)


cdef int route_mapped(AccountCore account, Message* message, Turn turn) except -1:
    """Hand `message` to everyone interested in what its subject stands for."""
    cdef char subject[SUBJECT_MAX]
    cdef Message mapped = message[0]
    if not account.mapping.apply(&mapped, subject, turn):
        return 0
    return route(account, &mapped, turn)


cdef int deliver(
    Target* target, AccountCore account, Message* message, Turn turn
) except -1:
    """`route`, remembering the receiver while the account's sublist stands as it is."""
    cdef Match found
    cdef Sublist sublist = account.sublist
    if message.hops > HOPS_MAX:
        return 0
    if target.receiver == NULL or target.generation != sublist.generation:
        target.receiver = NULL
        sublist.match(message.to, &found)
        if found.plain == 1 and found.groups == 0:
            target.receiver = found.receivers[0]
            target.generation = sublist.generation
        try:
            return _spread(&found, message, turn)
        finally:
            sublist.release(&found)
    # a receiver removed while it receives stays alive until the call is over
    sublist.scratch.depth += 1
    try:
        return (<Receiver> target.receiver).receive(message, turn)
    finally:
        sublist.leave()


cdef bint reaches(AccountCore account, Span subject, int64_t now_ns) except -1:
    """True if a message on the literal `subject` would reach somebody, at whatever distance."""
    cdef Match found
    cdef int32_t index, total
    cdef bint out = False
    account.sublist.match(subject, &found)
    try:
        total = found.ends[found.groups - 1] if found.groups else found.plain
        for index in range(total):
            if (<Receiver> found.receivers[index]).interested(now_ns):
                out = True
                break
    finally:
        account.sublist.release(&found)
    return out
