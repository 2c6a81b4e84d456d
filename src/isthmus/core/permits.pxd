"""Precomputed answers to "may it?": sets of subjects, made by policy, asked per message.

`SubjectSet` is a trie of patterns. `PublishPermits` combines an allow set, a deny set and the
replies a client may answer once; verdicts for subjects that come again are remembered, bounded.
"""

from libc.stdint cimport int64_t

from isthmus.core.message cimport Span


cdef class SubjectSet:
    cdef dict root
    cdef readonly Py_ssize_t count

    cdef bint matches(self, Span subject) except -1


cdef class PublishPermits:
    cdef SubjectSet allow           # None: everything not denied
    cdef SubjectSet deny            # None: nothing
    cdef dict verdicts              # subject -> bool, bounded
    cdef dict replies               # reply -> [count left, ends_ns], bounded
    cdef readonly long long replies_max     # 0: no response permission; -1 unlimited
    cdef readonly int64_t replies_ttl_ns

    cdef bint allows(self, Span subject, int64_t now_ns) except -1
    cdef int grant_reply(self, Span reply, int64_t now_ns) except -1
