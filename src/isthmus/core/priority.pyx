# cython: boundscheck=False, wraparound=False, cdivision=True
"""Priority groups of a pull consumer; see `priority.pxd` for the policies.

Owns who is pinned. Knows no queue and sends nothing: the cursor asks about each request and tells
what became of it. Invariant: `lost_ns` is set exactly while somebody is pinned.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.string cimport memcmp, memcpy

from isthmus.core.conditions cimport Condition
from isthmus.core.message cimport Span, span
from isthmus.core.pull cimport PIN_SIZE, Wish
from isthmus.core.turn cimport Turn

cdef enum:
    DIGITS_A_DRAW = 10          # of base 62 in one random number

cdef bytes LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


cdef class Priority:
    """`policy` 1, 2, 3: overflow, pinned_client (for `timeout_ns` without a sign), prioritized."""

    def __init__(self, Policy policy, int64_t timeout_ns=0):
        assert policy in (OVERFLOW, PINNED, PRIORITIZED)
        self.policy = policy
        self.conditional = policy != PRIORITIZED
        self.configure(timeout_ns)

    def configure(self, int64_t timeout_ns) -> None:
        """How long a pin holds from now on; one that is held keeps its deadline."""
        assert timeout_ns > 0 or self.policy != PINNED
        self.timeout_ns = timeout_ns

    @property
    def pin_id(self) -> bytes:
        """Who is pinned; empty: nobody."""
        return self.id[:PIN_SIZE] if self.pinned else b""

    def check(self) -> None:
        """Assert the invariants."""
        assert self.pinned == (self.lost_ns > 0)
        assert not self.pinned or (self.policy == PINNED and self.id_made)

    cdef bint mistaken(self, const Wish* wish, int64_t now_ns) noexcept:
        if not self.pinned or wish.id_size == 0:
            return False
        if not self._is_pinned(wish):
            return True
        self.lost_ns = now_ns + self.timeout_ns
        return False

    cdef Condition condition(self, const Wish* wish) noexcept:
        cdef Condition out
        out.unseen = out.unacked = INT64_MAX
        if self.policy == PINNED:
            out.unseen = 0 if wish.id_size else 1
        elif self.policy == PRIORITIZED or wish.min_pending <= 0 and wish.min_ack_pending <= 0:
            out.unseen = 0
        else:
            if wish.min_pending > 0:
                out.unseen = wish.min_pending
            if wish.min_ack_pending > 0:
                out.unacked = wish.min_ack_pending
        return out

    cdef Condition reached(self, Py_ssize_t unacked) noexcept:
        cdef Condition out
        out.unseen = <int64_t> self.unseen
        out.unacked = unacked
        if self.policy == PINNED:
            out.unseen = 0 if self.pinned else 1
        return out

    cdef bint is_over(self, const Wish* wish) noexcept:
        if self.policy != PINNED or wish.id_size == 0:
            return False
        return not self.pinned or not self._is_pinned(wish)

    cdef Span next_id(self, const Wish* wish, Turn turn) noexcept:
        cdef uint64_t random = 0
        cdef const char* letters = LETTERS
        cdef int at
        if wish.group < 0 and not self.pinned:
            return span(NULL, 0)
        if not self.id_made:
            for at in range(PIN_SIZE):
                if at % DIGITS_A_DRAW == 0:
                    random = turn.random()
                self.id[at] = letters[random % 62]
                random //= 62
            self.id_made = True
        return span(self.id, PIN_SIZE)

    cdef bint taken(self, Wish* wish, int64_t now_ns) noexcept:
        if self.pinned or wish.group < 0:
            return False
        self.pinned = True
        self.group = wish.group
        wish.id_size = PIN_SIZE
        memcpy(wish.id, self.id, PIN_SIZE)
        self.pinned_ns = now_ns
        self.lost_ns = now_ns + self.timeout_ns
        return True

    cdef void let_go(self) noexcept:
        self.pinned = self.id_made = False
        self.pinned_ns = self.lost_ns = 0

    cdef bint _is_pinned(self, const Wish* wish) noexcept:
        return wish.id_size == PIN_SIZE and not memcmp(wish.id, self.id, PIN_SIZE)
