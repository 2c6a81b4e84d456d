"""One turn: a socket read, a timer, or a finished sync, and everything that follows from it.

Whatever is touched during the turn asks to be settled once: `later` for work that may route more
messages (a cursor with new messages, an inlet for Python, the journal's new end), `flush_later` for
the bytes of a connection. `finish` runs the work until there is none, then sends: one system call
per touched connection per turn, however many messages it got.

        begin(now_ns) ── parse, route, receive … ── finish()
                              │                        │ chores, first come first served;
                              └─ later(chore)          │   a chore may queue others
                              └─ flush_later(outbound) │ outbounds, each once
                                                       └ unfinished? the owner soon begins
        begin(now_ns) ── resume ── finish()              one more, which resumes

Whoever will have something to do when time passes says so with `wake_at`; the owner arms one timer
for the earliest moment noted.

A chore that has more to do than its slice calls `again`, and `unfinished` tells the owner to begin
a turn for it without waiting for a socket. Only a turn that is told to `resume` goes on with it: a
client's read takes no slice of somebody else's work. It takes one slice of each, first come, first
served, while it has done less than SHARE_NS (`effort.pxd`): a hundred long jobs hold up nobody
longer than a few of them. A slice counts something, however little it did, but those of chores
that say what they do (`spends`), which come many at a time.
"""

from libc.stdint cimport int64_t, uint64_t

cimport cython


cdef class Turn


cdef class Chore:
    cdef bint queued            # already on the turn's list; only Turn writes it
    cdef bint spends            # says itself what a slice of it did (effort.pxd), however little
    cdef int settle(self, Turn turn) except -1


@cython.final
cdef class Turn:
    cdef readonly int64_t now_ns      # wall clock, nanoseconds since 1970
    cdef readonly int64_t wake_ns     # earliest moment noted since `take_wake`; 0: none
    cdef readonly bint stalled        # a receiver is over 75 % of its bound: the producer may rest
    cdef uint64_t random_state
    cdef Py_ssize_t left_over         # of `next_chores`: how many this turn may take
    cdef uint64_t began_ns            # effort when it began
    cdef uint64_t slices              # taken in this turn
    cdef list chores
    cdef list next_chores             # slices, first come first served
    cdef list outbounds
    cdef bint finishing

    cdef void later(self, Chore chore)
    cdef void again(self, Chore chore)
    cdef void flush_later(self, Chore outbound)
    cdef void wake_at(self, int64_t when_ns) noexcept
    cdef uint64_t random(self) noexcept
    cpdef void begin(self, int64_t now_ns)
    cpdef int finish(self) except -1
    # a slice begins; False: this turn has done its share, it must wait for the next
    cdef bint take_slice(self) noexcept
    # what was done in it so far is its share: whoever can go on in another turn does
    cdef bint worked_enough(self) noexcept
    cdef uint64_t _used_ns(self) noexcept
    cdef list _next_slices(self)
