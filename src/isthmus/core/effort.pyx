"""What compiled code did so far, in nanoseconds of a known machine; see `effort.pxd`.

Owns one number. Knows no clock. Invariant: it never gets smaller.
"""

from libc.stdint cimport uint64_t

cdef uint64_t total = 0


cdef void spend(uint64_t ns) noexcept:
    global total
    total += ns


cdef uint64_t spent_ns() noexcept:
    return total


def so_far_ns() -> int:
    """What was spent since the process began."""
    return total
