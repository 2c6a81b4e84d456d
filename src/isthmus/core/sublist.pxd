"""Who is interested in a subject.

Literal subjects live in one hash table (`literals.pxd`), patterns in a trie of tokens
(`patterns.pxd`); a match is one look-up plus a walk over the (usually few) patterns. Both lead to
nodes (`node.pxd`), which become one flat result (`matches.pxd`):

        literals    hash("orders.new")  ─► Node ────────────────────────────────┐
        patterns    root ─ "orders" ─┬─ *  ─► Node            orders.*          ├─► Match
                                     └─ >  ─► Node            orders.>  ────────┘

Results for subjects that come again are cached (`match_cache.pxd`). A new or removed literal drops
its own result, a pattern drops all (`pattern_generation`). `generation` counts every change: who
resolved a subject once may keep the result while the number stands. A subject with an empty token
matches no pattern.

Watchers are told of every receiver that comes and goes: a stream import follows the subscriptions
of its account that way, a push consumer those to its deliver subject.

Removal during a match is safe: what a running match may look at is let go of when the outermost
match ends (`graveyard`, and `matches.pxd`).
"""

from libc.stdint cimport uint64_t

cimport cython

from isthmus.core.hashing cimport Key
from isthmus.core.literals cimport Literals
from isthmus.core.match_cache cimport Cache
from isthmus.core.matches cimport Match, Scratch
from isthmus.core.message cimport Span
from isthmus.core.patterns cimport Branch
from isthmus.core.receiver cimport Receiver


cdef class Watcher:
    # Called for each insertion and removal; the spans are borrowed. Must not change this sublist.
    cdef int added(self, Span subject, Span queue, Receiver receiver) except -1
    cdef int removed(self, Span subject, Span queue, Receiver receiver) except -1


@cython.final
cdef class Sublist:
    cdef Key key
    cdef list watchers                          # None: nobody
    cdef readonly uint64_t generation
    cdef uint64_t pattern_generation
    cdef readonly Py_ssize_t count              # receivers in total
    cdef Literals literals
    cdef Branch* root
    cdef Py_ssize_t pattern_count
    cdef Cache cache
    cdef readonly uint64_t cache_hits
    cdef readonly uint64_t matches
    cdef Scratch scratch
    cdef list graveyard                         # receivers to let go when the last match ends

    cdef int insert(self, Span subject, Span queue, Receiver receiver) except -1
    cdef int remove(self, Span subject, Span queue, Receiver receiver) except -1
    cdef int match(self, Span subject, Match* out) except -1
    cdef int release(self, Match* match) except -1
    cdef bint has_interest(self, Span subject) except -1
    cdef bint has_literal(self, Span subject) noexcept
    # True if somebody subscribed to exactly this, in queue group `queue` or (empty) in none
    cdef bint holds(self, Span subject, Span queue) noexcept
    cdef int watch_changes(self, Watcher watcher) except -1
    cdef int unwatch(self, Watcher watcher) except -1

    # for who holds a receiver through `generation`: scratch.depth += 1 … leave()
    cdef int leave(self) except -1

    cdef int _collect(self, Span subject, uint64_t hash, Match* out) except -1
