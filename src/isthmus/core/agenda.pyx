# cython: boundscheck=False, wraparound=False, cdivision=True
"""Deadlines in one heap; see `agenda.pxd`.

Owns the order of alarms. Knows no clock: a turn says what time it is. Invariant: an alarm's `place`
is where the heap holds it, and 0 when it does not.
"""

from libc.stdint cimport int64_t

from isthmus.core.turn cimport Chore, Turn

# More than that in one line is no sane client's.
cdef Py_ssize_t LINE_MAX = 65_536
# Chores that one turn is given by time; most of an owner take it some microseconds.
cdef int RUNG_MAX = 256


cdef class Alarm:
    """A deadline of `chore`. Let go of it with `Agenda.put(alarm, 0, turn)`."""

    def __init__(self, Chore chore not None):
        self.chore = chore


cdef class Agenda:
    """The deadlines of one server, or of one account in a test."""

    def __init__(self):
        self.heap = [None]

    def __len__(self) -> int:
        return len(self.heap) - 1

    def check(self) -> None:
        """Assert the invariants."""
        cdef Py_ssize_t at
        for at in range(1, len(self.heap)):
            assert (<Alarm> self.heap[at]).place == at
            assert at == 1 or (
                (<Alarm> self.heap[at // 2]).due_ns <= (<Alarm> self.heap[at]).due_ns
            )

    cpdef int put(self, Alarm alarm, int64_t due_ns, Turn turn) except -1:
        """Settle the alarm's chore at `due_ns`, and not at the time set before; 0: not at all."""
        cdef Alarm last
        cdef Py_ssize_t at = alarm.place
        if due_ns == alarm.due_ns:
            return 0
        if due_ns:
            turn.wake_at(due_ns)
        alarm.due_ns = due_ns
        if due_ns == 0:
            last = <Alarm> self.heap.pop()
            alarm.place = 0
            if last is not alarm:
                self.heap[at] = last
                last.place = at
                self._up(at)
                self._down(last.place)
        elif at == 0:
            self.heap.append(alarm)
            alarm.place = len(self.heap) - 1
            self._up(alarm.place)
        else:
            self._up(at)
            self._down(alarm.place)
        return 0

    cpdef int64_t deadline_ns(self) except? -1:
        """When `ring` next has something to do; 0: never."""
        return (<Alarm> self.heap[1]).due_ns if len(self.heap) > 1 else 0

    cpdef int ring(self, Turn turn) except -1:
        """Queue chores whose time has come, some at a time; how many.

        Where there are more, `deadline_ns` is over still: the loop wakes at once, for the next.
        """
        cdef Alarm alarm
        cdef int rung = 0
        while len(self.heap) > 1 and rung < RUNG_MAX:
            alarm = <Alarm> self.heap[1]
            if alarm.due_ns > turn.now_ns:
                break
            self.put(alarm, 0, turn)
            turn.later(alarm.chore)
            rung += 1
        return rung

    cdef int _up(self, Py_ssize_t at) except -1:
        cdef Alarm moving = <Alarm> self.heap[at]
        cdef Alarm parent
        while at > 1:
            parent = <Alarm> self.heap[at // 2]
            if parent.due_ns <= moving.due_ns:
                break
            self.heap[at] = parent
            parent.place = at
            at = at // 2
        self.heap[at] = moving
        moving.place = at
        return 0

    cdef int _down(self, Py_ssize_t at) except -1:
        cdef Alarm moving = <Alarm> self.heap[at]
        cdef Alarm child
        cdef Py_ssize_t below, size = len(self.heap)
        while 2 * at < size:
            below = 2 * at
            if below + 1 < size and (
                (<Alarm> self.heap[below + 1]).due_ns < (<Alarm> self.heap[below]).due_ns
            ):
                below += 1
            child = <Alarm> self.heap[below]
            if child.due_ns >= moving.due_ns:
                break
            self.heap[at] = child
            child.place = at
            at = below
        self.heap[at] = moving
        moving.place = at
        return 0


cdef class Job(Chore):
    """Work of a Python owner at the end of a turn: `work(turn)`, again next turn if it says so."""

    def __init__(self, object work not None):
        self.work = work

    cpdef int start(self, Turn turn) except -1:
        """Do it at the end of this turn."""
        turn.later(self)
        return 0

    cpdef int start_next(self, Turn turn) except -1:
        """Do it in the next turn."""
        turn.again(self)
        return 0

    cdef int settle(self, Turn turn) except -1:
        if self.work(turn):
            turn.again(self)
        return 0


cdef class Steps:
    """`work` is a generator that yields between slices; `done(its result, turn)` at the end."""

    def __init__(self, object work not None, object done not None):
        self.work = work
        self.done = done

    def __call__(self, Turn turn not None) -> bool:
        """One slice; True if more is left."""
        try:
            next(self.work)
        except StopIteration as end:
            self.done(end.value, turn)
            return False
        return True


def run_in_slices(object work not None, Turn turn not None) -> None:
    """`work(turn)` does a slice and says if more is left: some at once, others in later turns."""
    while turn.take_slice():
        if not work(turn):
            return
    Job(work).start_next(turn)


cdef class Line:
    """Long work of one kind, one after the other; whose turn has not come waits, unbegun.

    At most `waiting_max` wait: a generator that has not begun is small, but not nothing.
    """

    def __init__(self, Py_ssize_t waiting_max=LINE_MAX):
        assert waiting_max > 0
        self.waiting_max = waiting_max
        self.waiting = []

    def __len__(self) -> int:
        return len(self.waiting)

    def take(self, object work not None, object done not None, Turn turn not None) -> bool:
        """Carry out the generator `work` (see `Steps`); False if too many wait."""
        if len(self.waiting) >= self.waiting_max:
            return False
        self.waiting.append(Steps(work, done))
        if len(self.waiting) == 1:
            run_in_slices(self._step, turn)
        return True

    def _step(self, Turn turn not None) -> bool:
        """A slice of the first; one that fails does not hold up the others."""
        try:
            if not self.waiting[0](turn):
                self.waiting.pop(0)
        except BaseException:
            self.waiting.pop(0)
            if self.waiting:
                Job(self._step).start_next(turn)
            raise
        return len(self.waiting) > 0
