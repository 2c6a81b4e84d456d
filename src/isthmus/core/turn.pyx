"""The work of one turn, settled once; see `turn.pxd` for the picture.

Owns the lists of who asked. Knows no loop, no clock and no socket. Invariant: a chore is on one
list at most while `queued`, and whoever asked is settled in this turn or in one that resumes.
"""

from libc.stdint cimport int64_t, uint64_t

from isthmus.core.effort cimport spent_ns

# A turn that keeps producing work (two streams republishing into each other, say) gives the loop
# back after this many chores; the rest waits for the next turn.
cdef Py_ssize_t CHORES_MAX = 100_000
# A turn that has done so much starts no further slice: with the slice under way that is less than
# the 5 ms that a call on the loop may take.
cdef uint64_t SHARE_NS = 2_000_000
cdef uint64_t SLICE_NS = 600_000    # the least that a slice counts: Python does not say what it did
# Slices of those who say what they do, between which nothing is sent.
cdef Py_ssize_t TOGETHER_MAX = 64


cdef class Chore:
    """Something that may ask for one call at the end of the turn."""

    cdef int settle(self, Turn turn) except -1:
        return 0


cdef class Turn:
    """Collects what was touched; one per event loop. `seed` is any 64-bit number but 0."""

    def __init__(self, uint64_t seed):
        assert seed != 0
        self.random_state = seed
        self.chores = []
        self.next_chores = []
        self.outbounds = []
        self.now_ns = 0
        self.wake_ns = 0
        self.stalled = False
        self.finishing = False

    @property
    def unfinished(self) -> bool:
        """True if some chore ran out of its slice: begin another turn soon, and `resume`."""
        return len(self.next_chores) > 0 or len(self.outbounds) > 0

    @property
    def exhausted(self) -> bool:
        """True if this turn should begin no further slice."""
        return self._used_ns() >= SHARE_NS

    cdef bint worked_enough(self) noexcept:
        return spent_ns() - self.began_ns >= SHARE_NS

    cdef uint64_t _used_ns(self) noexcept:
        return max(spent_ns() - self.began_ns, self.slices * SLICE_NS)

    cdef bint take_slice(self) noexcept:
        if self._used_ns() >= SHARE_NS:
            return False
        self.slices += 1
        return True

    cpdef void begin(self, int64_t now_ns):
        """Start a turn at wall time `now_ns`."""
        self.now_ns = now_ns
        self.stalled = False
        self.left_over = 0
        self.began_ns = spent_ns()
        self.slices = 0

    def resume(self) -> None:
        """Go on in this turn with what ran out of its slice in one before."""
        self.left_over = len(self.next_chores)

    cdef void later(self, Chore chore):
        """Settle `chore` at the end of this turn."""
        if not chore.queued:
            chore.queued = True
            self.chores.append(chore)

    cdef void again(self, Chore chore):
        """Settle `chore` in the turn that resumes (it had more to do than one slice)."""
        if not chore.queued:
            chore.queued = True
            self.next_chores.append(chore)

    cdef void flush_later(self, Chore outbound):
        """Send what `outbound` collected when all chores are done."""
        if not outbound.queued:
            outbound.queued = True
            self.outbounds.append(outbound)

    cdef void wake_at(self, int64_t when_ns) noexcept:
        """Somebody has a deadline at wall time `when_ns`."""
        if self.wake_ns == 0 or when_ns < self.wake_ns:
            self.wake_ns = when_ns

    def wake(self, int64_t when_ns) -> None:
        """The same for Python."""
        self.wake_at(when_ns)

    def take_wake(self) -> int:
        """The earliest deadline noted since the last call, 0 for none."""
        cdef int64_t out = self.wake_ns
        self.wake_ns = 0
        return out

    cdef uint64_t random(self) noexcept:
        """xorshift64*: picks members of queue groups, nothing that must not be guessed."""
        cdef uint64_t x = self.random_state
        x ^= x >> 12
        x ^= x << 25
        x ^= x >> 27
        self.random_state = x
        return x * <uint64_t> 0x2545F4914F6CDD1D

    cdef list _next_slices(self):
        """The first of those left over, with its like if they say themselves what they do."""
        cdef Py_ssize_t count = 0
        cdef list out
        while count < min(self.left_over, TOGETHER_MAX) and (
            (<Chore> self.next_chores[count]).spends
        ):
            count += 1
        if count == 0:
            count = 1
            self.slices += 1
        out = self.next_chores[:count]
        del self.next_chores[:count]
        self.left_over -= count
        return out

    cpdef int finish(self) except -1:
        """Settle everything that was touched, then send. Nested calls do nothing.

        Sending may touch others (a closed connection is announced), so both are repeated until
        there is nothing left. An error of one chore does not stop the others: the first one is
        raised at the end.
        """
        cdef Chore chore
        cdef Py_ssize_t done = 0, at
        cdef list batch
        cdef bint resumed
        cdef object first_error = None
        if self.finishing:
            return 0
        self.finishing = True
        try:
            while self.chores or self.outbounds or (
                self.left_over > 0 and self._used_ns() < SHARE_NS
            ):
                resumed = False
                if self.chores and done < CHORES_MAX:
                    batch = self.chores
                    self.chores = []
                elif self.outbounds and done < 2 * CHORES_MAX:
                    batch = self.outbounds
                    self.outbounds = []
                elif self.left_over > 0 and not self.chores and not self.outbounds:
                    batch = self._next_slices()
                    resumed = True
                else:
                    self.next_chores.extend(self.chores)
                    self.chores.clear()
                    break
                done += len(batch)
                for at in range(len(batch)):
                    if resumed and at > 0 and self.worked_enough():
                        self.next_chores[:0] = batch[at:]   # they are the next ones
                        break
                    chore = <Chore> batch[at]
                    chore.queued = False
                    try:
                        chore.settle(self)
                    except Exception as error:  # noqa: BLE001 — kept and raised below
                        first_error = first_error or error
        finally:
            self.finishing = False
        if first_error is not None:
            raise first_error
        return 0
