# cython: boundscheck=False, wraparound=False, cdivision=True
"""Sets of subjects and publish permissions; see `permits.pxd`.

A set is a trie of dictionaries, token by token; `b">"` and `b"*"` are keys like any other, and the
key `END` marks that a pattern ends here. Owns what it was made of. Knows no connection and no
clock. Invariant: a remembered verdict is what the sets would say, since sets never change.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from isthmus.core.hashing cimport hash_bytes, make_key
from isthmus.core.message cimport Span, span_of

cdef enum:
    VERDICTS_MAX = 1024         # remembered per connection
    REMEMBERED_SIZE_MAX = 256   # of a subject, in bytes

cdef object END = None
# Replies that may be answered at one time; at the bound the oldest is dropped.
cdef Py_ssize_t REPLIES_MAX = 4096
cdef int64_t NEVER_NS = 0x7FFFFFFFFFFFFFFF


cdef bint _walk(dict root, list tokens) except -1:
    """Level by level: a subject may have more tokens than a stack has room for."""
    cdef list level = [root]
    cdef list deeper
    cdef dict node
    cdef object child
    for token in tokens:
        deeper = []
        for node in level:
            if b">" in node:
                return True
            child = node.get(b"*")
            if child is not None:
                deeper.append(child)
            if token != b"*":           # a star in a literal subject is a token like any other
                child = node.get(token)
                if child is not None:
                    deeper.append(child)
        if not deeper:
            return False
        level = deeper
    for node in level:
        if END in node:
            return True
    return False


cdef class SubjectSet:
    """A set of patterns, asked whether a literal subject matches any of them."""

    def __init__(self, patterns):
        self.root = {}
        self.count = 0
        for pattern in patterns:
            node = self.root
            for token in (pattern.encode() if isinstance(pattern, str) else pattern).split(b"."):
                node = node.setdefault(token, {})
            node[END] = True
            self.count += 1

    def __contains__(self, bytes subject not None) -> bool:
        return self.matches(span_of(subject))

    cdef bint matches(self, Span subject) except -1:
        return _walk(self.root, subject.data[: subject.size].split(b"."))


cdef class PublishPermits:
    """What one connection may publish.

    `allow` None: everything that is not denied. `replies_max` != 0: a reply subject that was
    delivered to this connection may be published to that many times within `replies_ttl_ns`
    (negative: without bound), even if `allow` and `deny` say no.
    """

    def __init__(
        self, *, SubjectSet allow=None, SubjectSet deny=None,
        long long replies_max=0, int64_t replies_ttl_ns=0,
    ):
        self.allow = allow
        self.deny = deny
        self.replies_max = replies_max
        self.replies_ttl_ns = replies_ttl_ns
        self.key = make_key(0)      # a collision here costs its own connection a miss
        self.replies = {}

    def __dealloc__(self):
        self._forget()

    def may_publish(self, bytes subject not None, int64_t now_ns) -> bool:
        """True if a publication to `subject` is allowed now (and counts against a reply grant)."""
        return self.allows(span_of(subject), now_ns)

    @property
    def grant_count(self) -> int:
        """Replies that may be published to."""
        return len(self.replies)

    cdef bint allows(self, Span subject, int64_t now_ns) except -1:
        if self._listed(subject):
            return True
        return self.replies_max != 0 and self._granted(subject, now_ns)

    cdef bint _listed(self, Span subject) except -1:
        """What the lists say, remembered."""
        cdef uint64_t hash = hash_bytes(subject.data, subject.size, self.key)
        cdef Verdict* slot
        cdef bint allowed
        if self.verdict_capacity:
            slot = &self.verdicts[hash & <uint64_t> (self.verdict_capacity - 1)]
            if slot.subject != NULL and slot.hash == hash and slot.size == subject.size and (
                not memcmp(slot.subject, subject.data, subject.size)
            ):
                return slot.allowed
        allowed = (self.allow is None or self.allow.matches(subject)) and (
            self.deny is None or not self.deny.matches(subject)
        )
        if subject.size <= REMEMBERED_SIZE_MAX:
            self._remember(subject, hash, allowed)
        return allowed

    cdef int _remember(self, Span subject, uint64_t hash, bint allowed) except -1:
        cdef Verdict* slot
        cdef char* copy
        cdef Py_ssize_t capacity = self.verdict_capacity
        if self.verdict_count * 2 >= capacity and capacity < VERDICTS_MAX:
            self._forget()
            capacity = capacity * 2 if capacity else 16
            self.verdicts = <Verdict*> calloc(capacity, sizeof(Verdict))
            if self.verdicts == NULL:
                raise MemoryError
            self.verdict_capacity = capacity
        copy = <char*> malloc(subject.size)
        if copy == NULL:
            raise MemoryError
        memcpy(copy, subject.data, subject.size)
        slot = &self.verdicts[hash & <uint64_t> (capacity - 1)]
        if slot.subject == NULL:
            self.verdict_count += 1
        free(slot.subject)
        slot.hash = hash
        slot.subject = copy
        slot.size = subject.size
        slot.allowed = allowed
        return 0

    cdef void _forget(self) noexcept:
        cdef Py_ssize_t index
        for index in range(self.verdict_capacity):
            free(self.verdicts[index].subject)
        free(self.verdicts)
        self.verdicts = NULL
        self.verdict_capacity = self.verdict_count = 0

    cdef bint _granted(self, Span subject, int64_t now_ns) except -1:
        """True if `subject` is a reply that may still be answered; counts it."""
        cdef bytes key = subject.data[: subject.size]
        grant = self.replies.get(key)
        if grant is None:
            return False
        if grant[1] and now_ns > grant[1]:
            del self.replies[key]
            return False
        if grant[0] > 0:
            grant[0] -= 1
            if grant[0] == 0:
                del self.replies[key]
        return True

    cdef int grant_reply(self, Span reply, int64_t now_ns) except -1:
        """A message with this reply was delivered here."""
        cdef bytes key = reply.data[: reply.size]
        cdef int64_t ends_ns = 0
        if self.replies_ttl_ns > 0:
            ends_ns = now_ns + min(self.replies_ttl_ns, NEVER_NS - now_ns)
        self.replies.pop(key, None)     # the order is that of the last grant
        if len(self.replies) >= REPLIES_MAX:
            del self.replies[next(iter(self.replies))]
        self.replies[key] = [self.replies_max, ends_ns]
        return 0
