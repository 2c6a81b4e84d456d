"""Which of many waiting pulls is the first whose condition holds, without asking each.

A condition is two numbers; it holds where so many messages are unseen, or so many unacknowledged.
The pulls stand in places, in the order of the queue; over the places lies a tree of the least that
suffices below each of its nodes:

        tree      (1, 7)                        is there anybody for whom (unseen, unacked) does?
                 ╱      ╲                       then the left half is asked first, and so on down
             (5, 7)     (1, never)
             ╱    ╲      ╱     ╲
        places  a      ·      b      ·          · left: nobody has gone there yet, or has left

Who enters takes the next place at the end. When there is none, all move up, into twice the room if
half of it is taken. So entering, leaving and finding cost the logarithm of how many wait.
"""

from libc.stdint cimport int64_t

cimport cython

from isthmus.core.pull cimport Pull


cdef struct Condition:                # holds where either number is reached
    int64_t unseen                    # 0: always; INT64_MAX: never
    int64_t unacked


@cython.final
cdef class Conditions:
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t end               # places taken so far, those left included
    cdef Py_ssize_t capacity          # a power of two; 0: none yet
    cdef Pull** places
    cdef Condition* tree              # node 1 is the root, below `at` are 2at and 2at+1

    cdef int enter(self, Pull* pull, Condition condition) except -1
    cdef void leave(self, Pull* pull) noexcept
    cdef Pull* first(self, Condition reached) noexcept         # NULL: nobody's condition holds

    cdef int _make_room(self) except -1
    cdef void _set(self, Py_ssize_t place, Condition condition) noexcept
