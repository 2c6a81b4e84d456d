"""Who is interested in a subject.

Literal subjects live in one hash table, patterns in a trie of tokens (`patterns.pxd`); a match is
one look-up plus a walk over the (usually few) patterns. Both lead to nodes (`node.pxd`):

        literals    hash("orders.new")  ─► Node
        patterns    root ─ "orders" ─┬─ *  ─► Node            orders.*
                                     └─ >  ─► Node            orders.>

A match is flat: all plain receivers, then the members of each queue group (a group spans all
patterns that match, so members with one name are gathered):

        receivers   R R R │ R R │ R
        ends              3     5     6

Results for subjects that come again are cached: the second miss of a subject fills its slot, so the
unique subjects of replies never enter. A new or removed literal drops its own slot, a pattern
drops all (`pattern_generation`). `generation` counts every change: who resolved a subject once may
keep the result while the number stands. A subject with an empty token matches no pattern.

Watchers are told of every receiver that comes and goes: a stream import follows the subscriptions
of its account that way, a push consumer those to its deliver subject.

Removal during a match is safe: memory that a running match may look at is freed when the outermost
match ends (`depth`).
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint64_t

cimport cython

from isthmus.core.hashing cimport Key
from isthmus.core.message cimport Span
from isthmus.core.node cimport Node
from isthmus.core.patterns cimport Branch
from isthmus.core.receiver cimport Receiver


cdef struct Match:
    int32_t plain               # receivers[0:plain] all get the message
    int32_t groups              # number of queue groups
    int32_t* ends               # ends[g]: where group g's members end in receivers
    PyObject** receivers        # borrowed: valid until `release`
    PyObject* single            # where `receivers` points if nothing but one plain one matches


cdef struct Literal             # slot of the literal table


cdef struct Cached              # slot of the cache


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
    cdef Literal* literals
    cdef Py_ssize_t literal_capacity
    cdef Py_ssize_t literal_count
    cdef Branch* root
    cdef Py_ssize_t pattern_count
    cdef Cached* cache
    cdef Py_ssize_t cache_capacity
    cdef Py_ssize_t cache_used
    cdef readonly uint64_t cache_hits
    cdef readonly uint64_t matches
    cdef readonly int depth                     # matches that run
    cdef list graveyard                         # receivers to let go when the last match ends
    cdef void** retired
    cdef Py_ssize_t retired_count
    cdef Py_ssize_t retired_capacity
    # scratch of uncached matches: a stack, since a receiver may route on
    cdef PyObject** stack
    cdef Py_ssize_t stack_top
    cdef readonly Py_ssize_t stack_capacity
    cdef int32_t* ends_stack
    cdef Py_ssize_t ends_top
    cdef Py_ssize_t ends_capacity

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

    # for who holds a receiver through `generation`: depth += 1 … leave()
    cdef int leave(self) except -1

    cdef Node* _literal_node(self, Span subject, uint64_t hash) except NULL
    cdef int _rehash(self) except -1
    cdef Literal* _find_literal(self, Span subject, uint64_t hash) noexcept
    cdef bint _remove_literal(
        self, Span subject, uint64_t hash, Span queue, uint64_t queue_hash, PyObject* receiver
    ) except -1
    cdef void _close_gap(self, Py_ssize_t gap) noexcept
    cdef int _collect(self, Span subject, uint64_t hash, Match* out) except -1
    cdef int _flatten(self, Node** nodes, int count, Match* out) except -1
    cdef PyObject** _take_receivers(self, Py_ssize_t size) except NULL
    cdef int32_t* _take_ends(self, Py_ssize_t size) except NULL
    cdef int _retire(self, void* memory) except -1
    cdef int _resize_cache(self, Py_ssize_t capacity) except -1
    cdef int _remember(self, Cached* slot, Span subject, uint64_t hash, Match* found) except -1
    cdef int _drop(self, Cached* slot) except -1
    cdef int _forget(self, uint64_t hash) except -1
