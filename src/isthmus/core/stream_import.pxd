"""One stream import: what an account takes from the messages of another, as far as anybody listens.

Messages flow one way, from the exporter to the importer, and nothing of it exists in the exporter
until somebody in the importer subscribes to the local subject. Each such subscription has a
`Shadow` in the exporter, under the narrowest remote subject that can concern it and in the same
queue group: one name is one group, over all accounts.

        importer B    import of ps.*.* as got.$2.$1          exporter A
        SUB got.B.> work 24   ◄── Shadow ──────────────────  ps.*.B   queue "work"
        SUB got.*.*       23  ◄── Shadow ──────────────────  ps.*.*

A subscription that several imports concern has a shadow for each. Messages that came into the
exporter by a service import do not leave it by an export, and shadows have no shadows: a stream
passes one border.

The grant is checked with each message, as in `crossing.pxd`.

A million subscriptions cannot be met at once. From `subscribe` on each new one is told of; those
that were there first are met on the account's roll, a slice with each `step`, and let go of
likewise after `unsubscribe`:

        roll      S0 S1 S2 S3 │ S4 S5          unmet = 4: S4, S5 have their shadows, or are new
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.message cimport Message, Span
from isthmus.core.receiver cimport Receiver
from isthmus.core.rewriting cimport Rewriting
from isthmus.core.router cimport AccountCore
from isthmus.core.sublist cimport Watcher


cdef class StreamImport(Watcher):
    cdef readonly AccountCore importer
    cdef readonly AccountCore exporter
    cdef readonly bytes local             # pattern in the importer
    cdef readonly bytes remote            # pattern in the exporter
    cdef Rewriting inward                 # of messages: remote to local; None: they are equal
    cdef Rewriting outward                # of subscriptions: local to remote
    cdef dict shadows                     # Receiver -> list of its Shadows
    cdef Py_ssize_t unmet                 # places of the roll that nobody has looked at yet
    cdef bint meeting                     # who reports now may be known already
    cdef readonly bint subscribed
    cdef readonly bint alive
    cdef readonly int64_t ends_ns         # wall clock; 0: never
    cdef readonly uint64_t messages       # crossed: usage of the grant
    cdef readonly uint64_t bytes_crossed
    cdef readonly int64_t used_ns         # the last of them; 0: none yet

    cdef bint open_at(self, int64_t now_ns) noexcept
    cdef bint _meet(self, Py_ssize_t limit) except -1
    cdef bint _let_go(self, Py_ssize_t limit) except -1
    cdef bint _knows(self, Span subject, Span queue, Receiver receiver) except -1


cdef class Shadow(Receiver):
    cdef StreamImport way
    cdef Receiver receiver                # in the importer
    cdef bytes local                      # what it subscribed to there
    cdef bytes queue
    cdef bytes remote                     # where this stands in the exporter
