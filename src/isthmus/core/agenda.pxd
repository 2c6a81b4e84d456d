"""When whom: deadlines of compiled objects and of their owners, so that the loop arms one timer.

        Alarm ─ due_ns, chore        at most once in the heap
        Agenda ─ heap of alarms      ring(turn): chores whose time has come are settled in the turn

A chore finds out itself what there is to do, and sets its alarm anew. `Job` is a chore whose work
is a Python call: timers of owners, and long work in slices.

Long work, whoever does it, is a callable that does one slice and says whether more is left, begun
by `run_in_slices`; a generator that yields where the loop may go becomes one by `Steps`:

        first slices at once, while the turn has time ── done? ── yes: that was all
                                                           └─ no: in turns that go on, until done
"""

from libc.stdint cimport int64_t

from isthmus.core.turn cimport Chore, Turn


cdef class Alarm:
    cdef Chore chore
    cdef Py_ssize_t place             # in the heap, from 1; 0: not set
    cdef readonly int64_t due_ns


cdef class Agenda:
    cdef list heap                    # heap[0] is a stand-in, so places count from 1

    # 0: clear it; the turn notes when the loop must wake
    cpdef int put(self, Alarm alarm, int64_t due_ns, Turn turn) except -1
    cpdef int64_t deadline_ns(self) except? -1                      # 0: none
    cpdef int ring(self, Turn turn) except -1
    cdef int _up(self, Py_ssize_t at) except -1
    cdef int _down(self, Py_ssize_t at) except -1


cdef class Job(Chore):
    cdef object work

    cpdef int start(self, Turn turn) except -1
    cpdef int start_next(self, Turn turn) except -1


cdef class Steps:
    cdef object work
    cdef object done


cdef class Line:
    cdef list waiting                 # Steps; the first is under way
    cdef readonly Py_ssize_t waiting_max
