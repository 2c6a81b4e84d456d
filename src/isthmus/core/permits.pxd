"""Precomputed answers to "may it?": sets of subjects, made by policy, asked per message.

`SubjectSet` is a trie of patterns. `PublishPermits` combines an allow set, a deny set and the
replies a client may answer once; verdicts for subjects that come again are remembered, bounded.

        orders.*, orders.eu.>       root ── orders ─┬─ * ── END
                                                    └─ eu ── > ── END

        subject ─ hash ─► verdicts ─ known ─────────────────────────────────► allowed?
                              └ new ─► allow, then deny: both sets ─ keep ──►
                                       neither lets it pass ─► a reply granted? count it
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.hashing cimport Key
from isthmus.core.message cimport Span


cdef struct Verdict:
    uint64_t hash
    char* subject                   # NULL: empty
    Py_ssize_t size
    bint allowed


cdef class SubjectSet:
    cdef dict root
    cdef readonly Py_ssize_t count

    cdef bint matches(self, Span subject) except -1


cdef class PublishPermits:
    cdef SubjectSet allow           # None: everything not denied
    cdef SubjectSet deny            # None: nothing
    cdef Key key
    cdef Verdict* verdicts          # direct-mapped by the subject's hash, bounded
    cdef Py_ssize_t verdict_capacity
    cdef readonly Py_ssize_t verdict_count
    cdef dict replies               # reply -> [count left, ends_ns], bounded
    cdef readonly long long replies_max     # 0: no response permission; -1 unlimited
    cdef readonly int64_t replies_ttl_ns

    cdef bint allows(self, Span subject, int64_t now_ns) except -1
    cdef bint _listed(self, Span subject) except -1
    cdef int _remember(self, Span subject, uint64_t hash, bint allowed) except -1
    cdef void _forget(self) noexcept
    cdef bint _granted(self, Span subject, int64_t now_ns) except -1
    cdef int grant_reply(self, Span reply, int64_t now_ns) except -1
