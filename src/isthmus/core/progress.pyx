# cython: boundscheck=False, wraparound=False, cdivision=True
"""Steps of a consumer to bytes; see `progress.pxd` for the format.

Owns the buffer of one turn. Knows no meaning: the cursor writes steps and applies them. Invariant:
neighbours delivered one after the other are one step, whatever their number.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, realloc

from isthmus.core.message cimport Span, span

cdef enum:
    NUMBER_MAX = 10             # bytes of a varint
    CAPACITY_KEPT = 65_536


cdef class Steps:
    """The steps of one turn, in order."""

    def __dealloc__(self):
        free(self.data)

    cdef int delivered(self, uint64_t gap) except -1:
        """A first delivery, `gap` behind the last one; neighbours are counted in one step."""
        if self.run_count and gap == 1:
            self.run_count += 1
            return 0
        self._close_run()
        self._room(1 + 2 * NUMBER_MAX)
        self.run_gap = gap
        self.run_count = 1
        return 0

    cdef int add(self, Step step, uint64_t one) except -1:
        self._close_run()
        self._room(1 + NUMBER_MAX)
        self.data[self.size] = <char> step
        self.size += 1
        self._number(one)
        return 0

    cdef int add_two(self, Step step, uint64_t one, uint64_t two) except -1:
        self.add(step, one)
        self._room(NUMBER_MAX)
        self._number(two)
        return 0

    cdef int add_many(self, Step step, const uint64_t* values, int count) except -1:
        cdef int index
        self.add(step, values[0])
        self._room(count * NUMBER_MAX)
        for index in range(1, count):
            self._number(values[index])
        return 0

    cdef Span taken(self) except *:
        """Everything since `clear`; borrowed until the next step."""
        self._close_run()
        return span(self.data, self.size)

    cdef void clear(self) noexcept:
        self.size = 0
        if self.capacity > CAPACITY_KEPT:
            free(self.data)
            self.data = NULL
            self.capacity = 0

    cdef int _room(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t capacity = self.capacity if self.capacity else 256
        cdef char* data
        # a run that is still open needs its room too
        more += 1 + 2 * NUMBER_MAX
        if self.size + more <= self.capacity:
            return 0
        while self.size + more > capacity:
            capacity *= 2
        data = <char*> realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError
        self.data = data
        self.capacity = capacity
        return 0

    cdef void _close_run(self) noexcept:
        if self.run_count:
            self.data[self.size] = <char> DELIVERED
            self.size += 1
            self._number(self.run_gap)
            self._number(self.run_count)
            self.run_count = 0

    cdef void _number(self, uint64_t value) noexcept:
        while value >= 128:
            self.data[self.size] = <char> (<uint8_t> (value & 127) | 128)
            self.size += 1
            value >>= 7
        self.data[self.size] = <char> value
        self.size += 1


cdef bint read_number(const char** at, const char* end, uint64_t* out) noexcept:
    cdef uint64_t value = 0
    cdef int shift = 0
    cdef uint8_t byte
    while at[0] < end and shift < 64:
        byte = <uint8_t> at[0][0]
        at[0] += 1
        value |= <uint64_t> (byte & 127) << shift
        if byte < 128:
            out[0] = value
            return True
        shift += 7
    return False
