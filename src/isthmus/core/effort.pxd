"""How much was done so far: a number of nanoseconds that only grows.

A callback of the loop may take 5 ms. What it does to one message, one request or one subscription
is bounded by itself; what walks, gathers or removes many things comes in slices, and each slice
says here what it did, at an estimated price (`docs/decisions/0007`):

        spend(looked_at * LOOK_NS)        one addition for a slice, none for a message

Two ask how much it was: a turn, which starts no further slice after its share (`turn.pxd`), and the
tests of the rule, to whom a number that counts work is worth more than a clock that counts a busy
machine.
"""

from libc.stdint cimport uint64_t

cdef enum:
    LOOK_NS = 100               # one entry, record or subject looked at
    REMOVE_NS = 400             # one message removed by itself
    TRIM_NS = 60                # one message removed in bulk
    SUBSCRIBE_NS = 1000         # one receiver entered into a sublist, or taken out
    GATHER_NS = 150             # one object made for a list
    PASS_NS = 4                 # one entry of a table passed by, not looked at


cdef void spend(uint64_t ns) noexcept
cdef uint64_t spent_ns() noexcept
